/* SPDX-License-Identifier: MIT
 * Leases: what this worker holds, how long it is safe, and keeping it. */
#include "queue/queue_core.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

static void free_when_done(struct queue_lease *lease)
{
    if (lease->members || lease->refs)
        return;
    struct queue_oversize *o;
    while ((o = TAILQ_FIRST(&lease->oversize))) {
        TAILQ_REMOVE(&lease->oversize, o, link);
        mem_free(o->ref);
        mem_free(o);
    }
    if (lease->listed)
        TAILQ_REMOVE(&lease->queue->leases, lease, link);
    mem_free(lease);
}

struct queue_lease *queue_lease_new(struct queue *q, const char *id, const char *fence,
                                    int64_t safe_until_ms, size_t members)
{
    struct queue_lease *lease = mem_zalloc(sizeof *lease);
    lease->queue = q;
    memcpy(lease->id, id, sizeof lease->id);
    memcpy(lease->fence, fence, sizeof lease->fence);
    lease->safe_until_ms = safe_until_ms;
    lease->members = members;
    q->open += members;
    lease->listed = true;
    TAILQ_INIT(&lease->oversize);
    TAILQ_INSERT_TAIL(&q->leases, lease, link);
    return lease;
}

void queue_lease_member_done(struct queue_lease *lease)
{
    assert(lease->members);
    lease->members--;
    free_when_done(lease);
}

void queue_lease_ref(struct queue_lease *lease)
{
    lease->refs++;
}

void queue_lease_unref(struct queue_lease *lease)
{
    assert(lease->refs);
    lease->refs--;
    free_when_done(lease);
}

void queue_leases_release(struct queue_lease **leases, size_t n, bool enough)
{
    for (size_t i = 0; i < n; i++) {
        leases[i]->held = false;
        leases[i]->lost |= !enough;
        queue_lease_unref(leases[i]);
    }
}

void queue_lease_add_oversize(struct queue_lease *lease, unsigned pos, const char *ref, size_t len)
{
    struct queue_oversize *o = mem_alloc(sizeof *o);
    o->pos = pos;
    o->ref = mem_dup(ref, len);
    TAILQ_INSERT_TAIL(&lease->oversize, o, link);
}

const char *queue_lease_oversize(const struct queue_lease *lease, unsigned pos)
{
    const struct queue_oversize *o;
    TAILQ_FOREACH(o, &lease->oversize, link)
    if (o->pos == pos)
        return o->ref;
    return NULL;
}

const char *queue_key_prefix(const struct queue_lease *lease)
{
    return lease->queue->prefix;
}

const char *queue_lease_queue(const struct queue_lease *lease)
{
    return lease->queue->name;
}

bool queue_lease_safe(const struct queue_lease *lease, int64_t now_boot_ms, int64_t duration_ms)
{
    return !lease->lost && !lease->held && now_boot_ms + duration_ms <= lease->safe_until_ms;
}

bool queue_lease_lost(const struct queue_lease *lease)
{
    return lease->lost;
}

int64_t queue_lease_now_ms(const struct queue_lease *lease)
{
    return queue_now_ms(lease->queue);
}

void queue_set_stat(struct queue *q, const char *text)
{
    mem_free(q->stat);
    q->stat = mem_strdup(text);
}

int64_t queue_workers(const struct queue *q)
{
    return q->alive;
}

/* --- extend ---------------------------------------------------------------------------------- */

struct extension {
    int64_t sent_boot_ms;
    size_t n;
    struct queue_lease *leases[QUEUE_EXTEND_LEASES];
};

static void extend_one(struct queue *q, struct queue_lease *lease, bool mine, int64_t sent_boot_ms)
{
    if (mine) {
        int64_t until = sent_boot_ms + q->opts.lease_ms;
        if (until > lease->safe_until_ms)
            lease->safe_until_ms = until;
    } else if (lease->members && !lease->lost) {
        /* With its last finish on the way the batch may be gone because that was done. */
        lease->lost = true;
        metrics_add(METRIC_LEASES_LOST, 1);
        log_warn("event=lease_lost queue=%s batch=%s members=%zu", log_value(q->name), lease->id,
                 lease->members);
    }
}

static void on_extended(struct queue *q, void *ctx, redisReply *reply)
{
    const struct extension *x = ctx;
    q->extending--;
    bool ok = queue_answered_array(q, "extend", reply, EXTEND_REPLY_FIXED + x->n + 1);
    if (ok)
        q->alive = queue_reply_int(reply, EXTEND_REPLY_FIXED + x->n);
    for (size_t i = 0; i < x->n; i++) {
        if (ok)
            extend_one(q, x->leases[i], queue_reply_int(reply, EXTEND_REPLY_MINE + i) == 1,
                       x->sent_boot_ms);
        queue_lease_unref(x->leases[i]);
    }
}

static struct queue_lease *next_live(struct queue_lease *lease)
{
    while (lease && (lease->lost || !lease->members))
        lease = TAILQ_NEXT(lease, link);
    return lease;
}

void queue_extend_begin(const struct queue *q, struct command *c)
{
    queue_script(q, c, SCRIPT_EXTEND);
    command_set(c, EXTEND_ARGV_WORKER, q->worker);
    command_set_int(c, EXTEND_ARGV_LEASE_MS, q->opts.lease_ms);
    command_set(c, EXTEND_ARGV_STAT, q->stat ? q->stat : "");
}

/* Sends one call; returns the first lease that had no room in it. */
static struct queue_lease *extend_some(struct queue *q, struct queue_lease *lease)
{
    struct extension *x = mem_alloc(sizeof *x);
    x->sent_boot_ms = clock_boot_ms();
    x->n = 0;
    struct command c;
    queue_extend_begin(q, &c);
    for (; lease && x->n < QUEUE_EXTEND_LEASES; lease = next_live(TAILQ_NEXT(lease, link))) {
        command_group(&c);
        command_set(&c, EXTEND_ARGV_ID, lease->id);
        command_set(&c, EXTEND_ARGV_FENCE, lease->fence);
        queue_lease_ref(lease);
        x->leases[x->n++] = lease;
    }
    q->extending++;
    queue_send(q, q->cmd, &c, on_extended, x);
    return lease;
}

void queue_extend(struct queue *q)
{
    enum { ON_THE_WAY_MAX = 8 };
    if (!redis_is_up(q->cmd) || q->extending >= ON_THE_WAY_MAX)
        return;
    struct queue_lease *lease = next_live(TAILQ_FIRST(&q->leases));
    do
        lease = extend_some(q, lease);
    while (lease);
}
