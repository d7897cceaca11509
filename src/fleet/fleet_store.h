/* SPDX-License-Identifier: MIT
 * What all workers share beside the queues, on the first queue's slot (K as in queue.h):
 *   K:flow     HASH  limit → tokens, rates and cool-down (lua/flow.lua)
 *   K:control  HASH  pauses, overrides, cool-downs, circuits, version (lua/control.lua)
 *   K:told:<what>  STRING  the worker that has said it in its log, until it may be said again
 * Thin: builds the calls of three scripts and reads their replies. No state but the version. */
#ifndef PB_FLEET_FLEET_STORE_H
#define PB_FLEET_FLEET_STORE_H

#include "redis/redis.h"

struct fleet_store;

enum { LIMIT_ASKS_MAX = 32, LIMIT_NAME_SIZE = 160 };

/* r (the first queue's command connection) is borrowed and must be freed before the store. */
struct fleet_store *fleet_store_new(struct redis *r, const char *queue, const char *worker);
void fleet_store_free(struct fleet_store *s);

/* "K:flow" and "K:control" for tools; allocated. */
char *fleet_store_key(const char *queue, const char *kind);

/* The control version of the last reply, −1 before the first. Another than the one that was read
 * last means that something was agreed on since. */
int64_t fleet_store_version(const struct fleet_store *s);

/* While shut nothing is asked or written, as if no server was there: its queue is of a newer
 * schema. */
void fleet_store_shut(struct fleet_store *s, bool shut);

bool fleet_store_refused(const struct fleet_store *s); /* the last reply was an error */

/* What calls were answered since the last report. */
struct limit_report {
    int64_t through, throttled;
    uint32_t first,
        last;        /* which calls were throttled, when any was: numbers that tell two apart */
    int64_t hint_ms; /* the longest wait that the provider asked for; 0: none */
    int64_t age_ms;  /* since the last of them was sent */
};
struct limit_ask {
    const char *name;
    double rate, burst; /* configured tokens per s (0: none), most tokens saved up */
    int64_t want, back;
    struct limit_report report;
};
struct limit_grant {
    int64_t granted;
    int64_t wait_ms; /* until asking again makes sense; 0 when all was granted */
    int64_t rest_ms; /* nobody calls before; 0: they may */
    /* The fleet's counts: answers let through, and how often another call was throttled than the
     * one before; and which was the last. */
    int64_t passed, turns, who;
};
/* grants NULL: Redis did not answer, or with an error (logged). One per ask, in order. */
typedef void (*limit_grants_fn)(void *arg, const struct limit_grant *grants);
void fleet_store_ask(struct fleet_store *s, const struct limit_ask *asks, size_t n,
                     limit_grants_fn fn, void *arg);

struct fleet_state {
    int64_t now_ms, version;
    bool changed;                   /* another version than seen: fields follow */
    size_t n;                       /* of fields */
    const redisReply *const *pairs; /* name, value, name, value … : 2 n */
};
/* control NULL: no answer. */
typedef void (*fleet_state_fn)(void *arg, const struct fleet_state *control);
void fleet_store_sync(struct fleet_store *s, int64_t seen, fleet_state_fn fn, void *arg);

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
struct circuit_view {
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
typedef void (*circuit_view_fn)(void *arg, const struct circuit_view *share);
void fleet_store_circuit(struct fleet_store *s, const struct circuit_ask *ask, circuit_view_fn fn,
                         void *arg);
/* One worker's word that its calls for an app fail, which holds for ttl_ms while it lives; with it,
 * whether workers agree: another says so too, or nobody else is alive. */
enum fleet_vote { FLEET_VOTE_UNANSWERED, FLEET_VOTE_ALONE, FLEET_VOTE_AGREED };
typedef void (*fleet_vote_fn)(void *arg, enum fleet_vote vote, int64_t now_ms);
void fleet_store_vote(struct fleet_store *s, const char *app, int64_t ttl_ms, fleet_vote_fn fn,
                      void *arg);
/* A call for the app went through: no votes any more, anybody's. */
void fleet_store_well(struct fleet_store *s, const char *app);

/* When a job of an app was let through last, Redis clock: as the caller knows it, and then as the
 * fleet does; 0: never. last is in the order of what was asked, NULL: no answer. At most
 * FLEET_SENT_MAX at once; names are copied. */
enum { FLEET_SENT_MAX = 128 };
struct fleet_sent {
    const char *app;
    int64_t ms;
};
typedef void (*fleet_sent_fn)(void *arg, const int64_t *last);
void fleet_store_sent(struct fleet_store *s, const struct fleet_sent *apps, size_t n,
                      fleet_sent_fn fn, void *arg);

/* Is this the first worker to say it within ttl_ms? Also when Redis does not answer. what is
 * copied; fn once. fleet_store_untell(): it may be said again. */
typedef void (*fleet_told_fn)(void *arg, bool first);
void fleet_store_tell(struct fleet_store *s, const char *what, int64_t ttl_ms, fleet_told_fn fn,
                      void *arg);
void fleet_store_untell(struct fleet_store *s, const char *what);

/* The texts of a circuit: and a failed: field in K:control. "" and what cannot be read: closed,
 * and none failed. s NULL: for a tool, to which every worker is another. */
void fleet_store_read_circuit(const struct fleet_store *s, const char *text, const char *failed,
                              int64_t now_ms, struct circuit_view *out);

#endif
