/* SPDX-License-Identifier: MIT
 * One reliable queue in Redis: the only module that knows keys and scripts. Each move of a job is
 * one atomic script (src/queue/lua), each step of which is a step of the model (tests/model).
 *
 * Keys, with K = "{Q}" for a queue named Q, or Q itself where the name has a hash tag already:
 *   Q                 LIST  ready jobs, raw bytes; producers RPUSH
 *   K:inbox:<worker>  LIST  what BLMOVE moved for a worker; a wake-up, emptied by the next claim
 *   K:due             ZSET  batch id → lease deadline (leased) or retry time (waiting), Redis ms
 *   K:batch           HASH  batch id → "fence state t0 claimed worker size crashes digest", and
 *                           "<id>#" → members left, "<id>!" → the recorded grouping (mark)
 *   K:member          HASH  "<id>:<position>" → "<crashes> <envelope length> <envelope><bytes>"
 *                           (bytes that stay in K:oversize: "!<length> <key>" stands before the
 *                           envelope, with a space between when there is one)
 *   K:parked:<app>    LIST  same value as a member
 *   K:apps            SET   apps ever parked
 *   K:oversize        HASH  uid → bytes of an element over the limit
 *   K:count           HASH  sent, dead, duplicate, delayed, trimmed, reclaimed, replayed, dropped …
 *   K:workers         ZSET  worker → heartbeat's end, Redis ms
 *   K:seen:<app>:<id> STRING  the job that had this id first; lives queue.dedup_s. The first
 *                           queue's are all queues', where they lie in one slot or outside a
 *                           cluster
 *   K:ready:<worker>  STRING  the readiness check's write, with a TTL of 5 s
 *   K:stat            HASH  worker → what its last heartbeat says of it, JSON
 *   K:config          HASH  digest of a configuration → the marks of what calls follow from in it,
 *                           and "order" → those digests, the one told of last at the end
 *   K:run             STRING  "<run id> <since ms>": nothing is reaped for one lease after a change
 *   K:v               STRING  schema version
 * On the first queue's slot there are besides K:flow, K:control and K:told:… (fleet_store.h).
 */
#ifndef PB_QUEUE_QUEUE_H
#define PB_QUEUE_QUEUE_H

#include "base/buf.h"
#include "redis/redis.h"

struct queue;

struct queue_opts {
    const char *name, *results, *dead; /* %q already replaced */
    const char *ids;                   /* queue that keeps the ids of all; NULL: each its own */
    const char *worker;                /* host-pid-random, no spaces */
    const char *digest;                /* 16 hex digits: templates, limits, plan version */
    const char *marks;                 /* of what it is a digest of, item by item; NULL: none */
    int64_t lease_ms;                  /* 9000 */
    int64_t idle_wait_s;               /* BLMOVE's time limit, must be < lease: 5 */
    int64_t results_max, job_max_bytes, crash_limit; /* crash_limit 0: none */
    bool may_forget;                /* after a restart of Redis nothing is claimed for a lease */
    int64_t wait_replicas, wait_ms; /* replicas that must have a claim before its calls; 0: none */
};

/* A claimed batch. Owned by the queue; valid until the last of its members is finished. */
struct queue_lease;

struct queue_member {
    unsigned pos;
    unsigned crashes;     /* batch's and own, this claim's takeover included */
    bool taken_over;      /* the batch was leased before and its lease ran out: it may be sent */
    bool oversize;        /* bytes are not here but in K:oversize under uid; len is their length */
    const char *envelope; /* "" : fresh job */
    size_t envelope_len;
    const char *bytes;
    size_t len;
};

