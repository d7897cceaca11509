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

static bool is_upkeep_list(struct queue *q, const char *what, const redisReply *reply)
{
    return queue_answered(q, what, reply) && reply->type == REDIS_REPLY_ARRAY;
}

/* --- adopt ----------------------------------------------------------------------------------- */

enum { ADOPT_NAMES = 8, ADOPT_LATELY_MS = 30000, ADOPT_OLD_MS = 1000 };

static void on_adopted(struct queue *q, void *ctx, redisReply *reply)
{
    if (!queue_answered_array(q, "adopt", reply, ADOPT_REPLY_FIXED))
        return;
    int64_t jobs = queue_reply_int(reply, ADOPT_REPLY_JOBS);
    metrics_add_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "inbox"), jobs);
    if (jobs)
        log_warn("event=inbox_adopted queue=%s of=%s jobs=%lld", log_value(q->name), log_value(ctx),
                 (long long)jobs);
}

static void adopt_inbox(struct queue *q, const char *worker)
{
    char *inbox = queue_key(q, "inbox", worker);
    struct command a;
    queue_script(q, &a, SCRIPT_ADOPT);
    command_key(&a, QUEUE_KEY_ORPHAN, inbox);
    command_set(&a, ADOPT_ARGV_WORKER, worker);
    command_set_int(&a, ADOPT_ARGV_FORGET_MS, QUEUE_FORGET_MS);
    queue_send(q, q->cmd, &a, on_adopted, mem_strdup(worker));
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
    if (!is_upkeep_list(q, "workers", reply))
        return;
    for (size_t i = 0; i < reply->elements; i++) {
        const char *worker = queue_reply_text(reply, i);
        if (worker && strcmp(worker, q->worker) != 0)
            adopt_inbox(q, worker);
    }
    /* The dead stay listed for long, so each step goes on where the last one stopped. */
    *walk->offset = reply->elements == ADOPT_NAMES ? *walk->offset + ADOPT_NAMES : 0;
}

static void walk_dead(struct queue *q, const char *from, int64_t to_ms, size_t *offset)
{
    struct command a;
    struct walk *walk = mem_alloc(sizeof *walk);
    *walk = (struct walk){offset};
    command_begin(&a);
    command_add(&a, "ZRANGEBYSCORE");
    command_add(&a, q->keys[QUEUE_KEY_WORKERS]);
    command_add(&a, from);
    command_add_int(&a, to_ms);
    command_add(&a, "LIMIT");
    command_add_int(&a, (int64_t)*offset);
    command_add_int(&a, ADOPT_NAMES);
    q->adopting++;
    queue_send(q, q->cmd, &a, on_dead_workers, walk);
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
    if (!queue_answered_array(q, "audit", reply, AUDIT_REPLY_FIXED))
        return;
    int64_t entries = queue_reply_int(reply, AUDIT_REPLY_ENTRIES);
    int64_t jobs = queue_reply_int(reply, AUDIT_REPLY_JOBS);
    if (!entries)
        return;
    metrics_add_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "orphan"), jobs);
    log_error("event=batches_without_due queue=%s restored=%lld jobs=%lld", log_value(q->name),
              (long long)entries, (long long)jobs);
}

static void audit_batches(struct queue *q, const redisReply *fields)
{
    struct command a;
    queue_script(q, &a, SCRIPT_AUDIT);
    command_set_int(&a, AUDIT_ARGV_LEASE_MS, q->opts.lease_ms);
    size_t n = 0;
    for (size_t i = 0; i < fields->elements; i += 2) {
        const redisReply *id = fields->element[i];
        if (id->len != QUEUE_ID_SIZE - 1)
            continue; /* "<id>#" and "<id>!" are one longer */
        command_group(&a);
        command_set_bytes(&a, AUDIT_ARGV_ID, id->str, (size_t)id->len);
        n++;
    }
    if (n)
        queue_send(q, q->cmd, &a, on_audited, NULL);
    else
        command_free(&a);
}

static void on_scanned(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    q->auditing = false;
    if (!is_upkeep_list(q, "scan", reply) || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_ARRAY)
        return;
    snprintf(q->audit_cursor, sizeof q->audit_cursor, "%s", reply->element[0]->str);
    if (strcmp(q->audit_cursor, "0") == 0) {
        q->audit_at_ms = clock_mono_ms() + QUEUE_AUDIT_MS;
        queue_note_config(q);
    }
    audit_batches(q, reply->element[1]);
}

static void audit_step(struct queue *q)
{
    struct command a;
    command_begin(&a);
    command_add(&a, "HSCAN");
    command_add(&a, q->keys[QUEUE_KEY_BATCH]);
    command_add(&a, q->audit_cursor[0] ? q->audit_cursor : "0");
    command_add(&a, "COUNT");
    command_add_int(&a, 200);
    q->auditing = true;
    queue_send(q, q->cmd, &a, on_scanned, NULL);
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

static void on_inbox_left(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!queue_answered_array(q, "leave", reply, LEAVE_REPLY_FIXED)) {
        timer_once(q->leave_timer, queue_backoff_next(q));
        return;
    }
    if (queue_reply_int(reply, LEAVE_REPLY_LEFT)) {
        timer_once(q->leave_timer, 0);
        return;
    }
    q->leave_fn(q->leave_arg, QUEUE_DONE);
}

void queue_on_leave_timer(void *arg)
{
    struct queue *q = arg;
    struct command a;
    queue_script(q, &a, SCRIPT_LEAVE);
    command_set(&a, LEAVE_ARGV_WORKER, q->worker);
    queue_send(q, q->cmd, &a, on_inbox_left, NULL);
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
    struct command a;
    if (!q->marks || !redis_is_up(q->cmd))
        return;
    queue_script(q, &a, SCRIPT_CONFIG);
    command_set(&a, CONFIG_ARGV_DIGEST, q->digest);
    command_set(&a, CONFIG_ARGV_MARKS, q->marks);
    command_set_int(&a, CONFIG_ARGV_MOST, QUEUE_CONFIGS_MAX);
    queue_send(q, q->cmd, &a, on_config_noted, NULL);
}
