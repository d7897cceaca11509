/* SPDX-License-Identifier: MIT
 * What the parts of the queue share: its state, key names, the building of commands, and how
 * answers and trouble are treated. Only queue_*.c include it (and the queue's test). */
#ifndef PB_QUEUE_QUEUE_CORE_H
#define PB_QUEUE_QUEUE_CORE_H

#include <sys/queue.h>

#include "base/timer.h"
#include "queue/command.h"
#include "queue/queue.h"

enum {
    QUEUE_SCHEMA = 1,
    QUEUE_SCHEMA_MAX = 999999,              /* as open.lua lets through */
    QUEUE_CONFIGS_MAX = 64,                 /* configurations whose marks are kept */
    QUEUE_ID_SIZE = 17,                     /* 96 random bits in base64url, and a NUL */
    QUEUE_CLAIM_MAX = QUEUE_CLAIM_JOBS_MAX, /* jobs of one claim: keeps the script below 1 ms */
    QUEUE_CLAIM_BYTES = 16 << 20,           /* jobs at their largest × jobs of one claim */
    QUEUE_FINISH_ITEMS = 128,               /* of one call of the finish script */
    QUEUE_FINISH_BYTES = 1 << 20,           /* the same, unless one item alone is larger */
    QUEUE_EXTEND_LEASES = 256,              /* of one call of the extend script */
    QUEUE_APPS_MAX = 128,                   /* apps whose parked lists are watched */
    QUEUE_BACKOFF_MIN_MS = 50,
    QUEUE_BACKOFF_MAX_MS = 2000,
    QUEUE_FORGET_MS = 3600 * 1000, /* a dead worker's name is kept this long */
    QUEUE_AUDIT_MS = 30 * 1000,
    QUEUE_LOG_AGAIN_MS = 60 * 1000, /* trouble that lasts */
};

/* An oversize member's bytes stay in Redis; ref is "!<length> <key in K:oversize>". */
struct queue_oversize {
    TAILQ_ENTRY(queue_oversize) link;
    unsigned pos;
    char *ref;
};

struct queue_lease {
    TAILQ_ENTRY(queue_lease) link;
    struct queue *queue;
    char id[QUEUE_ID_SIZE], fence[QUEUE_ID_SIZE];
    int64_t safe_until_ms; /* boot clock */
    bool held;             /* not safe until enough replicas have the claim */
    bool lost, listed;
    size_t members; /* not yet confirmed */
    size_t refs;    /* requests on the way that point here */
    TAILQ_HEAD(, queue_oversize) oversize;
};

/* A member that a regrouping moves. */
struct queue_item_member {
    unsigned pos, crashes;
    char *envelope;
    size_t len;
};

/* A finish, mark or regrouping until Redis has confirmed it. */
struct queue_item {
    TAILQ_ENTRY(queue_item) link;
    struct queue_lease *lease;
    char head[12];              /* FINISH_KIND_…, then the position; of REGROUP, how many */
    char new_id[QUEUE_ID_SIZE]; /* RETRY, REGROUP */
    int64_t at_ms;              /* RETRY, REGROUP */
    char *app, *ref;            /* PARK's app; RETURN's key in K:oversize */
    char *value;                /* outcome, member value, bytes or grouping */
    size_t len;
    struct queue_item_member *members; /* REGROUP */
    size_t nmembers;
    bool with_next;
    queue_done_fn fn;
    queue_mark_fn mark_fn; /* MARK, instead of fn */
    void *arg;
};
TAILQ_HEAD(queue_items, queue_item);

struct queue {
    struct event_base *base;
    struct redis *cmd, *wait;
    char *keys[QUEUE_KEYS_KNOWN]; /* NULL: the fleet's */
    char *prefix;                 /* K */
    char *ids;                    /* K of the queue that keeps the ids of all; NULL: this one */
    char *name, *worker, *digest, *marks;
    char *stat;             /* what the heartbeat says of this worker; NULL: nothing */
    struct queue_opts opts; /* its texts are the copies above */
    bool closed;            /* freed by its owner, kept until the last answer */
    size_t pending;         /* answers awaited */

