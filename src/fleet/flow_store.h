/* SPDX-License-Identifier: MIT
 * What all workers share beside the queues, on the first queue's slot (K as in queue.h):
 *   K:flow     HASH  bucket → tokens, rates and cool-down (lua/flow.lua)
 *   K:control  HASH  pauses, overrides, cool-downs, circuits, version (lua/control.lua)
 *   K:told:<what>  STRING  the worker that has said it in its log, until it may be said again
 * Thin: builds the calls of three scripts and reads their replies. No state but the version. */
#ifndef PB_FLEET_FLOW_STORE_H
#define PB_FLEET_FLOW_STORE_H

#include "redis/redis.h"

struct flow_store;

enum { FLOW_ASKS_MAX = 32, FLOW_NAME_SIZE = 160 };

/* r (the first queue's command connection) is borrowed and must be freed before the store. */
struct flow_store *flow_store_new(struct redis *r, const char *queue, const char *worker);
void flow_store_free(struct flow_store *s);

/* "K:flow" and "K:control" for tools; allocated. */
char *flow_store_key(const char *queue, const char *kind);

/* The control version of the last reply, −1 before the first. Another than the one that was read
 * last means that something was agreed on since. */
int64_t flow_store_version(const struct flow_store *s);

/* While shut nothing is asked or written, as if no server was there: its queue is of a newer
 * schema. */
void flow_store_shut(struct flow_store *s, bool shut);

bool flow_store_refused(const struct flow_store *s); /* the last reply was an error */

/* What calls were answered since the last report. */
struct flow_report {
    int64_t through, throttled;
    uint32_t first,
        last;        /* which calls were throttled, when any was: numbers that tell two apart */
    int64_t hint_ms; /* the longest wait that the provider asked for; 0: none */
    int64_t age_ms;  /* since the last of them was sent */
};
struct flow_ask {
    const char *name;
    double rate, burst; /* configured tokens per s (0: none), most tokens saved up */
    int64_t want, back;
    struct flow_report report;
};
struct flow_grant {
    int64_t granted;
    int64_t wait_ms; /* until asking again makes sense; 0 when all was granted */
    int64_t rest_ms; /* nobody calls before; 0: they may */
    /* The fleet's counts: answers let through, and how often another call was throttled than the
     * one before; and which was the last. */
    int64_t passed, turns, who;
};
/* grants NULL: Redis did not answer, or with an error (logged). One per ask, in order. */
typedef void (*flow_grants_fn)(void *arg, const struct flow_grant *grants);
void flow_store_ask(struct flow_store *s, const struct flow_ask *asks, size_t n, flow_grants_fn fn,
                    void *arg);

struct flow_control {
    int64_t now_ms, version;
    bool changed;                   /* another version than seen: fields follow */
    size_t n;                       /* of fields */
    const redisReply *const *pairs; /* name, value, name, value … : 2 n */
};
/* control NULL: no answer. */
typedef void (*flow_control_fn)(void *arg, const struct flow_control *control);
void flow_store_sync(struct flow_store *s, int64_t seen, flow_control_fn fn, void *arg);

enum circuit_op {
    CIRCUIT_OP_OPEN,
    CIRCUIT_OP_PROBE,
    CIRCUIT_OP_FAILED,
    CIRCUIT_OP_LOST,
    CIRCUIT_OP_CLOSE
};
struct circuit_ask {
    const char *app;
    enum circuit_op op;
    int64_t base_ms, cap_ms; /* wait before the first probe, and the longest */
    int64_t lease_ms;        /* how long the probe is the asker's */
    int64_t since_ms;        /* OPEN: the trouble's beginning, Redis ms */
    const char *why;         /* OPEN */
    uint64_t job;            /* OPEN, FAILED: a hash of the job that failed */
    int64_t patience_ms;     /* likewise: so long a probe is left to other jobs */
};
enum { CIRCUIT_JOBS_MAX = 8 }; /* that failed and are remembered */
/* Of one circuit, decoded. open false: it is closed for all. */
struct circuit_share {
    int64_t now_ms; /* of the reply, Redis clock as the others */
    bool open, mine;
    bool probed; /* another worker has the lease of the probe */
    int64_t wait_ms, probe_at_ms, since_ms;
    const char *why;
    uint64_t failed[CIRCUIT_JOBS_MAX]; /* hashes of jobs whose probes failed */
    size_t nfailed;
    int64_t again_ms, again_at_ms; /* how long they wait for their turn, and until when */
};
/* share NULL: no answer. */
typedef void (*circuit_share_fn)(void *arg, const struct circuit_share *share);
void flow_store_circuit(struct flow_store *s, const struct circuit_ask *ask, circuit_share_fn fn,
                        void *arg);
/* One worker's word that its calls for an app fail, which holds for ttl_ms while it lives; with it,
 * whether workers agree: another says so too, or nobody else is alive. */
enum flow_vote { FLOW_VOTE_UNANSWERED, FLOW_VOTE_ALONE, FLOW_VOTE_AGREED };
typedef void (*flow_vote_fn)(void *arg, enum flow_vote vote, int64_t now_ms);
void flow_store_vote(struct flow_store *s, const char *app, int64_t ttl_ms, flow_vote_fn fn,
                     void *arg);
/* A call for the app went through: no votes any more, anybody's. */
void flow_store_well(struct flow_store *s, const char *app);

/* When a job of an app was let through last, Redis clock: as the caller knows it, and then as the
 * fleet does; 0: never. last is in the order of what was asked, NULL: no answer. At most
 * FLOW_SENT_MAX at once; names are copied. */
enum { FLOW_SENT_MAX = 128 };
struct flow_sent {
    const char *app;
    int64_t ms;
};
typedef void (*flow_sent_fn)(void *arg, const int64_t *last);
void flow_store_sent(struct flow_store *s, const struct flow_sent *apps, size_t n, flow_sent_fn fn,
                     void *arg);

/* Is this the first worker to say it within ttl_ms? Also when Redis does not answer. what is
 * copied; fn once. flow_store_untell(): it may be said again. */
typedef void (*flow_told_fn)(void *arg, bool first);
void flow_store_tell(struct flow_store *s, const char *what, int64_t ttl_ms, flow_told_fn fn,
                     void *arg);
void flow_store_untell(struct flow_store *s, const char *what);

/* The texts of a circuit: and a failed: field in K:control. "" and what cannot be read: closed,
 * and none failed. s NULL: for a tool, to which every worker is another. */
void flow_store_read_circuit(const struct flow_store *s, const char *text, const char *failed,
                             int64_t now_ms, struct circuit_share *out);

#endif
