/* SPDX-License-Identifier: MIT
 * What the parts of limits share: limits_config.c names them, limits_ask.c talks to Redis,
 * limits_cool.c judges throttled answers, limits.c takes tokens. Nobody else includes this. */
#ifndef PB_FLEET_LIMITS_CORE_H
#define PB_FLEET_LIMITS_CORE_H

#include "base/timer.h"
#include "fleet/limit_alone.h"
#include "fleet/limits.h"

enum { LIMIT_TYPES = 4 };
#define LIMIT_GONE SIZE_MAX
extern const char *const limit_types[LIMIT_TYPES];

struct limit {
    char name[LIMIT_NAME_SIZE];
    double configured, override;      /* per s; override −1: none */
    double rate, burst;               /* in force; rate 0: no limit */
    int64_t tokens, window;           /* in hand; how many are asked for at a time */
    int64_t used, missed;             /* since the last ask */
    int64_t moved_ms;                 /* when tokens last changed */
    int64_t blocked_ms;               /* no use asking before */
    int64_t cooled_ms;                /* nobody calls before */
    bool cool_named;                  /* the fleet still says so */
    int64_t promised_ms;              /* ALL: the last turn that was handed out */
    struct limit_report report, told; /* what Redis is to hear of; what it is being told */
    int64_t sent_ms;                  /* when the last of the report's throttled calls was sent */
    uint32_t row;               /* which call was throttled, with none let through since; 0: none */
    int64_t passed, turns, who; /* as the fleet counts, with what it has yet to hear */
    int64_t watched_ms;         /* throttled lately: until then Redis hears soon of each answer */
    int64_t named_ms;           /* when a cool-down was last logged */
    int64_t back;               /* tokens to give back */
    int64_t amount;             /* asked for in the call on its way */
    bool wanted, asked;         /* in the next call to Redis; in the one on its way */
    bool hungry;                /* wanted for tokens, not only for what it is to be told */
    struct limit_alone alone;   /* what Redis does not grant */
    bool fleeting;              /* ALL: a token is used at once or not at all */
};

struct limits {
    const struct config *config;
    struct fleet_store *store;
    struct limit *v; /* egress, then per account its actions, then per app its types */
    size_t n, naccounts;
    size_t *app_account;
    struct timer *send, *wake;
    int64_t workers; /* among whom a limit is parted when Redis does not answer */
    bool asking;
    size_t asked[LIMIT_ASKS_MAX], nasked; /* which limits; LIMIT_GONE: a reload removed it */
    limits_fn fn;
    void *arg;
};

void limits_want(struct limits *f, struct limit *l);    /* in the next call to Redis */
void limits_set_wake(struct limits *f, int64_t now_ms); /* for the first limit that was short */
/* What the fleet says of a limit. */
void limits_hear(struct limit *l, const struct limit_grant *g, int64_t now_ms);
/* Adds an older report that Redis has not heard. */
void limits_merge_report(struct limit_report *to, const struct limit_report *older);
/* Nobody calls for so long; tokens are dropped. */
void limits_set_cool(struct limit *l, int64_t now_ms, int64_t left_ms, const char *by);
void limits_end_cool(struct limit *l, int64_t now_ms); /* unless the fleet names it */
struct limit *limits_account(const struct limits *f, size_t account, enum limit_action action);
struct limit *limits_find(struct limits *f, const char *name);
void limits_on_send(void *arg);
void limits_on_wake(void *arg);

#endif