    int64_t redis_ms, redis_mono_ms; /* the last answer's TIME, and when it came */
    char error[192];                 /* Redis' last */
    unsigned refused;                /* steps, as in queue_refused() */
    char refusals[QUEUE_STEPS][192];
    const char *trouble; /* the step whose error was logged, until it is answered again */
    int64_t trouble_mono_ms;
    int64_t backoff_ms;

    queue_ready_fn open_fn;
    void *open_arg;
    struct timer *open_timer;
    bool newer; /* of a later schema: nothing is written to it */

    TAILQ_HEAD(, queue_lease) leases;
    char *apps[QUEUE_APPS_MAX];
    int64_t parked[QUEUE_APPS_MAX]; /* their lists' lengths after the last claim */
    size_t napps;
    int64_t ready_left;

    bool claiming;
    bool suspects; /* as the last claim saw it */
    queue_claim_fn claim_fn;
    void *claim_arg;

    struct queue_items items, items_sent; /* to be sent; on the way */
    size_t unconfirmed;
    struct timer *flush_timer;
    bool flush_paused;
    unsigned gathered; /* items since the last flush */
    size_t open;       /* members of leases that no finish was asked for yet */

    bool waiting, wait_cancelled;
    queue_wait_fn wait_fn;
    void *wait_arg;
    int64_t wait_client;      /* CLIENT ID of the wait connection, 0: not known yet */
    struct timer *wait_timer; /* a failed wait is reported after a pause */
    struct timer *unblock_timer;

    unsigned extending;
    int64_t alive; /* workers, as the last heartbeat saw it */
    unsigned adopting;
    bool auditing;
    size_t adopt_offset[2]; /* among those that died lately, and the others */
    int64_t adopt_old_ms;   /* when those are looked at next */
    char stat_cursor[24];   /* how far the words of all workers have been looked through */
    char audit_cursor[24];
    int64_t audit_at_ms;

    queue_done_fn leave_fn;
    void *leave_arg;
    struct timer *leave_timer;
};

/* --- commands --- */

/* Begins the call of a script, with those of its keys that are the queue's. */
void queue_script(const struct queue *q, struct command *c, enum script which);
/* reply as redis hands it over. ctx is freed with mem_free afterwards, also when the queue is
 * gone and fn therefore not called: it must own nothing. */
typedef void (*queue_reply_fn)(struct queue *q, void *ctx, redisReply *reply);
/* Both free the command. */
void queue_send(struct queue *q, struct redis *r, struct command *c, queue_reply_fn fn, void *ctx);
void queue_send_blocking(struct queue *q, struct redis *r, struct command *c, int64_t wait_ms,
                         queue_reply_fn fn, void *ctx); /* a plain one */

/* --- answers --- */

/* Of a step: its error, or NULL when it was answered well. Other names than the steps' are let
 * be. */
void queue_health_note(struct queue *q, const char *what, const char *error);
/* True when reply is an answer. An error reply is counted and logged on the transition; where it
 * means that another server has to be looked for, the connection does so by itself. */
bool queue_answered(struct queue *q, const char *what, const redisReply *reply);
/* An array of at least n elements whose first is Redis' ms; keeps the time. */
bool queue_answered_array(struct queue *q, const char *what, const redisReply *reply, size_t n);
void queue_misanswered(struct queue *q, const char *what);       /* not as its script answers */
int64_t queue_reply_int(const redisReply *array, size_t i);      /* 0 when it is none */
const char *queue_reply_text(const redisReply *array, size_t i); /* NULL when it is none */
/* The next pause after trouble: doubling, with jitter. */
int64_t queue_backoff_next(struct queue *q);

/* Frees a queue that its owner has freed, once the last answer has come. */
void queue_free_when_quiet(struct queue *q);

void queue_random_id(char out[QUEUE_ID_SIZE]);
char *queue_join(const char *a, const char *b, const char *c);              /* mem_free */
char *queue_key(const struct queue *q, const char *kind, const char *name); /* K:<kind>:<name> */
void queue_app_known(struct queue *q, const char *app);                     /* NULL: nothing */

/* --- leases --- */
struct queue_lease *queue_lease_new(struct queue *q, const char *id, const char *fence,
                                    int64_t safe_until_ms, size_t members);