struct queue_claim {
    struct queue_lease *lease;
    const char *batch;    /* 16 characters; uid of a fresh member is "<batch>-<pos>" */
    int64_t t0_ms;        /* Redis TIME of the batch's first claim */
    int64_t now_ms;       /* Redis TIME of this claim */
    const char *digest;   /* of the configuration of the batch's first claim */
    const char *marks;    /* of that configuration, where it is another's; "" not known */
    const char *grouping; /* recorded by queue_mark() or queue_regroup(): binding; "" none */
    size_t grouping_len;
    const struct queue_member *members;
    size_t n;
    bool suspect; /* one call that outlived crash_limit workers: nothing may run beside it */
};

/* How a claim ended. */
enum claim_end {
    CLAIM_ANSWERED,   /* all that was to be had came */
    CLAIM_UNANSWERED, /* Redis did not answer or refused (queue_refused()): wait before the next */
    CLAIM_HELD,       /* no ready job is taken, for parked_max */
    CLAIM_UNREPLICATED, /* too few replicas had it in time: its leases count as lost, and its
                           members are to be given back. Until then (wait_replicas) they are not
                           safe */
    CLAIM_FORGOTTEN,    /* may_forget holds claims back */
};
/* Called once per batch that a claim returned, then once with claim NULL, how it ended, and how
 * many ready jobs came (0 unless ANSWERED). Everything in claim is borrowed. */
typedef void (*queue_claim_fn)(void *arg, const struct queue_claim *claim, enum claim_end end,
                               unsigned ready);

enum queue_end_kind {
    END_SENT,      /* outcome to results, counted as sent */
    END_DUPLICATE, /* outcome to results */
    END_DEAD,      /* outcome to dead letters */
    END_RETRY,     /* to due at at_ms with the envelope */
    END_PARK,      /* to parked:<app> with the envelope */
    END_RETURN,    /* never sent, no history: raw bytes to the head of Q */
};
struct queue_end {
    enum queue_end_kind kind;
    const char *outcome; /* SENT, DUPLICATE, DEAD: JSON text */
    size_t outcome_len;
    const char *envelope; /* RETRY, PARK */
    size_t envelope_len;
    const char *bytes; /* RETRY, PARK, RETURN: the job; NULL for oversize (uid in the envelope) */
    size_t len;
    unsigned crashes; /* RETRY, PARK: kept */
    int64_t at_ms;    /* RETRY: Redis ms */
    const char *app;  /* PARK */
    bool with_next;   /* in one script with the finish that is called next */
};
/* STALE: the lease had moved on (or an earlier finish whose answer was lost did it): nothing was
 * written. */
enum queue_done { QUEUE_DONE, QUEUE_STALE };
typedef void (*queue_done_fn)(void *arg, enum queue_done done);

/* cmd is the worker's shared command connection (borrowed); wait is this queue's own blocking
 * connection (borrowed, may be NULL for tools that never wait). */
struct queue *queue_new(struct event_base *base, struct redis *cmd, struct redis *wait,
                        const struct queue_opts *opts);
void queue_free(struct queue *q);
/* Of the claims that are made from now on; copied. */
void queue_set_digest(struct queue *q, const char *digest, const char *marks);
const char *queue_name(const struct queue *q);
/* Whether the name has a part in braces, by which a cluster places it. */
bool queue_has_tag(const char *name);
char *queue_prefix(const char *name); /* K of the key list above; allocated */
/* K of the key list above, for the queue that a lease belongs to. */
const char *queue_key_prefix(const struct queue_lease *lease);
const char *queue_lease_queue(const struct queue_lease *lease); /* the name of that queue */

/* Must be called on each REDIS_UP of cmd: schema check and first heartbeat; then claims work.
 * fn(arg, ok, why): ok, or false without why when the connection was lost, once; before that each
 * time that a newer schema is found, with why: it is tried again, and no finish is written. A key
 * that cannot be read as a schema is a refusal of QUEUE_STEP_OPEN like others, tried again too. */
typedef void (*queue_ready_fn)(void *arg, bool ok, const char *why);
void queue_open(struct queue *q, queue_ready_fn fn, void *arg);

/* An app whose parked jobs may be taken, at most so many. */
struct queue_unpark {
    const char *app;
    unsigned limit;
};

