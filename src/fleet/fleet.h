/* SPDX-License-Identifier: MIT
 * What this worker and all others do together: rate limits, circuits, and what an operator said
 * (pauses, overrides). Their state lies in Redis on the first queue's slot and is looked at twice
 * a second, and at once when a reply shows that it changed. */
#ifndef PB_FLEET_FLEET_H
#define PB_FLEET_FLEET_H

#include "fleet/circuits.h"
#include "fleet/limits.h"
#include "fleet/others.h"
#include "fleet/own_trouble.h"

struct fleet;

/* Something changed: jobs may be claimed, sent or have to be parked. Never before fleet_new
 * returned. */
typedef void (*fleet_fn)(void *arg);

/* config and redis (the first queue's command connection) are borrowed. */
struct fleet *fleet_new(struct event_base *base, const struct config *config, struct redis *redis,
                        const char *worker, fleet_fn fn, void *arg);
void fleet_free(struct fleet *f); /* after the connection */

/* Another configuration (borrowed): what stays, by name, keeps its state. Nothing is claimed until
 * Redis has said what was agreed on for the rest. Not from within a callback. */
void fleet_set_config(struct fleet *f, const struct config *config);

/* The connection is up: looks at once. */
void fleet_connected(struct fleet *f);
/* While shut nothing is asked or said: the first queue is of a newer schema. */
void fleet_shut(struct fleet *f, bool shut);

/* Now and then while a queue could be served: how many workers serve it. What the fleet agreed on
 * lies with the first queue; when that does not say it for five seconds, the others go on as if
 * nothing was agreed on, until it does. */
void fleet_serve(struct fleet *f, int64_t workers);
/* Why this worker does not know what the fleet agreed on; NULL: it does. */
const char *fleet_trouble(const struct fleet *f);

/* As fleet_store_tell() and fleet_store_untell(). */
void fleet_tell(struct fleet *f, const char *what, int64_t ttl_ms, fleet_told_fn fn, void *arg);
void fleet_untell(struct fleet *f, const char *what);

struct limits *fleet_limits(struct fleet *f);
struct circuits *fleet_circuits(struct fleet *f);
struct own_trouble *fleet_own(struct fleet *f);
struct others *fleet_others(struct fleet *f);
/* By `pause` without an app: nothing is claimed. Also until it is known what was agreed on. */
bool fleet_paused(const struct fleet *f);
bool fleet_app_paused(const struct fleet *f, size_t app);

#endif
