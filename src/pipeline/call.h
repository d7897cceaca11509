/* SPDX-License-Identifier: MIT
 * One call of the provider, for one job or for several that share it (n > 1): who its members are,
 * what it waits for, its reply. A job of three parts makes three calls in turn, in the same struct.
 *
 * To add a state: a member of call_state, its row and its place in the rows of legal[] (call.c),
 * and whether call_move() counts it. */
#ifndef PB_PIPELINE_CALL_H
#define PB_PIPELINE_CALL_H

#include <sys/queue.h>

#include "aliyun/request.h"
#include "fleet/limits.h"
#include "job/grouping.h"
#include "job/verdict.h"

enum call_state {
    CALL_EMPTY,     /* has no job: that is in a shared call, or not here yet */
    CALL_FORMING,   /* its jobs are read, their ids looked up; others may come to share it */
    CALL_RECORDING, /* shared: Redis is being told who shares it */
    CALL_READY,     /* what becomes of it is decided now */
    CALL_WAITING,   /* for a slot */
    CALL_HELD,      /* for a longer lease or a rate token: looked at again on each tick */
    CALL_OUT,       /* on the wire */
    CALL_OVER,      /* its jobs' ends are on the way to Redis */
};

struct flight;
struct pipeline;

struct call_member {
    struct flight *flight;
    unsigned task; /* of the call, from 0: several jobs may be one task */
    size_t moved;  /* of the first of some that end in one step: how many */
};

struct call {
    TAILQ_ENTRY(call) turn; /* while WAITING */
    size_t turn_app;        /* whose turn it takes, while WAITING or OUT */
    enum call_state state;
    struct pipeline *pipeline;   /* NULL in tools */
    struct call_member *members; /* in the order of their tasks; all here until the call is over */
    struct call_member only;     /* room for one */
    size_t n, tasks;
    /* of a shared call */
    char id[GROUPING_ID_SIZE]; /* its name, which its token is made from */
    bool mass;                 /* MassPush; else Push */
    size_t held;               /* members that have not left: freed with the last */
    char (*ids)[32];           /* MessageIds of the reply, room for one per task */
    size_t nids;               /* how many came: more than tasks are counted, not kept */
    /* of any */
    struct params *made; /* a lone call's parameters, kept since it was asked what it could share;
                            NULL: not yet. Owned */
    bool probe;          /* lets an open circuit's trial call through */
    bool own_probe;      /* likewise, of an app that is held for this worker's own trouble */
    int64_t checked_boot_ms; /* when the lease was last looked at */
    int64_t tokenless_us;    /* since when it lacks a rate token; 0: it does not */
    int64_t rest_ms;         /* of its account, as known when the call was throttled */
    unsigned keys_issue;     /* of the keys that signed it */
    bool keys_renewed;       /* they were refused; a repeat is signed with others */
    bool has_reply;
    struct reply last; /* while has_reply; class SENT before */
    char *another;     /* why it is not the call that may be out; NULL: it is. Owned */
    int compared;      /* the part that another was made for; −1: none yet (again.h) */
};

TAILQ_HEAD(call_list, call);

/* The one place where a call changes its state; dies of a move that is not in the table there. */
void call_move(struct call *c, enum call_state to);

static inline struct flight *call_leader(const struct call *c)
{
    return c->members[0].flight;
}

static inline bool call_is_shared(const struct call *c)
{
    return c->n > 1;
}

/* By the configuration in force, as pipeline_app(); its job has been read. */
size_t call_app(const struct call *c);
enum limit_action call_action(const struct call *c);
const char *call_action_name(const struct call *c);
unsigned call_part(const struct call *c); /* of its job's plan */
/* May it be out, from before? */
bool call_may_be_out(const struct call *c);
/* Shared, and of its jobs something may be out: they must stay together (I3e). */
bool call_stays_whole(const struct call *c);
int64_t call_now_ms(const struct call *c); /* Redis' clock, of its queue */

/* A lone call's parameters, without token and JobKey (any call's: call_params()). False with e
 * (invalid_job). params_free() in both cases, before the call's flight is freed. */
MUST_USE bool call_lone_params(const struct call *c, struct params *out, struct err *e);

#endif