void queue_lease_member_done(struct queue_lease *lease);
void queue_lease_ref(struct queue_lease *lease);
void queue_lease_unref(struct queue_lease *lease);
void queue_lease_add_oversize(struct queue_lease *lease, unsigned pos, const char *ref, size_t len);
const char *queue_lease_oversize(const struct queue_lease *lease, unsigned pos); /* NULL: none */

/* Of n leases that a claim's references hold. Not enough: fewer replicas have the claim than must,
 * so its jobs are nobody's to send. */
void queue_leases_release(struct queue_lease **leases, size_t n, bool enough);

/* --- claims --- */

/* Which apps' parked lists a claim names, in their order. */
struct queue_lists {
    unsigned char apps[QUEUE_APPS_MAX];
    size_t n;
};
/* The lists that jobs are taken from first, then the others, whose lengths are asked for; their
 * keys are the caller's (mem_free). Returns how many unparks are left, each list once. Too many
 * apps: those beyond the bound are not taken from. */
size_t queue_lists_name(struct queue *q, const struct queue_ask *ask, struct queue_lists *l,
                        const struct queue_unpark **unparks, char **keys);
void queue_lists_read(struct queue *q, const struct queue_lists *l, const redisReply *lengths);

/* What a claim brought; each lease is held by a reference. */
struct queue_claimed {
    enum claim_end end;
    unsigned ready;
    size_t n;
    struct queue_lease *leases[];
};
/* Takes over c: the claim ends when enough replicas have it, or too few had it in time. */
void queue_replicas_wait(struct queue *q, struct queue_claimed *c);
static inline void queue_claim_done(struct queue *q, enum claim_end end, unsigned ready)
{
    q->claiming = false;
    q->claim_fn(q->claim_arg, NULL, end, ready);
}

bool queue_is_batch(const redisReply *b); /* in the form that the claim script answers */
/* Of a claimed member whose envelope is "!<length> <key>[ <envelope>]": the bytes are not here. */
bool queue_member_oversize(struct queue_lease *lease, struct queue_member *m);

/* --- items --- */
struct queue_item *queue_item_new(struct queue_lease *lease, unsigned pos, char kind, void *arg);
void queue_item_value(struct queue_item *item, const char *p, size_t len); /* a copy */
void queue_item_wait(struct queue_item *item, int64_t at_ms); /* under a new batch id */
void queue_item_add(struct queue_item *item);                 /* to what is to be sent */
/* What stays a job: as a member's value. The reference to bytes that stay in K:oversize, if it is
 * not NULL, stands before the envelope. */
void queue_item_member(struct queue_item *item, const struct queue_end *end, const char *ref);
/* Fills in the end of a job that is kept: RETRY, PARK, RETURN. ref: as above. */
void queue_item_keep(struct queue_item *item, const struct queue_end *end, const char *ref);
void queue_item_free(struct queue_item *item);

/* The parked lists that a call names. */
struct queue_parked_keys {
    size_t n;
    const char *apps[QUEUE_CLAIM_MAX];
    char *keys[QUEUE_CLAIM_MAX];
};
/* Names the list that an item is parked in, if it is. The keys are freed by who sends the call. */
void queue_item_name_list(const struct queue *q, const struct queue_item *item,
                          struct queue_parked_keys *p, struct command *c);
/* Begins an item's group of n arguments, its kind among them; and all of an item's. */
void queue_item_begin(struct command *c, const char *kind, size_t n);
void queue_item_args(const struct queue_item *item, const struct queue_parked_keys *p,
                     struct command *c);

/* The call of the extend script without leases, which may follow: the heartbeat. */
void queue_extend_begin(const struct queue *q, struct command *c);

/* Notes the marks of the configuration in force in Redis, once more every now and then. */
void queue_note_config(struct queue *q);

/* --- what construction and opening need of the other parts --- */
void queue_finish_flush(struct queue *q);
void queue_finish_free(struct queue *q);
void queue_on_flush(void *arg);
void queue_on_wait_timer(void *arg);
void queue_on_unblock_timer(void *arg);
void queue_on_leave_timer(void *arg);

#endif
