/* SPDX-License-Identifier: MIT */
#include "pipeline/reading.h"

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/shared/shared_form.h"

/* --- not readable ---------------------------------------------------------------------------- */

/* Its app is in another live worker's file, and not in this one's: a reload is on its way, or a
 * canary. */
static bool is_anothers(const struct flight *f)
{
    return !f->app && f->job.root &&
           others_have(fleet_others(f->pipeline->fleet), f->job.app, clock_mono_ms());
}

/* Its app is in nobody's file, as far as is known, and somebody who has it may have just started,
 * or this worker, which has not heard of the others then. */
static bool may_be_anothers(const struct flight *f)
{
    const struct config *c = f->config;
    if (f->app || !f->job.root || !f->job.app || config_app_find(c, f->job.app) ||
        config_group_find(c, f->job.app))
        return false;
    int64_t now_ms = clock_mono_ms(), age_ms = queue_lease_now_ms(f->lease) - f->env.t0_ms;
    return others_may_have(fleet_others(f->pipeline->fleet), now_ms - age_ms, now_ms);
}

/* A shared call stays whole: it comes back soon, until a worker that has the app takes it. */
struct decision reading_unreadable(struct flight *f, const struct refusal *why)
{
    const bool anothers = is_anothers(f);
    if (anothers && !call_is_shared(f->call))
        return (struct decision){.what = DECIDED_PARK};
    if (anothers || may_be_anothers(f))
        return decision_retry(queue_lease_now_ms(f->lease) + OTHERS_AGAIN_MS);
    if (call_is_shared(f->call))
        shared_break(f->call); /* the others end by themselves */
    return decision_dead(why->reason, f->env.unanswered != 0, why->err.text);
}

/* --- its id is looked up --------------------------------------------------------------------- */

void reading_announce_dedup(const struct config *c)
{
    if (c->dedup_s && c->ids_by_queue)
        log_warn("event=dedup_by_queue queues=%zu", c->nqueues);
}

bool reading_checks_id(const struct flight *f)
{
    return f->config->dedup_s && f->env.id_given && !f->env.seen && !f->env.replayed;
}

/* Those of one queue and configuration, which are neighbours in the list. */
static struct flight *look_up_some(struct flight *f, queue_seen_fn fn)
{
    struct queue_seen ids[QUEUE_SEEN_MAX];
    struct queue *queue = f->queue;
    const struct config *config = f->config;
    size_t n = 0;
    for (; f && f->queue == queue && f->config == config && n < QUEUE_SEEN_MAX;
         f = TAILQ_NEXT(f, link)) {
        if (f->state != FLIGHT_CHECKING || f->asking)
            continue;
        f->asking = true;
        ids[n++] = (struct queue_seen){
            .app = flight_app_name(f), .id = f->env.uid, .holder = f->env.origin, .arg = f};
    }
    if (n)
        queue_seen(queue, ids, n, config->dedup_s * 1000, fn);
    return f;
}

void reading_ask_ids(struct pipeline *p, queue_seen_fn fn)
{
    struct flight *f = p->checking ? TAILQ_FIRST(&p->flights) : NULL;
    while (f)
        f = look_up_some(f, fn);
}
