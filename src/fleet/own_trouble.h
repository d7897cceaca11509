/* SPDX-License-Identifier: MIT
 * Whose trouble is it, this worker's or everybody's? A reply that would open an app's circuit, but
 * that a fault of this host or of this worker's keys may have caused as well (a certificate, no
 * connection, no answer, a clock, an old secret), opens it for the fleet only when another worker
 * says the same of that app, or none else is alive. Until then it is this worker's own: it takes no
 * jobs of the app but for a probe now and then, and what it holds goes back, for others to send. */
#ifndef PB_FLEET_OWN_TROUBLE_H
#define PB_FLEET_OWN_TROUBLE_H

#include "config/config.h"
#include "fleet/fleet_store.h"
#include "job/verdict.h"

struct own_trouble;

enum { OWN_APP_SIZE = 72 };

/* What a trip was like: of the app's circuit, should it turn out to be everybody's. */
struct own_trip {
    const char *why, *message;
    int64_t row_began_ms; /* monotonic; 0: the one reply was enough */
    uint64_t job;         /* circuit_job() of the last job that had it */
};

/* Everybody's: the app's circuit is to be opened. now_redis_ms 0: not known. */
typedef void (*own_open_fn)(void *arg, size_t app, const struct own_trip *trip,
                            int64_t now_redis_ms);
/* Something changed that lets jobs flow or a probe go. */
typedef void (*own_fn)(void *arg);

/* config and store are borrowed. */
struct own_trouble *own_new(const struct config *config, struct fleet_store *store,
                            own_open_fn open, own_fn fn, void *arg);
void own_free(struct own_trouble *o); /* after the store's connection */
/* Another configuration (borrowed): an app that stays, by name, keeps its trouble, and is probed
 * soon, since its keys may be others. */
void own_set_config(struct own_trouble *o, const struct config *config);

/* May the reply be this worker's own doing? Pure. */
bool own_may_be(const struct reply *reply);

/* The app's circuit would open by a reply for which own_may_be() is true. app: index in the
 * configuration; one past the last belongs to nobody, and nothing is done. */
void own_trip(struct own_trouble *o, size_t app, const struct own_trip *trip, int64_t now_ms);
/* A probe had such a reply, or none (it was not made). */
void own_probe_failed(struct own_trouble *o, size_t app, int64_t now_ms);
void own_probe_lost(struct own_trouble *o);
/* A call of the app went through, or was answered by the provider itself. Cheap. */
void own_well(struct own_trouble *o, size_t app);
/* The fleet says that it is everybody's. */
void own_adopt(struct own_trouble *o, size_t app);

/* No jobs of the app now. */
bool own_holds(const struct own_trouble *o, size_t app);
/* One job of any app that is held may be sent. */
bool own_probe_due(const struct own_trouble *o, int64_t now_ms);
/* May this job of the app be it? Then its reply is to be reported by own_well() or
 * own_probe_failed(), or that there is none by own_probe_lost(). */
bool own_admit(struct own_trouble *o, size_t app, int64_t now_ms);

/* Why the app is held; NULL: it is not, or nobody knows yet whose trouble it is. */
const char *own_why(const struct own_trouble *o, size_t app);
/* Appends ,"own_trouble":{"app":"why",…}; nothing when there is none. */
void own_write(const struct own_trouble *o, struct buf *out);

#endif
