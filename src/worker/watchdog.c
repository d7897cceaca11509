/* SPDX-License-Identifier: MIT */
#include "worker/watchdog.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "worker/claims.h"

enum { WATCHDOG_MS = 15000, ALARM_MS = 30000 };

/* By strict priority a queue waits while those before it are served. */
static int64_t last_served_ms(const struct lane *lane)
{
    const struct dispatch *d = lane->d;
    int64_t last = lane->claimed_ms;
    for (const struct lane *l = d->lanes; !d->config->serve_fair && l < lane; l++)
        if (l->claimed_ms > last)
            last = l->claimed_ms;
    return last;
}

enum moving { EXCUSED, MOVING, STUCK };

/* Refusals come over a connection that works, and one that is down is looked after already. */
static enum moving judge_lane(struct lane *lane, bool may, int64_t now)
{
    if (!lane->open || lane->aside.on || !may) {
        lane->moved_ms = now;
        return EXCUSED;
    }
    int64_t served = last_served_ms(lane);
    if (served > lane->moved_ms)
        lane->moved_ms = served;
    return now - lane->moved_ms < WATCHDOG_MS ? MOVING : STUCK;
}

static void drop_connection(struct lane *lane, int64_t now)
{
    lane->moved_ms = lane->dropped_ms = now;
    metrics_add(METRIC_WATCHDOG_DROPS, 1);
    log_warn("event=watchdog_drop queue=%s", log_value(queue_name(lane->queue)));
    if (!lane->d->cmd)
        redis_drop(lane->cmd, "watchdog");
    redis_drop(lane->wait, "watchdog");
}

/* Every tick with credits ends in a claim of each queue whose turn it is; when none is answered for
 * long, its connections are not what they seem. The one of all is dropped when no queue moves. */
void watch_claims(struct dispatch *d)
{
    int64_t now = clock_mono_ms();
    bool may = claims_may(d), stuck = false, moving = false;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        enum moving how = judge_lane(&d->lanes[i], may, now);
        stuck |= how == STUCK;
        moving |= how == MOVING;
        if (how == STUCK)
            drop_connection(&d->lanes[i], now);
    }
    if (d->cmd && stuck && !moving)
        redis_drop(d->cmd, "watchdog");
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
