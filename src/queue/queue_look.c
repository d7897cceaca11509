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

static void on_write_tried(struct queue *q, void *ctx, redisReply *reply)
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
    struct command a;
    command_begin(&a);
    command_add(&a, "SET");
    command_add(&a, key);
    command_add(&a, "1");
    command_add(&a, "PX");
    command_add_int(&a, READY_TTL_MS);
    queue_send(q, q->cmd, &a, on_write_tried, t);
    mem_free(key);
}

/* --- the memory ------------------------------------------------------------------------------ */

struct asking {
    queue_memory_fn fn;
    void *arg;
};

static int64_t info_field(const char *info, const char *name)
{
    const char *at = strstr(info, name);
    return at ? number_read(at + strlen(name)) : 0;
}

/* An ACL may forbid INFO memory: that alone is no trouble, so nobody else is told. */
static void on_memory_told(struct queue *q, void *ctx, redisReply *reply)
{
    (void)q;
    const struct asking *a = ctx;
    bool ok = reply && reply->type == REDIS_REPLY_STRING;
    a->fn(a->arg, ok ? info_field(reply->str, "\nused_memory:") : 0,
          ok ? info_field(reply->str, "\nmaxmemory:") : 0);
}

void queue_memory(struct queue *q, queue_memory_fn fn, void *arg)
{
    struct asking *ctx = mem_alloc(sizeof *ctx);
    *ctx = (struct asking){fn, arg};
    struct command a;
    command_begin(&a);
    command_add(&a, "INFO");
    command_add(&a, "memory");
    queue_send(q, q->cmd, &a, on_memory_told, ctx);
}

/* --- the look -------------------------------------------------------------------------------- */

struct looking {
    queue_view_fn fn;
    void *arg;
};

static void on_view_told(struct queue *q, void *ctx, redisReply *reply)
{
    const struct looking *l = ctx;
    struct queue_view view = {.ok = false};
    bool ok = queue_answered_array(q, "look", reply, LOOK_REPLY_FIXED);
    const redisReply *head = ok ? reply->element[LOOK_REPLY_HEAD] : NULL;
    if (head && head->type == REDIS_REPLY_STRING)
        view = (struct queue_view){.ok = true,
                                   .now_ms = queue_reply_int(reply, LOOK_REPLY_NOW),
                                   .workers = queue_reply_int(reply, LOOK_REPLY_WORKERS),
                                   .any = queue_reply_int(reply, LOOK_REPLY_LENGTH) >= 0,
                                   .head = head->str,
                                   .head_len = (size_t)head->len};
    l->fn(l->arg, &view);
}

void queue_peek_head(struct queue *q, queue_view_fn fn, void *arg)
{
    struct looking *ctx = mem_alloc(sizeof *ctx);
    *ctx = (struct looking){fn, arg};
    struct command c;
    queue_script(q, &c, SCRIPT_LOOK);
    command_set_int(&c, LOOK_ARGV_MOST, q->opts.job_max_bytes);
    queue_send(q, q->cmd, &c, on_view_told, ctx);
}
