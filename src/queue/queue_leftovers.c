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

static void hand_leftovers_over(const struct asking *a, const redisReply *reply)
{
    const redisReply *lengths = reply->element[LEFTOVERS_REPLY_LENGTHS];
    struct queue_leftovers found = {.nlengths = lengths->elements};
    assert(found.nlengths <= QUEUE_LEFTOVERS_MAX);
    const char **apps = texts_of(reply->element[LEFTOVERS_REPLY_APPS], &found.napps);
    const char **words = texts_of(reply->element[LEFTOVERS_REPLY_WORDS], &found.nwords);
    for (size_t i = 0; i < found.nlengths; i++)
        found.lengths[i] = queue_reply_int(lengths, i);
    found.apps = apps;
    found.words = words;
    a->fn(a->arg, &found);
    mem_free(apps);
    mem_free(words);
}

static void on_queue_leftovers(struct queue *q, void *ctx, redisReply *reply)
{
    const struct asking *a = ctx;
    if (!queue_answered_array(q, "leftovers", reply, LEFTOVERS_REPLY_FIXED) ||
        !are_arrays(reply, LEFTOVERS_REPLY_APPS, 3) ||
        reply->element[LEFTOVERS_REPLY_LENGTHS]->elements > QUEUE_LEFTOVERS_MAX) {
        a->fn(a->arg, NULL);
        return;
    }
    const char *cursor = queue_reply_text(reply, LEFTOVERS_REPLY_CURSOR);
    snprintf(q->stat_cursor, sizeof q->stat_cursor, "%s", cursor ? cursor : "0");
    const redisReply *apps = reply->element[LEFTOVERS_REPLY_APPS];
    for (size_t i = 0; i < apps->elements; i++)
        queue_app_known(q, queue_reply_text(apps, i));
    int64_t listed = queue_reply_int(reply, LEFTOVERS_REPLY_LISTED);
    if (listed)
        log_error("event=workers_unlisted queue=%s listed=%lld", log_value(q->name),
                  (long long)listed);
    hand_leftovers_over(a, reply);
}

void queue_leftovers(struct queue *q, const char *const *apps, size_t n, queue_leftovers_fn fn,
                     void *arg)
{
    char *keys[QUEUE_LEFTOVERS_MAX];
    struct asking *asking = mem_alloc(sizeof *asking);
    *asking = (struct asking){fn, arg};
    assert(n <= QUEUE_LEFTOVERS_MAX);
    struct command c;
    queue_script(q, &c, SCRIPT_LEFTOVERS);
    for (size_t i = 0; i < n; i++)
        command_more_key(&c, keys[i] = queue_key(q, "parked", apps[i]));
    command_set_int(&c, LEFTOVERS_ARGV_LEASE_MS, q->opts.lease_ms);
    command_set(&c, LEFTOVERS_ARGV_WORKER, q->worker);
    command_set(&c, LEFTOVERS_ARGV_CURSOR, q->stat_cursor[0] ? q->stat_cursor : "0");
    queue_send(q, q->cmd, &c, on_queue_leftovers, asking);
    for (size_t i = 0; i < n; i++)
        mem_free(keys[i]);
}
