/* SPDX-License-Identifier: MIT
 * The idle wait: a heartbeat and a blocking move into this worker's inbox. The moved job is only
 * a wake-up; the next claim takes it from the inbox. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "redis/redis_reader.h"

enum { PAUSE_MS = 250, UNBLOCK_AGAIN_MS = 50 };

bool queue_waiting(const struct queue *q)
{
    return q->waiting;
}

static void wait_done(struct queue *q, bool moved)
{
    timer_stop(q->unblock_timer);
    timer_stop(q->wait_timer);
    q->waiting = q->wait_cancelled = false;
    q->wait_client = 0;
    q->wait_fn(q->wait_arg, moved);
}

void queue_on_wait_timer(void *arg)
{
    wait_done(arg, false);
}

static void on_wait_moved(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!q->waiting)
        return;
    if (reply && redis_reply_is_large(reply)) {
        wait_done(q, true); /* it lies in the inbox, whatever it is */
        return;
    }
    if (queue_answered(q, "wait", reply) && reply) {
        wait_done(q, reply->type == REDIS_REPLY_STRING);
        return;
    }
    /* Reporting a failure at once would make the caller's loop as fast as Redis can refuse. */
    q->wait_client = -1;
    timer_once(q->wait_timer, q->wait_cancelled ? 0 : PAUSE_MS);
}

static void on_heartbeat(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    queue_answered_array(q, "heartbeat", reply, 1);
}

/* --- cancelling ------------------------------------------------------------------------------ */

static void on_unblocked(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    (void)queue_answered(q, "unblock", reply);
    /* 0: the move had not reached the server yet, or its answer is on the way. */
    if (q->waiting && q->wait_cancelled)
        timer_once(q->unblock_timer, UNBLOCK_AGAIN_MS);
}

/* Client ids count per server, and after a failover both connections need not have the same. */
static bool same_server(const struct queue *q)
{
    return strcmp(redis_run_id(q->cmd), redis_run_id(q->wait)) == 0;
}

static void unblock_wait(struct queue *q)
{
    if (!q->waiting || q->wait_client <= 0)
        return;
    if (!same_server(q)) {
        timer_once(q->unblock_timer, UNBLOCK_AGAIN_MS);
        return;
    }
    struct command a;
    command_begin(&a);
    command_add(&a, "CLIENT");
    command_add(&a, "UNBLOCK");
    command_add_int(&a, q->wait_client);
    queue_send(q, q->cmd, &a, on_unblocked, NULL);
}

void queue_on_unblock_timer(void *arg)
{
    unblock_wait(arg);
}

void queue_wait_cancel(struct queue *q)
{
    if (!q->waiting || q->wait_cancelled)
        return;
    q->wait_cancelled = true;
    if (q->wait_client < 0)
        timer_once(q->wait_timer, 0);
    else
        unblock_wait(q);
}

static void on_client_id(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!queue_answered(q, "client_id", reply) || reply->type != REDIS_REPLY_INTEGER)
        return;
    q->wait_client = reply->integer;
    if (q->wait_cancelled)
        unblock_wait(q);
}

/* --- waiting --------------------------------------------------------------------------------- */

static void send_heartbeat(struct queue *q)
{
    struct command a;
    queue_extend_begin(q, &a);
    queue_send(q, q->wait, &a, on_heartbeat, NULL);
}

static void send_client_id(struct queue *q)
{
    struct command a;
    command_begin(&a);
    command_add(&a, "CLIENT");
    command_add(&a, "ID");
    queue_send(q, q->wait, &a, on_client_id, NULL);
}

/* Before 6.2 the other end of the list is taken: the same, since the list is empty when a worker
 * waits. */
static void send_move(struct queue *q)
{
    bool new = redis_version(q->wait) >= 60200;
    struct command a;
    command_begin(&a);
    command_add(&a, new ? "BLMOVE" : "BRPOPLPUSH");
    command_add(&a, q->keys[QUEUE_KEY_READY]);
    command_add(&a, q->keys[QUEUE_KEY_INBOX]);
    if (new) {
        command_add(&a, "LEFT");
        command_add(&a, "RIGHT");
    }
    command_add_int(&a, q->opts.idle_wait_s);
    queue_send_blocking(q, q->wait, &a, 1000 * q->opts.idle_wait_s, on_wait_moved, NULL);
}

void queue_wait(struct queue *q, queue_wait_fn fn, void *arg)
{
    assert(q->wait && !q->waiting);
    q->waiting = true;
    q->wait_fn = fn;
    q->wait_arg = arg;
    q->wait_client = 0;
    send_heartbeat(q);
    send_client_id(q);
    send_move(q);
}
