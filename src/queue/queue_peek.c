/* SPDX-License-Identifier: MIT
 * Looking: single reads of bounded size. */
#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"
#include "queue/queue_core.h"
#include "queue/queue_tool.h"

enum { SCAN_COUNT = 200, KEY_MAX = 8192 };

struct looking {
    enum queue_peek what;
    queue_peek_fn fn;
    void *arg;
};

static void keep_time(struct queue *q, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return;
    q->redis_ms = number_bounded(number_read(reply->element[0]->str) * 1000 +
                                 number_read(reply->element[1]->str) / 1000);
    q->redis_mono_ms = clock_mono_ms();
}

static void on_look(struct queue *q, void *ctx, redisReply *reply)
{
    const struct looking *l = ctx;
    bool ok = queue_answered(q, "look", reply);
    if (ok && l->what == LOOK_TIME)
        keep_time(q, reply);
    l->fn(l->arg, ok ? reply : NULL);
}

/* A list's key; *made is to be freed. */
static const char *list_key(struct queue *q, enum queue_list list, const char *name, char **made)
{
    *made = NULL;
    switch (list) {
    case QUEUE_READY:
        return q->keys.ready;
    case QUEUE_RESULTS:
        return q->keys.results;
    case QUEUE_DEAD:
        return q->keys.dead;
    case QUEUE_INBOX:
        return *made = queue_key(q, "inbox", name);
    case QUEUE_PARKED:
        break;
    }
    return *made = queue_key(q, "parked", name);
}

static void add_list(struct queue *q, const struct queue_question *o, struct queue_args *a,
                     char **made)
{
    bool page = o->what == LOOK_PAGE;
    assert(!page || (o->n > 0 && o->n <= QUEUE_PAGE_MAX));
    queue_args_text(a, page ? "LRANGE" : "LLEN");
    queue_args_text(a, list_key(q, o->list, o->name, made));
    if (page) {
        queue_args_int(a, o->from);
        queue_args_int(a, o->from + o->n - 1);
    }
}

static void add_words(struct queue_args *a, const char *command, const char *key)
{
    queue_args_text(a, command);
    queue_args_text(a, key);
}

static void add_hash(struct queue *q, const char *name, struct queue_args *a, char **made)
{
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_printf(&key, "%s:%s", q->keys.prefix, name);
    *made = buf_take(&key);
    add_words(a, "HGETALL", *made);
}

static void add_question(struct queue *q, const struct queue_question *o, struct queue_args *a,
                         char **made)
{
    switch (o->what) {
    case LOOK_TIME:
        queue_args_text(a, "TIME");
        break;
    case LOOK_LENGTH:
    case LOOK_PAGE:
        add_list(q, o, a, made);
        break;
    case LOOK_APPS:
        add_words(a, "SMEMBERS", q->keys.apps);
        break;
    case LOOK_WORKERS:
        assert(o->n > 0 && o->n <= QUEUE_PAGE_MAX);
        add_words(a, "ZRANGE", q->keys.workers);
        queue_args_int(a, o->from);
        queue_args_int(a, o->from + o->n - 1);
        queue_args_text(a, "WITHSCORES");
        break;
    case LOOK_STAT:
        add_words(a, "HGET", q->keys.stat);
        queue_args_text(a, o->name);
        break;
    case LOOK_COUNTERS:
        add_words(a, "HGETALL", q->keys.count);
        break;
    case LOOK_HASH:
        add_hash(q, o->name, a, made);
        break;
    case LOOK_MEMBERS:
        add_words(a, "HSCAN", q->keys.member);
        queue_args_text(a, o->cursor);
        queue_args_text(a, "COUNT");
        queue_args_int(a, SCAN_COUNT);
        break;
    }
}

void queue_peek(struct queue *q, const struct queue_question *question, queue_peek_fn fn, void *arg)
{
    struct looking *l = mem_alloc(sizeof *l);
    struct queue_args a;
    char *made = NULL;
    *l = (struct looking){question->what, fn, arg};
    queue_args_init(&a);
    add_question(q, question, &a, &made);
    queue_send_command(q, q->cmd, &a, 0, on_look, l);
    mem_free(made);
}

void queue_each_key(struct queue *q, const char *name, queue_key_fn fn, void *arg)
{
    static const char *const kinds[] = {"inbox", "parked", "seen", "ready"};
    const struct queue_keys *k = &q->keys;
    const char *const keys[] = {k->ready,   k->results,  k->dead,  k->due,     k->batch,
                                k->member,  k->oversize, k->count, k->workers, k->run,
                                k->version, k->apps,     k->stat};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        fn(arg, keys[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char *key = queue_key(q, kinds[i], name);
        fn(arg, key);
        mem_free(key);
    }
}

const char *queue_dead_list(const struct queue *q)
{
    return q->keys.dead;
}

const char *queue_oversize_key(const struct queue *q)
{
    return q->keys.oversize;
}

const char *queue_last_error(const struct queue *q)
{
    return q->error;
}

const char *queue_down_why(const struct queue *q)
{
    return redis_is_up(q->cmd) ? "" : redis_why(q->cmd);
}
