/* SPDX-License-Identifier: MIT */
#include "worker/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "worker/claims.h"

enum { WATCHDOG_MS = 15000, ALARM_MS = 30000 };

/* Every tick with credits ends in a claim of some queue; when none is answered for long, the
 * connections are not what they seem. */
void watch_claims(struct dispatch *d)
{
    int64_t now = clock_mono_ms();
    if (!claims_may(d))
        d->last_claim_ms = now;
    if (now - d->last_claim_ms < WATCHDOG_MS)
        return;
    d->last_claim_ms = now;
    d->dropped_ms = now;
    metrics_add(METRIC_WATCHDOG_DROPS, 1);
    log_warn("event=watchdog_drop");
    for (size_t i = 0; i < d->config->nqueues; i++) {
        if (i == 0 || !d->cmd)
            redis_drop(d->lanes[i].cmd, "watchdog");
        redis_drop(d->lanes[i].wait, "watchdog");
    }
}

static void on_dead_count(void *arg, const struct queue_counts *c)
{
    struct lane *lane = arg;
    int64_t limit = lane->d->config->dead_warn;
    bool many = c->ok && limit && c->dead_list >= limit;
    if (many && !lane->alarmed)
        log_error("event=dead_letters_many list=%s length=%lld limit=%lld", log_value(lane->dead),
                  (long long)c->dead_list, (long long)limit);
    if (c->ok)
        lane->alarmed = many;
}

/* Dead letters are never trimmed, so somebody must be told when they pile up. */
void watch_dead(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    if (now < lane->next_alarm_ms)
        return;
    lane->next_alarm_ms = now + ALARM_MS;
    queue_count(lane->queue, on_dead_count, lane);
}
