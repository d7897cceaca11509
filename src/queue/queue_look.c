/* SPDX-License-Identifier: MIT
 * Looking without touching a job: the head of the queue, the living workers, the server's memory,
 * and whether it takes writes. */
#include "queue/queue_core.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/number.h"

enum { READY_TTL_MS = 5000 };

/* --- the write ------------------------------------------------------------------------------- */

struct trying {
    queue_write_fn fn;
    void *arg;
    int64_t began_us;
};

static void on_written(struct queue *q, void *ctx, redisReply *reply)
{
    const struct trying *t = ctx;
    const char *error = !reply ? "no connection" : NULL;
    if (reply && !queue_answered(q, "ready", reply))
        error = reply->str;
    t->fn(t->arg, error, clock_mono_us() - t->began_us);
}

void queue_try_write(struct queue *q, queue_write_fn fn, void *arg)
{
    char *key = queue_key(q, "ready", q->worker);
    struct trying *t = mem_alloc(sizeof *t);
    *t = (struct trying){fn, arg, clock_mono_us()};
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, "SET");
    queue_args_text(&a, key);
    queue_args_text(&a, "1");
    queue_args_text(&a, "PX");
    queue_args_int(&a, READY_TTL_MS);
    queue_send_command(q, q->cmd, &a, 0, on_written, t);
    mem_free(key);
}

/* --- the memory ------------------------------------------------------------------------------ */

struct asking {
    queue_memory_fn fn;
    void *arg;
};

static int64_t field(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    return at ? number_read(at + strlen(name)) : 0;
}

/* An ACL may forbid INFO memory: that alone is no trouble, so nobody else is told. */
static void on_memory(struct queue *q, void *ctx, redisReply *reply)
{
    (void)q;
    const struct asking *a = ctx;
    bool ok = reply && reply->type == REDIS_REPLY_STRING;
    a->fn(a->arg, ok ? field(reply->str, "\nused_memory:") : 0,
          ok ? field(reply->str, "\nmaxmemory:") : 0);
}

void queue_memory(struct queue *q, queue_memory_fn fn, void *arg)
{
    struct asking *ctx = mem_alloc(sizeof *ctx);
    *ctx = (struct asking){fn, arg};
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, "INFO");
    queue_args_text(&a, "memory");
    queue_send_command(q, q->cmd, &a, 0, on_memory, ctx);
}

/* --- the look -------------------------------------------------------------------------------- */

struct looking {
    queue_view_fn fn;
    void *arg;
};

static void on_looked(struct queue *q, void *ctx, redisReply *reply)
{
    const struct looking *l = ctx;
    struct queue_view view = {.ok = false};
    if (queue_answered_array(q, "look", reply, 4) && reply->element[3]->type == REDIS_REPLY_STRING)
        view = (struct queue_view){.ok = true,
                                   .now_ms = queue_reply_int(reply, 0),
                                   .workers = queue_reply_int(reply, 1),
                                   .any = queue_reply_int(reply, 2) >= 0,
                                   .head = reply->element[3]->str,
                                   .head_len = (size_t)reply->element[3]->len};
    l->fn(l->arg, &view);
}

void queue_look(struct queue *q, queue_view_fn fn, void *arg)
{
    struct looking *ctx = mem_alloc(sizeof *ctx);
    *ctx = (struct looking){fn, arg};
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.ready);
    queue_args_text(&a, q->keys.workers);
    queue_args_keys_end(&a);
    queue_args_int(&a, q->opts.job_max_bytes);
    queue_send_script(q, q->cmd, SCRIPT_LOOK, &a, on_looked, ctx);
}
