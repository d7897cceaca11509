/* SPDX-License-Identifier: MIT
 * Rate limits that all workers keep together. Each is kept in Redis (lua/flow.lua), where its
 * tokens grow; a worker holds a few that it was granted, so that a call costs integer arithmetic
 * only. A call takes one token of (account, action), one of the egress label and, for ALL, one of
 * (app, device type). Tokens that nobody used for half a second go back. */
#ifndef PB_FLEET_LIMITS_H
#define PB_FLEET_LIMITS_H

#include <event2/event.h>

#include "config/config.h"
#include "fleet/fleet_store.h"

struct limits;

enum limit_action { LIMIT_PUSH, LIMIT_MASSPUSH, LIMIT_ACTIONS };
enum { LIMIT_MOMENT_MS = 100 }; /* a wait that a call of several jobs may sit out */

/* Tokens came, or a cool-down ended: look again. Never from within a call of this module. */
typedef void (*limits_fn)(void *arg);

/* config and store are borrowed. */
struct limits *limits_new(struct event_base *base, const struct config *config,
                          struct fleet_store *store, limits_fn fn, void *arg);
void limits_free(struct limits *f); /* after the store's connection */

/* Another configuration (borrowed): a limit that stays, by name, keeps its tokens and cool-down.
 * Not from within a callback. */
void limits_set_config(struct limits *f, const struct config *config);

/* For how many of n calls jobs may be claimed with the tokens in hand. n when nothing is limited.
 */
size_t limits_calls(const struct limits *f, size_t n);
/* Asks for more where what is in hand for n calls is few. */
void limits_ask_for(struct limits *f, size_t n);
/* For how many of n calls an app's parked jobs could be sent at once; asks for more, too. */
size_t limits_calls_of_app(struct limits *f, size_t app, size_t n);
/* How many workers are alive: while Redis does not answer for a limit, each keeps to its part. */
void limits_set_workers(struct limits *f, int64_t n);
bool limits_asking(const struct limits *f); /* an answer is awaited */
/* Whether there are tokens is not known: an answer is awaited, or would be if anybody asked. */
bool limits_unknown(const struct limits *f);
/* Whether a cool-down holds an app's calls, of one action at least, for more than a second: what is
 * parked stays so for a while. */
bool limits_rests(const struct limits *f, size_t app);

enum limit_token {
    LIMIT_GO,   /* taken */
    LIMIT_WAIT, /* asked for: fn comes soon, then try again */
    LIMIT_NONE, /* not before *wait_ms from now */
};
/* device_type not NULL: a push to ALL. */
enum limit_token limits_take(struct limits *f, size_t app, enum limit_action action,
                             const char *device_type, int64_t *wait_ms);

/* What the provider answered a call of an app's account. app may be one past the last, a removed
 * one. */
void limits_passed(struct limits *f, size_t app, enum limit_action action); /* not throttled */
struct limit_throttle {
    uint32_t call;   /* a number that tells it from others, not 0 */
    int64_t hint_ms; /* the provider's, 0 for none */
    int64_t age_ms;  /* since it was sent */
};
/* Throttled. Where it was not one call alone, nobody sends that action for that account for a
 * while. Returns for how many ms that is known already, 0: for none. */
int64_t limits_throttled(struct limits *f, size_t app, enum limit_action action,
                         const struct limit_throttle *t);

/* How far the fleet's answers have come, as far as this worker has heard: those let through, and
 * how often another call was throttled than the one before it. Both only grow, until Redis forgets
 * them. */
struct limit_mark {
    int64_t passed, turns;
};
struct limit_mark limit_mark(const struct limits *f, size_t app, enum limit_action action);
/* Was a call that was throttled at both marks the only one, while others went through? */
bool limits_one_call_only(const struct limit_mark *then, const struct limit_mark *now);

/* MassPush is cooled down for the app's account for more than a moment: jobs go out one by one. */
bool limits_mass_rests(const struct limits *f, size_t app);

/* What the fleet agreed on: overrides of rates (all that are not named between begin and end are
 * as configured), and cool-downs. */
void limits_rates_begin(struct limits *f);
void limits_rate(struct limits *f, const char *name, const char *per_s); /* as it stands in Redis */
void limits_rates_end(struct limits *f);
void limits_adopt_cool(struct limits *f, const char *name, int64_t left_ms);

/* An override of a rate: a number of calls per s, 0 for no limit. False for anything else. */
bool limit_rate_read(const char *text, double *per_s);

/* Puts the tokens on the metrics page. */
void limits_show(const struct limits *f);

/* Now and then: gives unused tokens back. */
void limits_tick(struct limits *f);

/* Names of the limits of a configuration: "Push@ACCOUNT", "egress@LABEL", "all@APP@TYPE". */
enum { FLEET_LIMITS_MAX = 1 + CONFIG_APPS_MAX * (LIMIT_ACTIONS + 4) };
struct limit_setting {
    char name[LIMIT_NAME_SIZE];
    double per_s, burst; /* 0: none */
};
/* Into out, which needs room for FLEET_LIMITS_MAX; app_account (napps, may be NULL) gets the index
 * of each app's account. Egress first, then per account its actions, then per app its types. */
size_t limits_of_config(const struct config *config, struct limit_setting *out,
                        size_t *app_account);

#endif
