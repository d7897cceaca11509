/* SPDX-License-Identifier: MIT */
#include "worker/looks.h"

#include "base/clock.h"
#include "worker/lanes.h"
#include "worker/leftover_look.h"
#include "worker/parked.h"
#include "worker/room.h"

enum {
    SWEEP_MS = 1000,
    SWEEP_MAX = 128,    /* a claim's worth, for all apps: none of 64 comes away empty */
    LOOK_MS = 500,      /* a probe that was not found is looked for again */
    PROBE_MAX = 64,     /* parked jobs that are looked at for probes, for all apps */
    READY_MAX = 4,      /* and ready ones, while no app takes jobs */
    REST_MAX = 128,     /* due and ready jobs that are parked at once, while all apps rest … */
    REST_SOON_MS = 100, /* … and so soon again where there were more */
};

static void on_look_claim(void *arg, const struct queue_claim *claim, enum claim_end end,
                          unsigned ready)
{
    struct lane *lane = arg;
    if (claim) {
        dispatch_take(lane, claim);
        return;
    }
    config_drop(lane->asked_under);
    lane->asked_under = NULL;
    lanes_claimed(lane, end);
    if (lane->asked_ready && (end == CLAIM_HELD || end == CLAIM_ANSWERED))
        parked_note(lane, end == CLAIM_HELD);
    if (ready >= REST_MAX)
        lane->next_rest_ms = clock_mono_ms() + REST_SOON_MS;
    dispatch_pump_soon(lane->d);
}

static void look(struct lane *lane, struct queue_ask *ask)
{
    room_reserve(lane, ask);
    lane->asked_ms = clock_mono_ms();
    lane->asked_ready = ask->n > 0;
    lane->asked_under = config_hold(lane->d->config);
    queue_claim(lane->queue, ask, on_look_claim, lane);
}

/* What is held here may have been parked, and be so again. */
static unsigned room_parked(const struct lane *lane, unsigned most)
{
    size_t busy, held;
    pipeline_load_of(lane->d->pipeline, lane->queue, &busy, &held);
    int64_t room = parked_max(lane->d) - (int64_t)held;
    return room > most ? most : room > 0 ? (unsigned)room : 0;
}

/* Deadlines of parked jobs pass also while nothing of their app is sent. They go round: the parked
 * list's head is taken, and what has time left is parked again behind the others. */
static bool sweep(struct lane *lane, bool room)
{
    struct queue_unpark unparks[CONFIG_APPS_MAX + QUEUE_LEFTOVERS_MAX];
    int64_t now = clock_mono_ms();
    if (now < lane->next_sweep_ms)
        return false;
    size_t n = pipeline_sweepable(lane->d->pipeline, SWEEP_MAX, room, unparks);
    n += leftover_unparks(lane, SWEEP_MAX, unparks + n);
    if (!n)
        return false;
    lane->next_sweep_ms = now + SWEEP_MS;
    look(lane, &(struct queue_ask){.unparks = unparks, .nunparks = n, .order = QUEUE_BESIDE});
    return true;
}

/* From either end of the parked list, by chance: jobs that lie together are often of one kind. When
 * no app takes jobs, ready ones may be the only others there are; what the wait moved into the
 * inbox is looked at at once, since no other worker can take it there. */
static bool probe(struct lane *lane)
{
    struct pipeline *p = lane->d->pipeline;
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    int64_t now = clock_mono_ms();
    bool all_open = pipeline_all_open(p), woken = all_open && lane->woken;
    if (fleet_paused(lane->d->fleet) || (!woken && now < lane->next_look_ms))
        return false;
    size_t n = pipeline_probes(p, PROBE_MAX, unparks);
    if (!n && !woken)
        return false;
    lane->woken &= !all_open;
    lane->next_look_ms = now + LOOK_MS;
    look(lane, &(struct queue_ask){.n = all_open ? room_parked(lane, READY_MAX) : 0,
                                   .unparks = unparks,
                                   .nunparks = n,
                                   .order = QUEUE_BESIDE,
                                   .parked_max = parked_max(lane->d),
                                   .from_end = clock_random_below(2) == 1});
    return true;
}

/* No worker claims: not this one alone for want of keys, or for trouble of its own. */
static bool is_everybodys(const struct lane *lane)
{
    const struct pipeline *p = lane->d->pipeline;
    return pipeline_all_rest(p) || (pipeline_all_open(p) && (queue_workers(lane->queue) == 1 ||
                                                             lane->leftovers.others_rest));
}

/* Nobody claims while all apps rest, and deadlines of due and ready jobs pass all the same: they
 * are parked, in their order, where each has its turn to be looked at. Beyond the bound of parked
 * jobs they stay where they are. */
static bool settle(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    if (fleet_paused(lane->d->fleet) || !is_everybodys(lane)) {
        lane->next_rest_ms = now + SWEEP_MS;
        return false;
    }
    if (now < lane->next_rest_ms)
        return false;
    lane->next_rest_ms = now + SWEEP_MS;
    unsigned n = room_parked(lane, REST_MAX);
    if (!n)
        return false;
    look(lane,
         &(struct queue_ask){.n = n, .order = QUEUE_BESIDE, .parked_max = parked_max(lane->d)});
    return true;
}

void looks_begin(struct lane *lane, bool room)
{
    struct dispatch *d = lane->d;
    if (d->alone || d->draining || queue_claiming(lane->queue) || lane->aside.on ||
        !lanes_may_claim(lane) || !room_jobs(d))
        return;
    if (!probe(lane) && !sweep(lane, room))
        settle(lane);
}
