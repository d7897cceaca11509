/* SPDX-License-Identifier: MIT */
#include "pipeline/duplicates.h"

#include "base/log.h"
#include "pipeline/ending.h"
#include "pipeline/gather.h"
#include "pipeline/pipeline_core.h"

void duplicates_announce(const struct config *c)
{
    if (c->dedup_s && c->ids_by_queue)
        log_warn("event=dedup_by_queue queues=%zu", c->nqueues);
}

bool duplicates_concern(const struct flight *f)
{
    return f->config->dedup_s && f->env.id_given && !f->env.seen && !f->env.replayed;
}

static void on_answer(void *arg, enum queue_seen_answer answer)
{
    struct flight *f = arg;
    f->asking = false;
    f->looked_up = true;
    bool unanswered = answer == QUEUE_SEEN_UNANSWERED;
    if (unanswered && !f->pipeline->draining)
        return; /* it is asked again */
    pipeline_move(f, FLIGHT_READY);
    f->env.seen = answer == QUEUE_SEEN_FIRST;
    if (unanswered)
        ending_back(f);
    else if (f->env.seen)
        f->pipeline->on_new(f);
    else
        ending_duplicate(f);
    gather_look(f->batch);
}

static void ask(const struct config *c, struct queue *queue, const struct queue_seen *ids, size_t n)
{
    if (n)
        queue_seen(queue, ids, n, c->dedup_s * 1000, on_answer);
}

/* Those of one queue and configuration, which are neighbours in the list. */
static struct flight *ask_some(struct flight *f)
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
    ask(config, queue, ids, n);
    return f;
}

void duplicates_ask(struct pipeline *p, duplicates_fn on_new)
{
    p->on_new = on_new;
    struct flight *f = p->checking ? TAILQ_FIRST(&p->flights) : NULL;
    while (f)
        f = ask_some(f);
}