/* How due jobs are followed by parked and ready ones (inbox leftovers are ready). */
enum queue_order {
    QUEUE_PARKED_FIRST, /* all that the apps may give, then ready jobs */
    QUEUE_IN_TURN,      /* an equal part for each app that has parked jobs, and for ready ones; what
                           one of them leaves is the others' */
    QUEUE_BESIDE,       /* what the apps may give, not counted in n, and ready ones */
};
struct queue_ask {
    unsigned n; /* due and ready jobs, and parked ones unless BESIDE; due batches whole */
    const struct queue_unpark *unparks;
    size_t nunparks;
    enum queue_order order;
    int64_t parked_max; /* no ready jobs while so many are parked, those of lists that are taken
                           from not counted unless BESIDE, which takes no more than there is room
                           for */
    unsigned turn;      /* IN_TURN: whose the odd ones are; another from claim to claim */
    unsigned most;      /* jobs in all, whatever the order; 0: as many as a claim may bring */
    unsigned whole;     /* the largest due batch that may come though it is more than n; 0: any. A
                           larger one     waits for a worker that holds nothing (queue_suspects()) */
    bool alone;      /* the worker holds nothing, so that it may get one suspect (I4), and nothing
                        else with it */
    bool from_end;   /* parked jobs from the ends of their lists */
    bool ready_only; /* no due ones */
};

enum { QUEUE_CLAIM_JOBS_MAX = 256 };
/* Takes jobs, QUEUE_CLAIM_JOBS_MAX at most. Everything in ask is copied. One claim at a time per
 * queue.
 */
void queue_claim(struct queue *q, const struct queue_ask *ask, queue_claim_fn fn, void *arg);
/* As the last claim left them; 0 before it. */
int64_t queue_ready_left(const struct queue *q);
int64_t queue_parked(const struct queue *q, const char *app);
int64_t queue_parked_all(const struct queue *q);
/* Did the last claim pass by suspects? They wait for a worker that holds nothing. */
bool queue_suspects(const struct queue *q);
bool queue_claiming(const struct queue *q);

/* Ends a member; collected for at most five milliseconds and sent as one pipelined script; re-sent
 * until Redis confirms. Everything in end is copied. fn exactly once, never before this returns. */
void queue_finish(struct queue_lease *lease, unsigned pos, const struct queue_end *end,
                  queue_done_fn fn, void *arg);
size_t queue_unconfirmed(const struct queue *q); /* finishes not yet confirmed */

/* --- calls of several jobs ---
 * A grouping is a text that says which positions of a batch go out in which call; here it is opaque
 * but for its beginning, "<calls> <members> ", which tells whether all of a batch is one call. It
 * is recorded once for the whole batch, before the first byte of any of its calls, and binds
 * whoever holds the batch later: each claim hands it out. From then on a call of several members
 * ends whole, or moves whole:
 *   sent            each member END_SENT, all but the last with_next, so that none is left behind
 *                   of a call that could then not be made again
 *   to be repeated, or its app in trouble   queue_regroup(): no RETRY, no PARK of its members
 *   refused, and never sent before   queue_regroup() of each half under gen + 1, with_next; or its
 *                   members go singly, as those of a call of which no byte was sent may
 *   dead            each member END_DEAD; with_next is not needed, dead letters may be large
 * A claim that lacks members of a call finds one that was dying: the rest follow as ambiguous.
 * A batch that outlives two workers comes in halves, cut between its calls. At the crash limit (I4)
 * one of several calls is taken apart: calls of one by END_RETRY, those of several by
 * queue_regroup() with the crashes kept, all at once due. A batch that is one call is tried once
 * more, and beyond the limit all its members are poison. */
enum { QUEUE_GROUPING_MAX = 64 * 1024 };

/* Records the grouping, 1 to QUEUE_GROUPING_MAX bytes. fn gets DONE and what is recorded (borrowed
 * for the call): an earlier text where there was one, to be followed instead; or STALE and NULL. */
