/* SPDX-License-Identifier: MIT
 * Looking for what nobody may look after any more: parked lists of apps, inboxes of workers that
 * are not listed. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

struct asking {
    queue_leftovers_fn fn;
    void *arg;
};

/* Borrows the texts of an array; those that are none are "". */
static const char **texts_of(const redisReply *array, size_t *n)
{
    const char **v = mem_alloc((array->elements + 1) * sizeof *v);
    *n = array->elements;
    for (size_t i = 0; i < *n; i++) {
        const char *text = queue_reply_text(array, i);
        v[i] = text ? text : "";
    }
    return v;
}

static bool are_arrays(const redisReply *reply, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        if (reply->element[i]->type != REDIS_REPLY_ARRAY)
            return false;
    return true;
}

static void hand_over(const struct asking *a, const redisReply *reply)
{
    struct queue_leftovers found = {.nlengths = reply->element[4]->elements};
    assert(found.nlengths <= QUEUE_LEFTOVERS_MAX);
    const char **apps = texts_of(reply->element[2], &found.napps);
    const char **words = texts_of(reply->element[3], &found.nwords);
    for (size_t i = 0; i < found.nlengths; i++)
        found.lengths[i] = queue_reply_int(reply->element[4], i);
    found.apps = apps;
    found.words = words;
    a->fn(a->arg, &found);
    mem_free(apps);
    mem_free(words);
}

static void on_leftovers(struct queue *q, void *ctx, redisReply *reply)
{
    const struct asking *a = ctx;
    if (!queue_answered_array(q, "leftovers", reply, 6) || !are_arrays(reply, 2, 3) ||
        reply->element[4]->elements > QUEUE_LEFTOVERS_MAX) {
        a->fn(a->arg, NULL);
        return;
    }
    const char *cursor = queue_reply_text(reply, 5);
    snprintf(q->stat_cursor, sizeof q->stat_cursor, "%s", cursor ? cursor : "0");
    for (size_t i = 0; i < reply->element[2]->elements; i++)
        queue_app_known(q, queue_reply_text(reply->element[2], i));
    if (queue_reply_int(reply, 1))
        log_error("event=workers_unlisted queue=%s listed=%lld", log_value(q->name),
                  (long long)queue_reply_int(reply, 1));
    hand_over(a, reply);
}

void queue_leftovers(struct queue *q, const char *const *apps, size_t n, queue_leftovers_fn fn,
                     void *arg)
{
    char *keys[QUEUE_LEFTOVERS_MAX];
    struct asking *asking = mem_alloc(sizeof *asking);
    *asking = (struct asking){fn, arg};
    assert(n <= QUEUE_LEFTOVERS_MAX);
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.workers);
    queue_args_text(&a, q->keys.stat);
    queue_args_text(&a, q->keys.apps);
    for (size_t i = 0; i < n; i++)
        queue_args_text(&a, keys[i] = queue_key(q, "parked", apps[i]));
    queue_args_keys_end(&a);
    queue_args_int(&a, q->opts.lease_ms);
    queue_args_text(&a, q->worker);
    queue_args_text(&a, q->stat_cursor[0] ? q->stat_cursor : "0");
    queue_send_script(q, q->cmd, SCRIPT_LEFTOVERS, &a, on_leftovers, asking);
    for (size_t i = 0; i < n; i++)
        mem_free(keys[i]);
}
