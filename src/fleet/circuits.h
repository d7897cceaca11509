/* SPDX-License-Identifier: MIT
 * The circuits of all apps, and what the fleet knows of them: a worker that opens or closes one
 * tells the others, and only the holder of a lease probes. Without an answer of Redis each worker
 * goes by what it sees itself. */
#ifndef PB_FLEET_CIRCUITS_H
#define PB_FLEET_CIRCUITS_H

#include "config/config.h"
#include "fleet/circuit.h"
#include "fleet/fleet_store.h"

struct circuits;

/* Something changed that lets jobs flow or a probe go. */
typedef void (*circuits_fn)(void *arg);

/* config and store are borrowed. store NULL: nothing is shared. */
struct circuits *circuits_new(const struct config *config, struct fleet_store *store,
                              circuits_fn fn, void *arg);
void circuits_free(struct circuits *c); /* after the store's connection */

/* Another configuration (borrowed): an app that stays, by name, keeps its circuit. Not from within
 * a callback. */
void circuits_set_config(struct circuits *c, const struct config *config);

/* app: index in the configuration, or one past the last: a circuit that stands for removed apps,
 * which nobody hears of. */
struct circuit *circuits_at(struct circuits *c, size_t app);

/* After a reply was noted or a probe given up: before is the state that the circuit had. Logs and
 * counts the transition and tells the fleet. message: the provider's, for the log. now_redis_ms:
 * 0 when unknown. */
void circuits_report(struct circuits *c, size_t app, enum circuit_state before, bool lost,
                     const char *message, int64_t now_redis_ms);

/* Opens it as circuits_report() does after a row that began then (monotonic ms; 0: no row). */
void circuits_open(struct circuits *c, size_t app, const char *why, uint64_t job,
                   int64_t row_began_ms, const char *message, int64_t now_redis_ms);

/* The last time that it was open, Redis clock: from the first failure of the row that opened it
 * until it was closed. False when it never was. */
bool circuits_trouble(const struct circuits *c, size_t app, int64_t *since_ms, int64_t *until_ms);

/* A job of the app was let through, Redis clock; and when one was last, by whichever worker, 0: not
 * known. What others sent is known within a second where jobs were refused (note_refused) of late.
 */
void circuits_note_sent(struct circuits *c, size_t app, int64_t now_redis_ms);
void circuits_note_refused(struct circuits *c, size_t app);
int64_t circuits_last_sent_ms(const struct circuits *c, size_t app);

/* What the fleet says of an app's circuit. */
void circuits_adopt(struct circuits *c, size_t app, const struct circuit_view *share);

/* Now and then: asks for the lease where a probe is due, says again what was not heard, and tells
 * and asks what was let through. */
void circuits_tick(struct circuits *c);

#endif