typedef void (*queue_mark_fn)(void *arg, enum queue_done done, const char *text, size_t len);
void queue_mark(struct queue_lease *lease, const char *text, size_t len, queue_mark_fn fn,
                void *arg);

/* A member of a call that moves. Its bytes stay in Redis, so it must not be an oversize one. */
struct queue_moved {
    unsigned pos, crashes; /* crashes: kept */
    const char *envelope;
    size_t envelope_len;
};
struct queue_regrouping {
    const struct queue_moved *members; /* the i-th gets position i */
    size_t n;                          /* 1 to a claim's 256, of this lease, each once */
    const char *grouping;              /* as for queue_mark(), in the new positions */
    size_t grouping_len;
    int64_t at_ms; /* Redis ms */
    bool with_next;
};
/* Moves all of them to one waiting batch with its own grouping, or none (STALE). Everything is
 * copied; fn once for all, never before this returns. */
void queue_regroup(struct queue_lease *lease, const struct queue_regrouping *r, queue_done_fn fn,
                   void *arg);

/* I3(a): may a call of duration_ms start now? clock_boot_ms() + duration ≤ safe_until. */
bool queue_lease_safe(const struct queue_lease *lease, int64_t now_boot_ms, int64_t duration_ms);
bool queue_lease_lost(const struct queue_lease *lease);
int64_t queue_lease_now_ms(const struct queue_lease *lease); /* queue_now_ms() of its queue */

/* Every extend_ms: heartbeat, and all live leases in one script. */
void queue_extend(struct queue *q);
/* Workers of this queue that are alive, this one included, as the last heartbeat saw it; 0:
 * unknown.
 */
int64_t queue_workers(const struct queue *q);
/* What the next heartbeats say of this worker, for `stats`; copied. */
void queue_set_stat(struct queue *q, const char *text);
/* Now and then (each reap_ms; does its work more rarely): adopts inboxes of workers whose
 * heartbeat is gone, audits batches without an entry in due. */
void queue_housekeep(struct queue *q);

/* What may be left that nobody looks after. */
enum { QUEUE_LEFTOVERS_MAX = 32 };
struct queue_leftovers {
    const char *const *apps; /* for which jobs were ever parked */
    size_t napps;
    const char *const
        *words; /* of each other live worker, as its queue_set_stat() gave them; "": none */
    size_t nwords;
    int64_t lengths[QUEUE_LEFTOVERS_MAX]; /* of the parked lists that were asked for */
    size_t nlengths;
};
/* Everything in found is borrowed; NULL: Redis did not answer, or refused. Once, never before the
 * asking function returns (not at all when the queue is freed first). */
typedef void (*queue_leftovers_fn)(void *arg, const struct queue_leftovers *found);
/* Looks, counts the parked lists of n apps (≤ QUEUE_LEFTOVERS_MAX), and lists workers anew that
 * have said something and are not listed: their inboxes are adopted then. */
void queue_leftovers(struct queue *q, const char *const *apps, size_t n, queue_leftovers_fn fn,
                     void *arg);

/* Idle wait: fn(arg, moved) once: moved true when a job arrived. Re-arm after each. The job itself
 * is not wanted here, only that it came: a connection to wait on needs no longer values. */
enum { QUEUE_WAKE_BYTES = 64 * 1024 };
typedef void (*queue_wait_fn)(void *arg, bool moved);
void queue_wait(struct queue *q, queue_wait_fn fn, void *arg);
bool queue_waiting(const struct queue *q);
/* Unblocks the wait (CLIENT UNBLOCK through cmd); its fn still comes. */
void queue_wait_cancel(struct queue *q);

/* Empties this worker's inbox back to the head of Q and removes its heartbeat: the last step of a
 * drain, after the wait has ended. */
void queue_leave(struct queue *q, queue_done_fn fn, void *arg);

