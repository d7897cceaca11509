/* SPDX-License-Identifier: MIT */
#include "worker/ahead.h"

#include "base/clock.h"
#include "worker/lanes.h"
#include "worker/parked.h"
#include "worker/room.h"

enum {
    LOT = 256,
    HELD_MAX = 4096,
    GAP_MS = 2,        /* between two lots */
    BUSY_PERCENT = 90, /* of a processor: then setting aside would cost what sending needs … */
    BUSY_GAP_MS = 100, /* … and a lot comes so seldom */
};

bool ahead_may(const struct dispatch *d)
{
    return pipeline_takers(d->pipeline) > 1 && pipeline_flights(d->pipeline) < HELD_MAX &&
           room_jobs(d) > 0;
}

static void on_ahead(void *arg, const struct queue_claim *claim, enum claim_end end, unsigned ready)
{
    (void)ready;
    struct lane *lane = arg;
    struct dispatch *d = lane->d;
    if (claim) {
        lane->got = true;
        dispatch_take(lane, claim);
        return;
    }
    config_drop(lane->asked_under);
    lane->asked_under = NULL;
    int64_t gap_ms = d->cpu_percent > BUSY_PERCENT ? BUSY_GAP_MS : GAP_MS;
    d->next_ahead_ms = clock_mono_ms() + gap_ms;
    lanes_claimed(lane, end);
    if (end != CLAIM_UNANSWERED) {
        lane->claimed_ms = clock_mono_ms();
        parked_note(lane, false); /* full of jobs that take their turn is no trouble */
    }
    if (!lane->got || end != CLAIM_ANSWERED)
        lane->maybe_ready = false;
    lane->got = false;
    dispatch_pump_in(d, gap_ms);
}

void ahead_look(struct lane *lane)
{
    struct dispatch *d = lane->d;
    if (!ahead_may(d) || fleet_paused(d->fleet) || queue_claiming(lane->queue) ||
        clock_mono_ms() < d->next_ahead_ms)
        return;
    lane->got = false;
    lane->asked_ms = clock_mono_ms();
    lane->asked_under = config_hold(d->config);
    struct queue_ask ask = {.n = LOT, .parked_max = parked_max(d), .ready_only = true};
    room_reserve(lane, &ask);
    queue_claim(lane->queue, &ask, on_ahead, lane);
}

void ahead_tick(struct dispatch *d)
{
    int64_t cpu = clock_cpu_ms(), now = clock_mono_ms();
    if (now > d->cpu_at_ms)
        d->cpu_percent = (unsigned)(100 * (cpu - d->cpu_ms) / (now - d->cpu_at_ms));
    d->cpu_ms = cpu;
    d->cpu_at_ms = now;
}
