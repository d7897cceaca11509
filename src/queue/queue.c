/* SPDX-License-Identifier: MIT */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "base/text.h"

/* --- names ----------------------------------------------------------------------------------- */

static void keys_init(struct queue *q, const struct queue_opts *opts)
{
    static const char *const kinds[QUEUE_KEYS_KNOWN] = {
        [QUEUE_KEY_DUE] = ":due",       [QUEUE_KEY_BATCH] = ":batch",
        [QUEUE_KEY_MEMBER] = ":member", [QUEUE_KEY_OVERSIZE] = ":oversize",
        [QUEUE_KEY_COUNT] = ":count",   [QUEUE_KEY_WORKERS] = ":workers",
        [QUEUE_KEY_RUN] = ":run",       [QUEUE_KEY_VERSION] = ":v",
        [QUEUE_KEY_APPS] = ":apps",     [QUEUE_KEY_STAT] = ":stat",
        [QUEUE_KEY_CONFIG] = ":config"};
    q->prefix = queue_prefix(q->name);
    q->ids = opts->ids && strcmp(opts->ids, q->name) != 0 ? queue_prefix(opts->ids) : NULL;
    for (size_t i = 0; i < QUEUE_KEYS_KNOWN; i++)
        if (kinds[i])
            q->keys[i] = queue_join(q->prefix, kinds[i], "");
    q->keys[QUEUE_KEY_READY] = mem_strdup(q->name);
    q->keys[QUEUE_KEY_INBOX] = queue_key(q, "inbox", q->worker);
    q->keys[QUEUE_KEY_RESULTS] = mem_strdup(opts->results);
    q->keys[QUEUE_KEY_DEAD] = mem_strdup(opts->dead);
}

static void keys_free(struct queue *q)
{
    mem_free(q->prefix);
    mem_free(q->ids);
    for (size_t i = 0; i < QUEUE_KEYS_KNOWN; i++)
        mem_free(q->keys[i]);
}

static void set_config(struct queue *q, const char *digest, const char *marks)
{
    assert(digest[0] && !strchr(digest, ' '));
    mem_free(q->digest);
    mem_free(q->marks);
    q->opts.digest = q->digest = mem_strdup(digest);
    q->opts.marks = q->marks = marks ? mem_strdup(marks) : NULL;
}

void queue_set_digest(struct queue *q, const char *digest, const char *marks)
{
    set_config(q, digest, marks);
    queue_note_config(q);
}

/* --- opening --------------------------------------------------------------------------------- */

static void open_done(struct queue *q, bool ok, const char *why)
{
    queue_ready_fn fn = q->open_fn;
    q->open_fn = NULL;
    fn(q->open_arg, ok, why);
}

/* Nothing of it is touched until its layout is one that this program knows. */
static void open_newer(struct queue *q, int64_t schema)
{
    char why[160];
    snprintf(why, sizeof why, "%.64s holds schema %lld, this program knows up to %d",
             q->keys[QUEUE_KEY_VERSION], (long long)schema, QUEUE_SCHEMA);
    q->newer = true;
    queue_health_note(q, "open", why);
    timer_once(q->open_timer, queue_backoff_next(q));
    q->open_fn(q->open_arg, false, why);
}

/* As the script makes it: whatever else comes must not end a worker, which a newer schema does. */
static bool is_opening(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
        return false;
    int64_t schema = queue_reply_int(reply, 0);
    return schema >= 1 && schema <= QUEUE_SCHEMA_MAX && queue_reply_int(reply, 1) > 0 &&
           (schema <= QUEUE_SCHEMA || reply->elements == 2);
}

static void on_queue_opened(struct queue *q, void *ctx, redisReply *reply)
{
    (void)ctx;
    if (!q->open_fn)
        return;
    if (!reply) {
        open_done(q, false, NULL); /* the next connection opens it again */
        return;
    }
    bool answered = queue_answered(q, "open", reply);
    if (answered && !is_opening(reply))
        queue_misanswered(q, "open");
    if (!answered || !is_opening(reply)) {
        timer_once(q->open_timer, queue_backoff_next(q));
        return;
    }
    int64_t schema = queue_reply_int(reply, OPEN_REPLY_SCHEMA);
    if (schema > QUEUE_SCHEMA) {
        open_newer(q, schema);
        return;
    }
    q->newer = false;
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    for (size_t i = OPEN_REPLY_APP; i < reply->elements; i++)
        queue_app_known(q, queue_reply_text(reply, i));
    q->redis_ms = queue_reply_int(reply, OPEN_REPLY_NOW);
    q->redis_mono_ms = clock_mono_ms();
    queue_note_config(q);
    open_done(q, true, NULL);
    queue_finish_flush(q);
}

static void open_send(struct queue *q)
{
    struct command c;
    queue_script(q, &c, SCRIPT_OPEN);
    command_set_int(&c, OPEN_ARGV_SCHEMA, QUEUE_SCHEMA);
    command_set(&c, OPEN_ARGV_WORKER, q->worker);
    command_set_int(&c, OPEN_ARGV_LEASE_MS, q->opts.lease_ms);
    queue_send(q, q->cmd, &c, on_queue_opened, NULL);
}

static void on_open_timer(void *arg)
{
    open_send(arg);
}

void queue_open(struct queue *q, queue_ready_fn fn, void *arg)
{
    timer_stop(q->open_timer);
    q->open_fn = fn;
    q->open_arg = arg;
    open_send(q);
}

/* --- life ------------------------------------------------------------------------------------ */

struct queue *queue_new(struct event_base *base, struct redis *cmd, struct redis *wait,
                        const struct queue_opts *opts)
{
    assert(!strchr(opts->worker, ' '));
    struct queue *q = mem_zalloc(sizeof *q);
    q->base = base;
    q->cmd = cmd;
    q->wait = wait;
    q->opts = *opts;
    q->opts.name = q->name = mem_strdup(opts->name);
    q->opts.worker = q->worker = mem_strdup(opts->worker);
    set_config(q, opts->digest, opts->marks);
    keys_init(q, opts);
    q->opts.results = q->keys[QUEUE_KEY_RESULTS];
    q->opts.dead = q->keys[QUEUE_KEY_DEAD];
    q->opts.ids = NULL; /* borrowed until here */
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    TAILQ_INIT(&q->leases);
    TAILQ_INIT(&q->items);
    TAILQ_INIT(&q->items_sent);
    q->open_timer = timer_new(base, on_open_timer, q);
    q->flush_timer = timer_new(base, queue_on_flush, q);
    q->wait_timer = timer_new(base, queue_on_wait_timer, q);
    q->unblock_timer = timer_new(base, queue_on_unblock_timer, q);
    q->leave_timer = timer_new(base, queue_on_leave_timer, q);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    struct timer *const timers[] = {q->open_timer, q->flush_timer, q->wait_timer, q->unblock_timer,
                                    q->leave_timer};
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++)
        timer_free(timers[i]);
    queue_finish_free(q);
    struct queue_lease *lease;
    while ((lease = TAILQ_FIRST(&q->leases))) {
        lease->refs = 0;
        lease->members = 1;
        queue_lease_member_done(lease);
    }
    for (size_t i = 0; i < q->napps; i++)
        mem_free(q->apps[i]);
    keys_free(q);
    mem_free(q->name);
    mem_free(q->worker);
    mem_free(q->digest);
    mem_free(q->marks);
    mem_free(q->stat);
    q->closed = true;
    queue_free_when_quiet(q);
}