/* Duplicates by producers (a window longer than the provider's): is each id new within the last
 * window_ms, or held first by another job? Within all queues that have the same opts.ids. A marker
 * names its holder, so that the same job coming back is new again. At most QUEUE_SEEN_MAX at once;
 * everything is copied. fn once for each item, never before this returns (not at all when the queue
 * is freed first). */
enum { QUEUE_SEEN_MAX = 128, QUEUE_SEEN_NAME_MAX = 256 };
struct queue_seen {
    const char *app, *id; /* together shorter than QUEUE_SEEN_NAME_MAX */
    const char *holder;
    void *arg;
};
enum queue_seen_answer { QUEUE_SEEN_FIRST, QUEUE_SEEN_BEFORE, QUEUE_SEEN_UNANSWERED };
typedef void (*queue_seen_fn)(void *arg, enum queue_seen_answer answer);
void queue_seen(struct queue *q, const struct queue_seen *ids, size_t n, int64_t window_ms,
                queue_seen_fn fn);

/* A job as a member or a parked list keeps it. False when value is none. Parts are borrowed. */
struct queue_value {
    unsigned crashes;
    bool oversize; /* envelope says where its bytes are */
    const char *envelope, *bytes;
    size_t envelope_len, len;
};
bool queue_value_read(const char *value, size_t len, struct queue_value *out);

struct queue_counts {
    bool ok;
    int64_t ready, inbox, leased, delayed, parked, results, dead_list;
    int64_t sent, dead, duplicate;
    int64_t now_ms;
};
typedef void (*queue_counts_fn)(void *arg, const struct queue_counts *c);
/* Everybody's. parked is the sum over K:parked:* (the apps ever parked are in the SET K:apps). */
void queue_count(struct queue *q, queue_counts_fn fn, void *arg);

/* A look at the queue that touches no job. */
struct queue_view {
    bool ok, any;     /* any: the queue has a first element */
    int64_t now_ms;   /* Redis clock */
    int64_t workers;  /* with a live heartbeat, this one included */
    const char *head; /* the first element; "" when there is none or it is over job_max_bytes */
    size_t head_len;
};
typedef void (*queue_view_fn)(void *arg, const struct queue_view *view);
void queue_peek_head(struct queue *q, queue_view_fn fn, void *arg);

/* Of the server behind cmd; both 0 when it does not say, limit 0 when it has none. */
typedef void (*queue_memory_fn)(void *arg, int64_t used, int64_t limit);
void queue_memory(struct queue *q, queue_memory_fn fn, void *arg);

/* A real write with a short life (K:ready:<worker>): error is NULL when Redis took it, else the
 * refusal's text; took_us is its time. */
typedef void (*queue_write_fn)(void *arg, const char *error, int64_t took_us);
void queue_try_write(struct queue *q, queue_write_fn fn, void *arg);

/* The steps without which a queue cannot be served. One is refused from an answer that is an error
 * (a key of a wrong type, TRYAGAIN, NOPERM, too few replicas …) until Redis takes it again; that no
 * answer came is the connection's trouble, not the queue's. */
enum queue_step {
    QUEUE_STEP_OPEN = 1,
    QUEUE_STEP_CLAIM = 2,
    QUEUE_STEP_REPLICAS = 4, /* of a claim; only claims can show that these two are well again … */
    QUEUE_STEP_FINISH = 8,   /* … and the others are tried again by themselves */
    QUEUE_STEP_EXTEND = 16,
    QUEUE_STEP_SEEN = 32,
};
enum { QUEUE_STEPS = 6 };
unsigned queue_refused(const struct queue *q); /* their sum; 0: none */
/* "<step>: <error>" of the first of them, as it was refused at first; NULL: none. */
const char *queue_refusal(const struct queue *q);

/* Redis ms now, from the last answer and the monotonic clock; 0 before the first answer. */
int64_t queue_now_ms(const struct queue *q);

#endif
