/* SPDX-License-Identifier: MIT */
#include "worker/claims.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "pipeline/shared/shareable.h"
#include "worker/ahead.h"
#include "worker/lanes.h"
#include "worker/looks.h"
#include "worker/parked.h"
#include "worker/room.h"

enum {
    CLAIM_MAX = 128,
    HELD_MAX = 4096, /* jobs, however few calls they make */
    CLAIM_SLOW_MS = 200,
};

/* While jobs are plenty some are claimed ahead, so that a large claim never leaves a call slot
 * empty; when they are few, what one worker cannot send now is another's. */
static size_t claim_ahead(const struct dispatch *d)
{
    return d->backlog ? pipeline_most(d->pipeline) - (size_t)d->config->concurrency : 0;
}

/* Jobs whose end is on its way to Redis use no call, those that share one use one; their number is
 * bounded all the same. */
static unsigned room(const struct dispatch *d)
{
    const struct pipeline *p = d->pipeline;
    size_t limit = (size_t)d->config->concurrency + claim_ahead(d);
    bool shared = pipeline_jobs(p, 1) > 1;
    size_t held_max = shared && 2 * limit < HELD_MAX ? HELD_MAX : 2 * limit;
    size_t busy, held;
    lanes_load(d, &busy, &held);
    if (busy >= limit || held >= held_max)
        return 0;
    size_t n = min_size(pipeline_jobs(p, limit - busy), held_max - held);
    n = min_size(n, room_jobs(d));
    return (unsigned)min_size(n, shared ? SHAREABLE_CLAIM_MAX : CLAIM_MAX);
}

static bool is_slow(const struct lane *lane)
{
    return queue_claiming(lane->queue) && clock_mono_ms() - lane->asked_ms > CLAIM_SLOW_MS;
}

/* What claims under way may bring is spoken for, unless another server is slow with it. */
static unsigned less_reserved(const struct dispatch *d, unsigned n)
{
    for (size_t i = 0; i < d->config->nqueues; i++) {
        const struct lane *lane = &d->lanes[i];
        unsigned reserved = !d->cmd && is_slow(lane) ? 0 : lane->reserved;
        n -= (unsigned)min_size(reserved, n);
    }
    return n;
}

/* Jobs that could be sent at once: nothing is claimed while all is paused or without a token. */
static unsigned sendable(const struct dispatch *d)
{
    if (fleet_paused(d->fleet))
        return 0;
    size_t n = room(d), calls = pipeline_calls(d->pipeline, n);
    return (unsigned)min_size(
        n, pipeline_jobs(d->pipeline, limits_calls(fleet_limits(d->fleet), calls)));
}

/* For how many of them jobs are to be claimed now; tokens are asked for where they are few. */
static unsigned credits(const struct dispatch *d)
{
    if (!fleet_paused(d->fleet))
        limits_ask_for(fleet_limits(d->fleet), pipeline_calls(d->pipeline, room(d)));
    return less_reserved(d, sendable(d));
}

/* A claim per freed credit would cost a script each, unless idle. Tokens come in lots that are
 * worth one. */
static bool worth_a_claim(const struct dispatch *d, unsigned n)
{
    size_t limit = (size_t)d->config->concurrency;
    size_t quarter = limit / 4 < CLAIM_MAX / 4 ? limit / 4 : CLAIM_MAX / 4;
    size_t enough = d->backlog ? claim_ahead(d) / 2 : quarter;
    size_t busy, held;
    lanes_load(d, &busy, &held);
    return n && (n >= enough || busy == 0 ||
                 (n < less_reserved(d, room(d)) && !limits_asking(fleet_limits(d->fleet))));
}

/* More than a claim brought is there. */
static bool has_more(const struct lane *lane)
{
    if (queue_ready_left(lane->queue) > 0)
        return true;
    struct pipeline *p = lane->d->pipeline;
    const struct config *c = lane->d->config;
    for (size_t i = 0; i < c->napps; i++)
        if (pipeline_takes(p, i) && queue_parked(lane->queue, c->apps[i].app.name) > 0)
            return true;
    return false;
}

static void on_claim(void *arg, const struct queue_claim *claim, enum claim_end end, unsigned ready)
{
    struct lane *lane = arg;
    struct dispatch *d = lane->d;
    if (claim) {
        lane->suspect |= claim->suspect;
        lane->got = true;
        dispatch_take(lane, claim);
        return;
    }
    lane->reserved = 0;
    if (d->config->wait_replicas)
        pipeline_tick(d->pipeline); /* its replicas have it now, or it goes back */
    config_drop(lane->asked_under);
    lane->asked_under = NULL;
    bool answered = end != CLAIM_UNANSWERED;
    if (answered) /* else it says nothing of the other queues */
        d->backlog = end == CLAIM_ANSWERED && has_more(lane);
    d->alone =
        (d->alone && !lane->alone) || lane->suspect || (answered && queue_suspects(lane->queue));
    lane->alone = lane->suspect = false;
    lanes_claimed(lane, end);
    if (answered) {
        lane->claimed_ms = clock_mono_ms();
        lane->dropped_ms = 0;
        parked_note(lane, end == CLAIM_HELD);
    }
    /* Waiting jobs that became due may be more than were asked for: a replay brings many. */
    bool empty = end == CLAIM_ANSWERED && ready == 0 && !lane->got && !d->alone;
    if (empty || (answered && end != CLAIM_ANSWERED))
        lane->maybe_ready = false;
    lane->got = false;
    dispatch_pump_soon(d);
}

