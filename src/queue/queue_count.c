/* SPDX-License-Identifier: MIT
 * Counting: one script over all lists at once, so that no job on its way from one to another is
 * missed. It answers with the names of workers and apps until it is called with just these. Of very
 * many workers, those heard of longest ago are counted before, part by part: they are gone, and
 * their inboxes only lose jobs. */
#include "queue/queue_core.h"

#include "base/mem.h"

enum {
    TRIES =
        10, /* calls of the script: two for few workers, three for many, and some have changed */
    AT_ONCE = 2000, /* inboxes of one script */
    PART = 1000     /* of those counted before */
};

struct counting {
    queue_counts_fn fn;
    void *arg;
    int tries;
    int64_t before; /* workers whose inboxes are counted, from the one heard of longest ago … */
    int64_t want;   /* … and how many are to be */
    int64_t inbox;  /* jobs in these */
};

static struct counting *copy_counting(const struct counting *c)
{
    return mem_dup(c, sizeof *c);
}

static void count_failed(const struct counting *c)
{
    c->fn(c->arg, &(struct queue_counts){.ok = false});
}

/* --- asking ---------------------------------------------------------------------------------- */

static void on_counted(struct queue *q, void *ctx, redisReply *reply);

/* Keys of these names, to be freed by free_keys() after the call; how many. */
static size_t add_names(struct queue *q, struct command *a, const char *kind,
                        const redisReply *names, char **keys)
{
    size_t n = 0;
    for (size_t i = 0; names && i < names->elements; i++) {
        const char *name = queue_reply_text(names, i);
        if (!name)
            continue;
        keys[n] = queue_key(q, kind, name);
        command_more_key(a, keys[n++]);
    }
    return n;
}

static void free_keys(char **keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(keys[i]);
    mem_free(keys);
}

static void ask_counts(struct queue *q, const struct counting *c, const redisReply *workers,
                       const redisReply *apps)
{
    size_t most = (workers ? workers->elements : 0) + (apps ? apps->elements : 0);
    char **keys = mem_alloc((most + 1) * sizeof *keys);
    struct command a;
    queue_script(q, &a, SCRIPT_COUNT);
    size_t inboxes = add_names(q, &a, "inbox", workers, keys);
    size_t n = inboxes + add_names(q, &a, "parked", apps, keys + inboxes);
    command_set_int(&a, COUNT_ARGV_INBOXES, (int64_t)inboxes);
    command_set_int(&a, COUNT_ARGV_BEFORE, c->before);
    command_set_int(&a, COUNT_ARGV_MOST, AT_ONCE);
    queue_send(q, q->cmd, &a, on_counted, copy_counting(c));
    free_keys(keys, n);
}

/* --- those of long ago ----------------------------------------------------------------------- */

static void ask_part(struct queue *q, const struct counting *c);

static void on_lengths(struct queue *q, void *ctx, redisReply *reply)
{
    struct counting *c = ctx;
    if (!queue_answered_array(q, "count", reply, LENGTHS_REPLY_FIXED)) {
        count_failed(c);
        return;
    }
    c->inbox += queue_reply_int(reply, LENGTHS_REPLY_ELEMENTS);
    if (c->before < c->want)
        ask_part(q, c);
    else
        ask_counts(q, c, NULL, NULL); /* with the names of the others, if they are as many still */
}

static void on_part(struct queue *q, void *ctx, redisReply *reply)
{
    struct counting *c = ctx;
    if (!queue_answered(q, "count", reply) || reply->type != REDIS_REPLY_ARRAY) {
        count_failed(c);
        return;
    }
    char **keys = mem_alloc((reply->elements + 1) * sizeof *keys);
    struct command a;
    queue_script(q, &a, SCRIPT_LENGTHS);
    size_t n = add_names(q, &a, "inbox", reply, keys);
    c->before += PART < c->want - c->before ? PART : c->want - c->before;
    queue_send(q, q->cmd, &a, on_lengths, copy_counting(c));
    free_keys(keys, n);
}

static void ask_part(struct queue *q, const struct counting *c)
{
    int64_t n = c->want - c->before;
    struct command a;
    command_begin(&a);
    command_add(&a, "ZRANGE");
    command_add(&a, q->keys[QUEUE_KEY_WORKERS]);
    command_add_int(&a, c->before);
    command_add_int(&a, c->before + (n < PART ? n : PART) - 1);
    queue_send(q, q->cmd, &a, on_part, copy_counting(c));
}

/* --- answers --------------------------------------------------------------------------------- */

static void count_again(struct queue *q, struct counting c, const redisReply *reply)
{
    bool whole = reply->elements == COUNT_OTHERS_FIXED;
    const redisReply *workers = whole ? reply->element[COUNT_OTHERS_NAMES] : NULL;
    const redisReply *apps = whole ? reply->element[COUNT_OTHERS_APPS] : NULL;
    bool ok = workers && workers->type == REDIS_REPLY_ARRAY && apps->type == REDIS_REPLY_ARRAY;
    int64_t all = queue_reply_int(reply, COUNT_OTHERS_WORKERS),
            rest = all > AT_ONCE ? all - AT_ONCE : 0;
    bool others = c.before != rest;
    if (!ok || ++c.tries == TRIES) {
        count_failed(&c);
        return;
    }
    if (!others) {
        ask_counts(q, &c, workers, apps);
        return;
    }
    c.before = c.inbox = 0;
    c.want = rest;
    if (rest)
        ask_part(q, &c);
    else
        ask_counts(q, &c, workers, apps);
}

static void on_counted(struct queue *q, void *ctx, redisReply *reply)
{
    const struct counting *c = ctx;
    if (!queue_answered_array(q, "count", reply, COUNT_REPLY_READY)) {
        count_failed(c);
        return;
    }
    if (queue_reply_int(reply, COUNT_REPLY_WHOLE) != 1) {
        count_again(q, *c, reply);
        return;
    }
    const struct queue_counts out = {
        .ok = true,
        .now_ms = queue_reply_int(reply, COUNT_REPLY_NOW),
        .ready = queue_reply_int(reply, COUNT_REPLY_READY),
        .inbox = queue_reply_int(reply, COUNT_REPLY_INBOX) + c->inbox,
        .leased = queue_reply_int(reply, COUNT_REPLY_MEMBERS) -
                  queue_reply_int(reply, COUNT_REPLY_DELAYED),
        .parked = queue_reply_int(reply, COUNT_REPLY_PARKED),
        .results = queue_reply_int(reply, COUNT_REPLY_RESULTS),
        .dead_list = queue_reply_int(reply, COUNT_REPLY_LETTERS),
        .delayed = queue_reply_int(reply, COUNT_REPLY_DELAYED),
        .sent = queue_reply_int(reply, COUNT_REPLY_SENT),
        .dead = queue_reply_int(reply, COUNT_REPLY_DEAD),
        .duplicate = queue_reply_int(reply, COUNT_REPLY_DUPLICATE),
    };
    c->fn(c->arg, &out);
}

void queue_count(struct queue *q, queue_counts_fn fn, void *arg)
{
    ask_counts(q, &(struct counting){.fn = fn, .arg = arg}, NULL, NULL);
}
