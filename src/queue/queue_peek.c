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

static void on_peeked(struct queue *q, void *ctx, redisReply *reply)
{
    const struct looking *l = ctx;
    bool ok = queue_answered(q, "look", reply);
    if (ok && l->what == PEEK_TIME)
        keep_time(q, reply);
    l->fn(l->arg, ok ? reply : NULL);
}

/* A list's key; *made is to be freed. */
static const char *list_key(struct queue *q, enum queue_list list, const char *name, char **made)
{
    *made = NULL;
    switch (list) {
    case QUEUE_READY:
        return q->keys[QUEUE_KEY_READY];
    case QUEUE_RESULTS:
        return q->keys[QUEUE_KEY_RESULTS];
    case QUEUE_DEAD:
        return q->keys[QUEUE_KEY_DEAD];
    case QUEUE_INBOX:
        return *made = queue_key(q, "inbox", name);
    case QUEUE_PARKED:
        break;
    }
    return *made = queue_key(q, "parked", name);
}

static void add_list_peek(struct queue *q, const struct queue_question *o, struct command *a,
                          char **made)
{
    bool page = o->what == PEEK_PAGE;
    assert(!page || (o->n > 0 && o->n <= QUEUE_PAGE_MAX));
    command_add(a, page ? "LRANGE" : "LLEN");
    command_add(a, list_key(q, o->list, o->name, made));
    if (page) {
        command_add_int(a, o->from);
        command_add_int(a, o->from + o->n - 1);
    }
}

static void add_words(struct command *a, const char *command, const char *key)
{
    command_add(a, command);
    command_add(a, key);
}

static void add_hash(struct queue *q, const char *name, struct command *a, char **made)
{
    struct buf key;
    buf_init(&key, KEY_MAX);
    buf_printf(&key, "%s:%s", q->prefix, name);
    *made = buf_take(&key);
    add_words(a, "HGETALL", *made);
}

static void add_question(struct queue *q, const struct queue_question *o, struct command *a,
                         char **made)
{
    switch (o->what) {
    case PEEK_TIME:
        command_add(a, "TIME");
        break;
    case PEEK_LENGTH:
    case PEEK_PAGE:
        add_list_peek(q, o, a, made);
        break;
    case PEEK_APPS:
        add_words(a, "SMEMBERS", q->keys[QUEUE_KEY_APPS]);
        break;
    case PEEK_WORKERS:
        assert(o->n > 0 && o->n <= QUEUE_PAGE_MAX);
        add_words(a, "ZRANGE", q->keys[QUEUE_KEY_WORKERS]);
        command_add_int(a, o->from);
        command_add_int(a, o->from + o->n - 1);
        command_add(a, "WITHSCORES");
        break;
    case PEEK_STAT:
        add_words(a, "HGET", q->keys[QUEUE_KEY_STAT]);
        command_add(a, o->name);
        break;
    case PEEK_COUNTERS:
        add_words(a, "HGETALL", q->keys[QUEUE_KEY_COUNT]);
        break;
    case PEEK_HASH:
        add_hash(q, o->name, a, made);
        break;
    case PEEK_MEMBERS:
        add_words(a, "HSCAN", q->keys[QUEUE_KEY_MEMBER]);
        command_add(a, o->cursor);
        command_add(a, "COUNT");
        command_add_int(a, SCAN_COUNT);
        break;
    }
}

void queue_peek(struct queue *q, const struct queue_question *question, queue_peek_fn fn, void *arg)
{
    struct looking *l = mem_alloc(sizeof *l);
    struct command a;
    char *made = NULL;
    *l = (struct looking){question->what, fn, arg};
    command_begin(&a);
    add_question(q, question, &a, &made);
    queue_send(q, q->cmd, &a, on_peeked, l);
    mem_free(made);
}

void queue_each_key(struct queue *q, const char *name, queue_key_fn fn, void *arg)
{
    static const char *const kinds[] = {"inbox", "parked", "seen", "ready"};
    for (size_t i = 0; i < QUEUE_KEYS_KNOWN; i++)
        if (q->keys[i] && i != QUEUE_KEY_INBOX)
            fn(arg, q->keys[i]);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char *key = queue_key(q, kinds[i], name);
        fn(arg, key);
        mem_free(key);
    }
}

const char *queue_dead_list(const struct queue *q)
{
    return q->keys[QUEUE_KEY_DEAD];
}

const char *queue_oversize_key(const struct queue *q)
{
    return q->keys[QUEUE_KEY_OVERSIZE];
}

const char *queue_last_error(const struct queue *q)
{
    return q->error;
}

const char *queue_down_why(const struct queue *q)
{
    return redis_is_up(q->cmd) ? "" : redis_why(q->cmd);
}
