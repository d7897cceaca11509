/* SPDX-License-Identifier: MIT
 * May a call go out now, and if not, what becomes of it? Pure: what is known of it in, a decision
 * out. */
#ifndef PB_PIPELINE_ADMIT_H
#define PB_PIPELINE_ADMIT_H

#include "fleet/limits.h"
#include "job/job.h"
#include "job/verdict.h"

/* What becomes of a call: by admit(), before it is sent, or by settle_reply(), from its reply.
 * carry_out() does it, and nobody else. */
enum decision_what {
    DECIDED_SEND,  /* now */
    DECIDED_WAIT,  /* here, for a slot */
    DECIDED_HOLD,  /* here: it is looked at again on the next tick */
    DECIDED_RETRY, /* in Redis, until at_ms */
    DECIDED_PARK,  /* in Redis, until its app takes jobs */
    DECIDED_BACK,  /* to Redis, for whoever is next; as raw bytes where nothing is known of it */
    DECIDED_SPLIT, /* shared: its halves are tried, or with apart each job by itself */
    DECIDED_SENT,  /* its jobs' ends, and no more parts are to go */
    DECIDED_DEAD,  /* likewise, as dead letters */
};

struct decision {
    enum decision_what what;
    enum reason reason; /* DEAD */
    bool maybe_sent;    /* DEAD */
    bool new_token;     /* SEND: what may be out is given up for a new call, and text says why */
    bool aside;         /* PARK: others of its app are before it */
    bool apart;         /* SPLIT */
    bool duplicate;     /* SENT: not it but an earlier job of its id */
    int64_t at_ms;      /* RETRY, SPLIT; Redis ms */
    const char *text;   /* DEAD: our own refusal; NULL: the reply says why. Borrowed */
};

/* An app in trouble is looked at again so much later by a call that cannot be parked, because its
 * jobs must stay together. */
enum { DECISION_PARK_AGAIN_MS = 5000 };

static inline struct decision decision_retry(int64_t at_ms)
{
    return (struct decision){.what = DECIDED_RETRY, .at_ms = at_ms};
}

static inline struct decision decision_dead(enum reason reason, bool maybe_sent, const char *text)
{
    return (struct decision){
        .what = DECIDED_DEAD, .reason = reason, .maybe_sent = maybe_sent, .text = text};
}

/* whole: its jobs must stay together (I3e), so it can neither be parked nor be given back. */
static inline struct decision decision_park(bool whole, int64_t now_ms)
{
    return whole ? decision_retry(now_ms + DECISION_PARK_AGAIN_MS)
                 : (struct decision){.what = DECIDED_PARK};
}

static inline struct decision decision_back(bool whole, int64_t now_ms)
{
    return whole ? decision_retry(now_ms) : (struct decision){.what = DECIDED_BACK};
}

/* What is known of a call before it is sent. */
struct admit_in {
    int64_t now_ms; /* as all times here by Redis' clock */
    /* this worker */
    bool lease_lost; /* somebody else has the job */
    bool lease_safe; /* it outlasts a call and the time to settle it (I3a) */
    bool draining;
    bool outdated; /* read under a configuration that is not in force any more */
    bool refused;  /* Redis does not serve its queue */
    bool slot;     /* is free */
    /* its app */
    bool aside;    /* others' jobs are before it */
    bool may_call; /* it is not paused, and has keys */
    bool circuit;  /* is closed, or takes this call for its probe */
    bool own;      /* likewise, of this worker's own trouble with it */
    /* the call */
    bool shared, whole;  /* whole: see decision_park() */
    bool begun;          /* another part of the job is out */
    bool all;            /* it goes to all devices of an app */
    bool open;           /* it may be out … */
    bool is_another;     /* … and made anew it is another one (I3e) */
    const char *another; /* why; borrowed */
    int64_t first_sent_ms, send_by_ms;
    int64_t loud_ms;     /* when it may show: now, or at the end of its app's quiet hours */
    bool quiet_for_some; /* shared, and not all of its jobs may show now */
    struct verdict_policy policy;
};

/* SEND: it may go out once it has a rate token. */
struct decision admit(const struct admit_in *in);
/* Of a call that may go out: limits_take()'s answer. What may be out has been given up where the
 * decision said so. */
struct decision admit_token(const struct admit_in *in, enum limit_token token, int64_t wait_ms);

#endif
