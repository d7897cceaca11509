/* SPDX-License-Identifier: MIT
 * Upkeep: inboxes of dead workers, batches without an entry in due, counts, and leaving. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

static bool is_list(struct queue *q, const char *what, const redisReply *reply)
{
    return queue_answered(q, what, reply) && reply->type == REDIS_REPLY_ARRAY;
}

/* --- adopt ----------------------------------------------------------------------------------- */

enum { ADOPT_NAMES = 8, ADOPT_LATELY_MS = 30000, ADOPT_OLD_MS = 1000 };

static void on_adopted(struct queue *q, void *ctx, redisReply *reply)
{
    if (!queue_answered_array(q, "adopt", reply, 3))
        return;
    metrics_add_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "inbox"),
                   queue_reply_int(reply, 1));
    if (queue_reply_int(reply, 1))
        log_warn("event=inbox_adopted queue=%s of=%s jobs=%lld", log_value(q->name), log_value(ctx),
                 (long long)queue_reply_int(reply, 1));
}

static void adopt(struct queue *q, const char *worker)
{
    char *inbox = queue_key(q, "inbox", worker);
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.ready);
    queue_args_text(&a, q->keys.workers);
    queue_args_text(&a, inbox);
    queue_args_text(&a, q->keys.stat);
    queue_args_keys_end(&a);
    queue_args_text(&a, worker);
    queue_args_int(&a, QUEUE_FORGET_MS);
    queue_send_script(q, q->cmd, SCRIPT_ADOPT, &a, on_adopted, mem_strdup(worker));
    mem_free(inbox);
}

/* Those that died lately may have jobs. The others had theirs taken, and are looked at slowly, each
 * again after the longer the more they are: a move of a connection that was cut may still land.
 * Each have a walk of their own, so that thousands of names that a crash loop left hold up nobody's
 * inbox. */
struct walk {
    size_t *offset; /* the queue's */
};

static void on_dead_workers(struct queue *q, void *ctx, redisReply *reply)
{
    const struct walk *walk = ctx;
    q->adopting--;
    if (!is_list(q, "workers", reply))
        return;
    for (size_t i = 0; i < reply->elements; i++) {
        const char *worker = queue_reply_text(reply, i);
        if (worker && strcmp(worker, q->worker) != 0)
            adopt(q, worker);
    }
    /* The dead stay listed for long, so each step goes on where the last one stopped. */
    *walk->offset = reply->elements == ADOPT_NAMES ? *walk->offset + ADOPT_NAMES : 0;
}

static void walk_dead(struct queue *q, const char *from, int64_t to_ms, size_t *offset)
{
    struct queue_args a;
    struct walk *walk = mem_alloc(sizeof *walk);
    *walk = (struct walk){offset};
    queue_args_init(&a);
    queue_args_text(&a, "ZRANGEBYSCORE");
    queue_args_text(&a, q->keys.workers);
    queue_args_text(&a, from);
    queue_args_int(&a, to_ms);
    queue_args_text(&a, "LIMIT");
    queue_args_int(&a, (int64_t)*offset);
    queue_args_int(&a, ADOPT_NAMES);
    q->adopting++;
    queue_send_command(q, q->cmd, &a, 0, on_dead_workers, walk);
}

static void adopt_step(struct queue *q)
{
    char lately[24];
    int64_t now = queue_now_ms(q);
    snprintf(lately, sizeof lately, "%lld", (long long)(now - ADOPT_LATELY_MS));
    walk_dead(q, lately, now - 1, &q->adopt_offset[0]);
    if (clock_mono_ms() < q->adopt_old_ms)
        return;
    q->adopt_old_ms = clock_mono_ms() + ADOPT_OLD_MS;
    walk_dead(q, "-inf", now - ADOPT_LATELY_MS - 1, &q->adopt_offset[1]);
}

/* --- audit ----------------------------------------------------------------------------------- */

