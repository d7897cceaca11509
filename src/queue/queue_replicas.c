/* SPDX-License-Identifier: MIT
 * redis.wait_replicas: a claim counts once so many replicas have it. Without enough of them a
 * failover could undo the claim while its calls are on the wire, and another worker would claim the
 * same jobs: so they are not sent but given back. */
#include "queue/queue_core.h"

#include "base/log.h"
#include "base/metrics.h"

static void on_replicated(struct queue *q, void *ctx, redisReply *reply)
{
    struct queue_claimed *c = ctx;
    bool answered = queue_answered(q, "wait_replicas", reply);
    int64_t replicas = answered && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    bool enough = replicas >= q->opts.wait_replicas;
    queue_leases_release(c->leases, c->n, enough);
    if (enough) {
        queue_claim_done(q, c->end, c->ready);
        return;
    }
    metrics_add_at(METRIC_CLAIMS_UNREPLICATED, metrics_find(SET_QUEUE, q->name), 1);
    log_warn("event=claim_unreplicated queue=%s replicas=%lld wanted=%lld", log_value(q->name),
             (long long)replicas, (long long)q->opts.wait_replicas);
    if (answered)
        queue_health_note(q, "wait_replicas", "too few replicas had a claim in time");
    queue_claim_done(q, CLAIM_UNREPLICATED, 0);
}

void queue_replicas_wait(struct queue *q, struct queue_claimed *c)
{
    struct command a;
    command_begin(&a);
    command_add(&a, "WAIT");
    command_add_int(&a, q->opts.wait_replicas);
    command_add_int(&a, q->opts.wait_ms);
    queue_send_blocking(q, q->cmd, &a, q->opts.wait_ms, on_replicated, c);
}
