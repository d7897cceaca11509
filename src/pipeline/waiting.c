/* SPDX-License-Identifier: MIT
 * Calls that wait here for a slot, a lease or a token are looked at again: on each tick, and when
 * something changed that all of them have to hear of. */
#include "base/clock.h"
#include "base/metrics.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/shared/shared_stops.h"

/* What they wait for may have come, or they go back. That may end a flight but never frees it (the
 * end is confirmed later), so the list stays as it is meanwhile. queue NULL: of any; waiting: those
 * that wait for a slot, too. */
static void look_again(struct pipeline *p, const struct queue *queue, bool waiting)
{
    struct flight *f;
    TAILQ_FOREACH(f, &p->flights, link)
    {
        struct call *c = f->call;
        if (call_leader(c) != f || (queue && f->queue != queue))
            continue;
        if (c->state != CALL_HELD && (!waiting || c->state != CALL_WAITING))
            continue;
        walk_again(c);
    }
}

void pipeline_give_back(struct pipeline *p, const struct queue *queue)
{
    look_again(p, queue, true);
}

void pipeline_tick(struct pipeline *p)
{
    if (p->stops.n)
        metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(&p->stops, clock_mono_ms()));
    walk_check_ids(p);
    if (p->held || p->draining)
        look_again(p, NULL, p->draining);
    walk_fill_slots(p);
}

void pipeline_set_config(struct pipeline *p, const struct config *config)
{
    struct flight *f;
    TAILQ_FOREACH(f, &p->flights, link)
    if (call_leader(f->call) == f)
        turns_leave(&p->turns, f->call);
    turns_free(&p->turns);
    p->config = config;
    shared_stops_forget(p);
    turns_init(&p->turns, config->napps);
    TAILQ_FOREACH(f, &p->flights, link)
    if (call_leader(f->call) == f)
        turns_enter(&p->turns, f->call, f->app ? flight_app(f) : config->napps);
    look_again(p, NULL, true);
}

void pipeline_drain(struct pipeline *p)
{
    p->draining = true;
    look_again(p, NULL, true);
}
