/* SPDX-License-Identifier: MIT
 * Rate limits that all workers keep together. Each limit is a bucket in Redis (lua/flow.lua); a
 * worker holds a small stock of granted tokens, so that a call costs integer arithmetic only.
 * A call takes one token of (account, action), one of the egress label and, for ALL, one of (app,
 * device type). Stock that nobody used for half a second goes back. */
#ifndef PB_FLEET_FLOW_H
#define PB_FLEET_FLOW_H

#include <event2/event.h>

#include "config/config.h"
#include "fleet/flow_store.h"

struct flow;

enum flow_action { FLOW_PUSH, FLOW_MASSPUSH, FLOW_ACTIONS };
enum { FLOW_MOMENT_MS = 100 }; /* a wait that a call of several jobs may sit out */

/* Tokens came, or a cool-down ended: look again. Never from within a call of this module. */
typedef void (*flow_fn)(void *arg);

/* config and store are borrowed. */
struct flow *flow_new(struct event_base *base, const struct config *config,
                      struct flow_store *store, flow_fn fn, void *arg);
void flow_free(struct flow *f); /* after the store's connection */

/* Another configuration (borrowed): a bucket that stays, by name, keeps its tokens and cool-down.
 * Not from within a callback. */
void flow_set_config(struct flow *f, const struct config *config);

/* For how many of n calls jobs may be claimed with what is in stock; asks for more when that is
 * few. n when nothing is limited. */
size_t flow_offer(struct flow *f, size_t n);
/* For how many of n calls an app's parked jobs could be sent at once. */
size_t flow_offer_app(struct flow *f, size_t app, size_t n);
/* How many workers are alive: while Redis does not answer for a limit, each keeps to its part. */
void flow_set_workers(struct flow *f, int64_t n);
bool flow_asking(const struct flow *f); /* an answer is awaited */
/* Whether a cool-down holds an app's calls, of one action at least, for more than a second: what is
 * parked stays so for a while. */
bool flow_rests(struct flow *f, size_t app);

enum flow_token {
    FLOW_GO,   /* taken */
    FLOW_WAIT, /* asked for: fn comes soon, then try again */
    FLOW_NONE, /* not before *wait_ms from now */
};
/* device_type not NULL: a push to ALL. */
enum flow_token flow_take(struct flow *f, size_t app, enum flow_action action,
                          const char *device_type, int64_t *wait_ms);

/* What the provider answered a call of an app's account. app may be one past the last, a removed
 * one. */
void flow_passed(struct flow *f, size_t app, enum flow_action action); /* not throttled */
struct flow_throttle {
    uint32_t call;   /* a number that tells it from others, not 0 */
    int64_t hint_ms; /* the provider's, 0 for none */
    int64_t age_ms;  /* since it was sent */
};
/* Throttled. Where it was not one call alone, nobody sends that action for that account for a
 * while. Returns for how many ms that is known already, 0: for none. */
int64_t flow_throttled(struct flow *f, size_t app, enum flow_action action,
                       const struct flow_throttle *t);

/* How far the fleet's answers have come, as far as this worker has heard: those let through, and
 * how often another call was throttled than the one before it. Both only grow, until Redis forgets
 * them. */
struct flow_mark {
    int64_t passed, turns;
};
struct flow_mark flow_mark(struct flow *f, size_t app, enum flow_action action);
/* Was a call that was throttled at both marks the only one, while others went through? */
bool flow_alone(const struct flow_mark *then, const struct flow_mark *now);

/* MassPush is cooled down for the app's account for more than a moment: jobs go out one by one. */
bool flow_mass_rests(struct flow *f, size_t app);

/* What the fleet agreed on: overrides of rates (all that are not named between begin and end are
 * as configured), and cool-downs. */
void flow_rates_begin(struct flow *f);
void flow_rate(struct flow *f, const char *bucket, const char *per_s); /* as it stands in Redis */
void flow_rates_end(struct flow *f);
void flow_adopt_cool(struct flow *f, const char *bucket, int64_t left_ms);

/* An override of a rate: a number of calls per s, 0 for no limit. False for anything else. */
bool flow_rate_read(const char *text, double *per_s);

/* Puts the stock on the metrics page. */
void flow_show(const struct flow *f);

/* Now and then: gives unused stock back. */
void flow_tick(struct flow *f);

/* Names of the buckets of a configuration: "Push@ACCOUNT", "egress@LABEL", "all@APP@TYPE". */
enum { FLOW_BUCKETS_MAX = 1 + CONFIG_APPS_MAX * (FLOW_ACTIONS + 4) };
struct flow_limit {
    char name[FLOW_NAME_SIZE];
    double per_s, burst; /* 0: none */
};
/* Into out, which needs room for FLOW_BUCKETS_MAX; app_account (napps, may be NULL) gets the index
 * of each app's account. Egress first, then per account its actions, then per app its types. */
size_t flow_limits(const struct config *config, struct flow_limit *out, size_t *app_account);

#endif
