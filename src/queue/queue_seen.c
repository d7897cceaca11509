/* SPDX-License-Identifier: MIT
 * Duplicates by producers: markers of the ids seen lately, K:seen:<app>:<id> → who held it first.
 * Those of the queue that keeps the ids of all are what several queues have in common; a queue's
 * own are written beside them, and read, for workers of the version before, which know no others.
 */
#include "queue/queue_core.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"

struct asking {
    queue_seen_fn fn;
    size_t n;
    void *args[QUEUE_SEEN_MAX];
};

static void on_seen(struct queue *q, void *ctx, redisReply *reply)
{
    const struct asking *a = ctx;
    bool ok = queue_answered(q, "seen", reply) && reply->type == REDIS_REPLY_ARRAY &&
              reply->elements == a->n;
    for (size_t i = 0; i < a->n; i++)
        a->fn(a->args[i], !ok                              ? QUEUE_SEEN_UNANSWERED
                          : queue_reply_int(reply, i) == 1 ? QUEUE_SEEN_BEFORE
                                                           : QUEUE_SEEN_FIRST);
}

static char *make_marker(const char *prefix, const struct queue_seen *s)
{
    struct buf key;
    buf_init(&key, strlen(prefix) + QUEUE_SEEN_NAME_MAX);
    buf_printf(&key, "%s:seen:%s:%s", prefix, s->app, s->id);
    return buf_take(&key);
}

void queue_seen(struct queue *q, const struct queue_seen *ids, size_t n, int64_t window_ms,
                queue_seen_fn fn)
{
    assert(n && n <= QUEUE_SEEN_MAX);
    enum { EACH_MAX = 2 };
    const char *const prefixes[EACH_MAX] = {q->prefix, q->ids};
    const size_t each = q->ids ? 2 : 1;
    char *keys[EACH_MAX * QUEUE_SEEN_MAX];
    struct asking *a = mem_alloc(sizeof *a);
    *a = (struct asking){.fn = fn, .n = n};
    struct command c;
    queue_script(q, &c, SCRIPT_SEEN);
    for (size_t i = 0; i < n * each; i++)
        command_more_key(&c, keys[i] = make_marker(prefixes[i % each], &ids[i / each]));
    command_set_int(&c, SEEN_ARGV_WINDOW_MS, window_ms);
    command_set_int(&c, SEEN_ARGV_EACH, (int64_t)each);
    for (size_t i = 0; i < n; i++) {
        command_group(&c);
        command_set(&c, SEEN_ARGV_HOLDER, ids[i].holder);
        a->args[i] = ids[i].arg;
    }
    queue_send(q, q->cmd, &c, on_seen, a);
    for (size_t i = 0; i < n * each; i++)
        mem_free(keys[i]);
}