static void on_audited(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!queue_answered_array(q, "audit", reply, 3) || !queue_reply_int(reply, 1))
        return;
    metrics_add_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "orphan"),
                   queue_reply_int(reply, 2));
    log_error("event=batches_without_due queue=%s restored=%lld jobs=%lld", log_value(q->name),
              (long long)queue_reply_int(reply, 1), (long long)queue_reply_int(reply, 2));
}

static void audit(struct queue *q, const redisReply *fields)
{
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.due);
    queue_args_text(&a, q->keys.batch);
    queue_args_keys_end(&a);
    queue_args_int(&a, q->opts.lease_ms);
    size_t n = 0;
    for (size_t i = 0; i < fields->elements; i += 2) {
        const redisReply *id = fields->element[i];
        if (id->len != QUEUE_ID_SIZE - 1)
            continue; /* "<id>#" and "<id>!" are one longer */
        queue_args_bytes(&a, id->str, (size_t)id->len);
        n++;
    }
    if (n)
        queue_send_script(q, q->cmd, SCRIPT_AUDIT, &a, on_audited, NULL);
    else
        queue_args_free(&a);
}

static void on_scanned(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    q->auditing = false;
    if (!is_list(q, "scan", reply) || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return;
    snprintf(q->audit_cursor, sizeof q->audit_cursor, "%s", reply->element[0]->str);
    if (strcmp(q->audit_cursor, "0") == 0) {
        q->audit_at_ms = clock_mono_ms() + QUEUE_AUDIT_MS;
        queue_note_config(q);
    }
    audit(q, reply->element[1]);
}

static void audit_step(struct queue *q)
{
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, "HSCAN");
    queue_args_text(&a, q->keys.batch);
    queue_args_text(&a, q->audit_cursor[0] ? q->audit_cursor : "0");
    queue_args_text(&a, "COUNT");
    queue_args_int(&a, 200);
    q->auditing = true;
    queue_send_command(q, q->cmd, &a, 0, on_scanned, NULL);
}

/* --- housekeep ------------------------------------------------------------------------------- */

void queue_housekeep(struct queue *q)
{
    int64_t now = clock_mono_ms();
    if (!redis_is_up(q->cmd) || !q->redis_ms)
        return;
    if (!q->adopting)
        adopt_step(q);
    if (!q->auditing && now >= q->audit_at_ms)
        audit_step(q);
}

/* --- leave ----------------------------------------------------------------------------------- */

static void on_left(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!queue_answered_array(q, "leave", reply, 2)) {
        timer_once(q->leave_timer, queue_backoff_next(q));
        return;
    }
    if (queue_reply_int(reply, 1)) {
        timer_once(q->leave_timer, 0);
        return;
    }
    q->leave_fn(q->leave_arg, QUEUE_DONE);
}

void queue_on_leave_timer(void *arg)
{
    struct queue *q = arg;
    struct queue_args a;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.ready);
    queue_args_text(&a, q->keys.workers);
    queue_args_text(&a, q->keys.inbox);
    queue_args_text(&a, q->keys.stat);
    queue_args_keys_end(&a);
    queue_args_text(&a, q->worker);
    queue_send_script(q, q->cmd, SCRIPT_LEAVE, &a, on_left, NULL);
}

void queue_leave(struct queue *q, queue_done_fn fn, void *arg)
{
    q->leave_fn = fn;
    q->leave_arg = arg;
    queue_on_leave_timer(q);
}

/* --- the configuration ----------------------------------------------------------------------- */

static void on_config_noted(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    queue_answered(q, "config", reply);
}

/* On the connection of the claims, so before the next of them. */
void queue_note_config(struct queue *q)
{
    struct queue_args a;
    if (!q->marks || !redis_is_up(q->cmd))
        return;
    queue_args_init(&a);
    queue_args_text(&a, q->keys.config);
    queue_args_keys_end(&a);
    queue_args_text(&a, q->digest);
    queue_args_text(&a, q->marks);
    queue_args_int(&a, QUEUE_CONFIGS_MAX);
    queue_send_script(q, q->cmd, SCRIPT_CONFIG, &a, on_config_noted, NULL);
}
