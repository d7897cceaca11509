/* SPDX-License-Identifier: MIT
 * Counting: one script over all lists at once, so that no job on its way from one to another is
 * missed. It answers with the names of workers and apps until it is called with just these. */
#include "io/queue_core.h"

#include "base/mem.h"

enum { TRIES = 5 };

struct counting {
    queue_counts_fn fn;
    void *arg;
    int tries;
};

static void ask(struct queue *q, struct counting c, const redisReply *workers,
                const redisReply *apps);

static void count_failed(const struct counting *c)
{
    c->fn(c->arg, &(struct queue_counts){.ok = false});
}

static void count_again(struct queue *q, struct counting c, const redisReply *reply)
{
    const redisReply *workers = reply->elements == 4 ? reply->element[2] : NULL;
    const redisReply *apps = reply->elements == 4 ? reply->element[3] : NULL;
    bool ok = workers && workers->type == REDIS_REPLY_ARRAY && apps->type == REDIS_REPLY_ARRAY;
    if (ok && ++c.tries < TRIES)
        ask(q, c, workers, apps);
    else
        count_failed(&c);
}

static void on_counted(struct queue *q, void *ctx, redisReply *reply)
{
    const struct counting *c = ctx;
    if (!queue_answered_array(q, "count", reply, 2)) {
        count_failed(c);
        return;
    }
    if (queue_reply_int(reply, 1) != 1) {
        count_again(q, *c, reply);
        return;
    }
    const struct queue_counts out = {
        .ok = true,
        .now_ms = queue_reply_int(reply, 0),
        .ready = queue_reply_int(reply, 2),
        .inbox = queue_reply_int(reply, 3),
        .leased = queue_reply_int(reply, 4) - queue_reply_int(reply, 8),
        .parked = queue_reply_int(reply, 5),
        .results = queue_reply_int(reply, 6),
        .dead_list = queue_reply_int(reply, 7),
        .delayed = queue_reply_int(reply, 8),
        .sent = queue_reply_int(reply, 9),
        .dead = queue_reply_int(reply, 10),
        .duplicate = queue_reply_int(reply, 11),
    };
    c->fn(c->arg, &out);
}

static size_t add_names(struct queue *q, struct queue_args *a, const char *kind,
                        const redisReply *names, char **keys)
{
    size_t n = 0;
    for (size_t i = 0; names && i < names->elements; i++) {
        const char *name = queue_reply_text(names, i);
        if (!name)
            continue;
        keys[n] = queue_key(q, kind, name);
        queue_args_text(a, keys[n++]);
    }
    return n;
}

static void ask(struct queue *q, struct counting c, const redisReply *workers,
                const redisReply *apps)
{
    const struct queue_keys *k = &q->keys;
    const char *const fixed[] = {k->ready, k->member,  k->count, k->workers,
                                 k->apps,  k->results, k->dead};
    size_t most = (workers ? workers->elements : 0) + (apps ? apps->elements : 0);
    char **keys = mem_alloc((most + 1) * sizeof *keys);
    struct queue_args a;
    queue_args_init(&a);
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        queue_args_text(&a, fixed[i]);
    size_t inboxes = add_names(q, &a, "inbox", workers, keys);
    size_t n = inboxes + add_names(q, &a, "parked", apps, keys + inboxes);
    queue_args_keys_end(&a);
    queue_args_int(&a, (int64_t)inboxes);
    struct counting *ctx = mem_alloc(sizeof *ctx);
    *ctx = c;
    queue_send_script(q, q->cmd, SCRIPT_COUNT, &a, on_counted, ctx);
    for (size_t i = 0; i < n; i++)
        mem_free(keys[i]);
    mem_free(keys);
}

void queue_count(struct queue *q, queue_counts_fn fn, void *arg)
{
    ask(q, (struct counting){.fn = fn, .arg = arg}, NULL, NULL);
}
