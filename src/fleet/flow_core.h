/* SPDX-License-Identifier: MIT
 * What the parts of flow control share: flow_limits.c names the buckets, flow_ask.c talks to Redis,
 * flow_cool.c judges throttled answers, flow.c takes tokens. Nobody else includes this. */
#ifndef PB_FLEET_FLOW_CORE_H
#define PB_FLEET_FLOW_CORE_H

#include "base/timer.h"
#include "fleet/flow.h"
#include "fleet/flow_alone.h"

enum { FLOW_TYPES = 4 };
#define FLOW_GONE SIZE_MAX
extern const char *const flow_types[FLOW_TYPES];

struct flow_bucket {
    char name[FLOW_NAME_SIZE];
    double configured, override;     /* per s; override −1: none */
    double rate, burst;              /* in force; rate 0: no limit */
    int64_t stock, window;           /* tokens in hand; how many are asked for at a time */
    int64_t used, missed;            /* since the last ask */
    int64_t moved_ms;                /* when stock last changed */
    int64_t blocked_ms;              /* no use asking before */
    int64_t cooled_ms;               /* nobody calls before */
    bool cool_named;                 /* the fleet still says so */
    int64_t promised_ms;             /* ALL: the last turn that was handed out */
    struct flow_report report, told; /* what Redis is to hear of; what it is being told */
    int64_t sent_ms;                 /* when the last of the report's throttled calls was sent */
    uint32_t row;               /* which call was throttled, with none let through since; 0: none */
    int64_t passed, turns, who; /* as the fleet counts, with what it has yet to hear */
    int64_t watched_ms;         /* throttled lately: until then Redis hears soon of each answer */
    int64_t named_ms;           /* when a cool-down was last logged */
    int64_t back;               /* tokens to give back */
    int64_t amount;             /* asked for in the call on its way */
    bool wanted, asked;         /* in the next call to Redis; in the one on its way */
    bool hungry;                /* wanted for tokens, not only for what it is to be told */
    struct flow_alone alone;    /* what Redis does not grant */
    bool fleeting;              /* ALL: a token is used at once or not at all */
};

struct flow {
    const struct config *config;
    struct flow_store *store;
    struct flow_bucket *v; /* egress, then per account its actions, then per app its types */
    size_t n, naccounts;
    size_t *app_account;
    struct timer *send, *wake;
    int64_t workers; /* among whom a limit is parted when Redis does not answer */
    bool asking;
    size_t asked[FLOW_ASKS_MAX], nasked; /* which buckets; FLOW_GONE: a reload removed it */
    flow_fn fn;
    void *arg;
};

void flow_want(struct flow *f, struct flow_bucket *b); /* in the next call to Redis */
void flow_set_wake(struct flow *f, int64_t now_ms);    /* for the first bucket that was short */
/* What the fleet says of a bucket. */
void flow_hear(struct flow_bucket *b, const struct flow_grant *g, int64_t now_ms);
/* Adds an older report that Redis has not heard. */
void flow_merge_report(struct flow_report *to, const struct flow_report *older);
/* Nobody calls for so long; stock is dropped. */
void flow_set_cool(struct flow_bucket *b, int64_t now_ms, int64_t left_ms, const char *by);
void flow_end_cool(struct flow_bucket *b, int64_t now_ms); /* unless the fleet names it */
struct flow_bucket *flow_account(struct flow *f, size_t account, enum flow_action action);
struct flow_bucket *flow_find(struct flow *f, const char *name);
void flow_on_send(void *arg);
void flow_on_wake(void *arg);

#endif
