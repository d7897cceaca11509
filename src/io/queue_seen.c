/* SPDX-License-Identifier: MIT
 * Duplicates by producers: markers of the ids seen lately, K:seen:<app>:<id> → who held it first.
 */
#include "io/queue_core.h"

#include <assert.h>

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

static char *marker(const struct queue *q, const struct queue_seen *s)
{
    struct buf name;
    buf_init(&name, QUEUE_SEEN_NAME_MAX);
    buf_puts(&name, s->app);
    buf_putc(&name, ':');
    buf_puts(&name, s->id);
    char *key = queue_key(q, "seen", buf_text(&name));
    buf_free(&name);
    return key;
}

void queue_seen(struct queue *q, const struct queue_seen *ids, size_t n, int64_t window_ms,
                queue_seen_fn fn)
{
    assert(n && n <= QUEUE_SEEN_MAX);
    char *keys[QUEUE_SEEN_MAX];
    struct asking *a = mem_alloc(sizeof *a);
    *a = (struct asking){.fn = fn, .n = n};
    struct queue_args args;
    queue_args_init(&args);
    queue_args_text(&args, q->keys.batch);
    for (size_t i = 0; i < n; i++)
        queue_args_text(&args, keys[i] = marker(q, &ids[i]));
    queue_args_keys_end(&args);
    queue_args_int(&args, window_ms);
    for (size_t i = 0; i < n; i++) {
        queue_args_text(&args, ids[i].holder);
        a->args[i] = ids[i].arg;
    }
    queue_send_script(q, q->cmd, SCRIPT_SEEN, &args, on_seen, a);
    for (size_t i = 0; i < n; i++)
        mem_free(keys[i]);
}