/* False when there is nothing to claim for: no app takes jobs. With one app its parked jobs go
 * before its ready ones, several take turns. */
static bool claim(struct lane *lane, unsigned n, bool alone)
{
    struct dispatch *d = lane->d;
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    if (pipeline_all_open(d->pipeline))
        return false;
    lane->reserved = n;
    lane->alone = alone;
    lane->asked_ms = clock_mono_ms();
    lane->asked_under = config_hold(d->config);
    struct queue_ask ask = {.n = n,
                            .unparks = unparks,
                            .nunparks = pipeline_drainable(d->pipeline, n, unparks),
                            .order = d->config->napps > 1 ? QUEUE_IN_TURN : QUEUE_PARKED_FIRST,
                            .parked_max = parked_max(d),
                            .turn = lane->turn++,
                            .alone = alone};
    room_reserve(lane, &ask);
    queue_claim(lane->queue, &ask, on_claim, lane);
    return true;
}

static void on_wait(void *arg, bool moved)
{
    struct lane *lane = arg;
    if (moved)
        lane->maybe_ready = lane->woken = true;
    dispatch_pump_soon(lane->d);
}

/* Lanes that would claim now. */
static unsigned takers(const struct dispatch *d)
{
    unsigned n = 0;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        const struct lane *lane = &d->lanes[i];
        n += lane->maybe_ready && !queue_claiming(lane->queue) && lanes_may_claim(lane);
    }
    return n;
}

/* What a lane may ask for: by priority all there is, else an equal part for each that has work. */
static unsigned share(const struct dispatch *d)
{
    unsigned n = credits(d), among = d->config->serve_fair ? takers(d) : 1;
    assert(among); /* the lane that asks is one */
    return (n + among - 1) / among;
}

/* One job, or nobody's: whatever comes of it, the others go on. */
static void try_aside(struct lane *lane)
{
    if (lane->maybe_ready && lanes_may_claim(lane) && credits(lane->d))
        (void)claim(lane, 1, false);
}

/* False when those after it in priority must wait. A claim that hangs holds up nobody, nor does a
 * queue that is set aside. */
static bool serve_lane(struct lane *lane, bool worth)
{
    struct dispatch *d = lane->d;
    if (queue_claiming(lane->queue))
        return lane->aside.on || is_slow(lane);
    if (lane->aside.on)
        try_aside(lane);
    if (lane->aside.on || !lanes_may_claim(lane))
        return true;
    unsigned n = lane->maybe_ready && worth ? share(d) : 0;
    if (n && claim(lane, n, false)) {
        d->turn = (size_t)(lane - d->lanes) + 1;
        return false;
    }
    bool stopped = pipeline_all_open(d->pipeline);
    if (lane->maybe_ready && !stopped) {
        ahead_look(lane);
        return false; /* credits come back soon */
    }
    if ((room(d) || ahead_may(d)) && !fleet_paused(d->fleet) && !queue_waiting(lane->queue) &&
        (!stopped || pipeline_seeks(d->pipeline)))
        queue_wait(lane->queue, on_wait, lane);
    return true;
}

/* Whether no job is held and none may be on its way here. */
static bool holds_nothing(const struct dispatch *d)
{
    size_t busy, held;
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_claiming(d->lanes[i].queue) && d->lanes[i].open)
            return false;
    lanes_load(d, &busy, &held);
    return held == 0;
}

/* The claim of a suspect, with nothing beside it. */
static bool claim_suspect(struct dispatch *d)
{
    for (size_t i = 0; i < d->config->nqueues; i++) {
        struct lane *lane = &d->lanes[i];
        if (!lane->aside.on && !queue_claiming(lane->queue) && queue_suspects(lane->queue) &&
            lanes_may_claim(lane) && claim(lane, credits(d), true))
            return true;
    }
    return false;
}

/* Strict priority: a queue is asked only when those before it have nothing ready. Fair: all are,
 * and the turn goes round. */
void claims_round(struct dispatch *d)
{
    lanes_look(d);
    if (d->alone && !holds_nothing(d))
        return;
    if (d->alone && claim_suspect(d))
        return;
    d->alone = false;
    for (size_t i = 0; i < d->config->nqueues; i++)
        looks_begin(&d->lanes[i], room(d) > 0);
    bool fair = d->config->serve_fair, worth = takers(d) && worth_a_claim(d, credits(d));
    size_t n = d->config->nqueues, first = fair ? d->turn : 0;
    for (size_t i = 0; i < n; i++)
        if (!serve_lane(&d->lanes[(first + i) % n], worth) && !fair)
            return;
}

/* Neither a claim that is not answered nor not knowing from Redis whether there are tokens is an
 * excuse for not claiming. */
bool claims_may(const struct dispatch *d)
{
    return !d->alone && !fleet_paused(d->fleet) && !pipeline_all_open(d->pipeline) &&
           (worth_a_claim(d, sendable(d)) || (room(d) && limits_unknown(fleet_limits(d->fleet))));
}
