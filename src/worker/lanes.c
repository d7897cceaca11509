/* SPDX-License-Identifier: MIT */
#include "worker/lanes.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

static void begin_aside(struct lane *lane)
{
    log_error("event=queue_aside queue=%s why=%s", log_value(queue_name(lane->queue)),
              log_value(queue_refusal(lane->queue)));
    pipeline_give_back(lane->d->pipeline, lane->queue);
}

static void end_aside(const struct lane *lane, int64_t now_ms)
{
    log_warn("event=queue_back queue=%s after_ms=%lld", log_value(queue_name(lane->queue)),
             (long long)(now_ms - lane->aside.since_ms));
}

/* An error that is the connection's business has it dropped at once: then there is nothing to say
 * of the queue. */
static void look_at_lane(struct lane *lane, int64_t now_ms)
{
    if (!redis_is_up(lane->cmd))
        return;
    enum aside_change change = aside_see(&lane->aside, queue_refused(lane->queue) != 0, now_ms);
    if (change == ASIDE_SAME)
        return;
    metrics_set_at(METRIC_QUEUE_ASIDE, metrics_find(SET_QUEUE, queue_name(lane->queue)),
                   lane->aside.on);
    if (change == ASIDE_BEGINS)
        begin_aside(lane);
    else
        end_aside(lane, now_ms);
}

void lanes_look(struct dispatch *d)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < d->config->nqueues; i++)
        look_at_lane(&d->lanes[i], now);
}

static void write_stopped(const struct dispatch *d, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        if (!d->lanes[i].stopped)
            continue;
        buf_puts(out, any ? "," : ",\"parked_stop\":[");
        buf_json_or_null(out, queue_name(d->lanes[i].queue));
        any = true;
    }
    if (any)
        buf_putc(out, ']');
}

void lanes_write(const struct dispatch *d, struct buf *out)
{
    write_stopped(d, out);
    bool any = false;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        const struct lane *lane = &d->lanes[i];
        if (!lane->aside.on)
            continue;
        buf_puts(out, any ? "," : ",\"aside\":{");
        buf_json_or_null(out, queue_name(lane->queue));
        buf_putc(out, ':');
        buf_json_or_null(out, queue_refusal(lane->queue));
        any = true;
    }
    if (any)
        buf_putc(out, '}');
}

bool lanes_may_claim(const struct lane *lane)
{
    unsigned others = queue_refused(lane->queue) & ~(QUEUE_STEP_CLAIM | QUEUE_STEP_REPLICAS);
    return lane->open && aside_may_claim(&lane->aside, !others, clock_mono_ms());
}

void lanes_claimed(struct lane *lane, enum claim_end end)
{
    uint64_t random;
    clock_random(&random, sizeof random);
    if (end == CLAIM_UNANSWERED || end == CLAIM_UNREPLICATED)
        aside_failed(&lane->aside, clock_mono_ms(), random);
    else
        aside_answered(&lane->aside);
}

void lanes_load(const struct dispatch *d, size_t *busy, size_t *held)
{
    *busy = pipeline_busy(d->pipeline);
    *held = pipeline_flights(d->pipeline);
    for (size_t i = 0; i < d->config->nqueues; i++) {
        size_t its_busy, its_held;
        if (!d->lanes[i].aside.on)
            continue;
        pipeline_load_of(d->pipeline, d->lanes[i].queue, &its_busy, &its_held);
        *busy -= its_busy;
        *held -= its_held;
    }
}
