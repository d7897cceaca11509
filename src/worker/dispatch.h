/* SPDX-License-Identifier: MIT
 * The pipeline: claims jobs for free credits, walks each through read → send → verdict → finish,
 * keeps leases alive, drains. The only module that knows every stage, and the only owner of jobs
 * between claim and Redis' confirmation. */
#ifndef PB_WORKER_DISPATCH_H
#define PB_WORKER_DISPATCH_H

#include <event2/event.h>

#include "config/config.h"
#include "fleet/circuit.h"
#include "queue/queue.h"

struct limits;
struct dispatch;

enum dispatch_end {
    DISPATCH_DRAINED,     /* nothing is left leased to this worker */
    DISPATCH_LEFT_OVER,   /* the drain's time was up: leases run out by themselves */
    DISPATCH_UNSUPPORTED, /* the server or its schema cannot be served */
};
/* The last callback; why is for the log. Never before worker_open() returned. */
typedef void (*dispatch_end_fn)(void *arg, enum dispatch_end end, const char *why);

/* Another configuration (borrowed) from config_reload(): its queues are the same. Jobs that were
 * read under the old one hold that until they end. Not from within a callback of d. */
void dispatch_set_config(struct dispatch *d, const struct config *config);

/* Stop claiming, finish what is out within worker.drain_ms, give the rest back. */
void dispatch_drain(struct dispatch *d);

/* For those who watch: everything is borrowed and true now. */
struct dispatch_status {
    const char *worker;
    bool draining;
    size_t in_flight, lanes;
};
void dispatch_status(const struct dispatch *d, struct dispatch_status *out);
/* False: all is paused, every circuit is open, or there are no tokens. */
bool dispatch_may_claim(const struct dispatch *d);

/* A queue as it is served: times are monotonic ms, 0 never. */
struct dispatch_lane {
    const struct queue *queue;
    const char *why;    /* the command connection is down; "" */
    const char *aside;  /* why Redis refuses to serve it: it is set aside; NULL: it is not */
    bool up, open;      /* command connection; schema checked and scripts run on it */
    int64_t claimed_ms; /* the last claim that Redis answered */
    int64_t dropped_ms; /* when the watchdog dropped its connections, until a claim is answered */
};
void dispatch_lane(const struct dispatch *d, size_t i, struct dispatch_lane *out);
struct queue *dispatch_queue(struct dispatch *d, size_t i); /* to ask Redis about it */
const struct circuit *dispatch_circuit(const struct dispatch *d, size_t app);
const struct limits *dispatch_limits(const struct dispatch *d);
/* Why this worker takes no jobs of an app that others can send; NULL: it does. */
const char *dispatch_own_trouble(const struct dispatch *d, size_t app);
/* Why it does not know what the fleet agreed on; NULL: it does. */
const char *dispatch_fleet_trouble(const struct dispatch *d);
bool dispatch_has_keys(const struct dispatch *d, size_t app);            /* some have come */
const char *dispatch_keys_trouble(const struct dispatch *d, size_t app); /* NULL: none */

#endif
