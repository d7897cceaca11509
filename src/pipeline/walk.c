/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/again.h"
#include "pipeline/answer.h"
#include "pipeline/batch.h"
#include "pipeline/bundle.h"
#include "pipeline/duplicates.h"
#include "pipeline/ending.h"
#include "pipeline/gather.h"
#include "pipeline/memory.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/refusal.h"
#include "pipeline/tally.h"

static bool lease_allows(struct flight *f)
{
    const struct config *c = f->config;
    f->checked_boot_ms = clock_boot_ms();
    return queue_lease_safe(f->lease, f->checked_boot_ms, c->timeout_ms + c->settle_ms);
}

static void advance(struct flight *f);

/* Those that were claimed ahead take the free call slots. */
static void fill_slots(struct pipeline *p)
{
    struct flight *f;
    while (p->out < p->window && (f = turns_next(&p->turns))) {
        pipeline_move(f, FLIGHT_READY);
        advance(f);
    }
}

/* Slow start: a herd of handshakes at once can outlast its own time limit, and keeps the first
 * answer waiting. */
static void adapt_window(struct pipeline *p, enum reply_class class)
{
    size_t max = (size_t)p->config->concurrency;
    if (class == REPLY_NOT_SENT)
        p->window = p->window / 2 > PIPELINE_WINDOW_MIN ? p->window / 2 : PIPELINE_WINDOW_MIN;
    else
        p->window++;
    p->window = p->window < max ? p->window : max;
}

static void on_reply(struct flight *f, const struct reply *reply)
{
    struct pipeline *p = f->pipeline;
    adapt_window(p, reply->class);
    if (answer_settle(f, reply))
        advance(f);
    fill_slots(p);
}

/* Conservative: the claim was before the call. */
static void note_first_sent(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++)
        if (!all[i]->env.first_sent_ms)
            all[i]->env.first_sent_ms = all[i]->claimed_at_ms;
}

static void send_call(struct flight *f)
{
    struct err e;
    struct credentials keys;
    app_credentials_get(f->pipeline->credentials, pipeline_app(f), &keys, &f->keys_issue);
    note_first_sent(f);
    if (sender_send(f->pipeline->sender, f, &keys, on_reply, &e))
        pipeline_move(f, FLIGHT_OUT);
    else
        ending_dead(f, REASON_INVALID_JOB, f->env.unanswered != 0, e.text);
}

static void hold_for_token(struct flight *f)
{
    if (!f->tokenless_us)
        f->tokenless_us = clock_mono_us();
    pipeline_move(f, FLIGHT_HELD);
}

/* A part that finds no token comes back when there is one, and so does a push to ALL, which has a
 * turn of its own; other jobs are drained from the parked list as tokens come. */
static bool has_token(struct flight *f)
{
    const struct plan_call *call = &f->plan.calls[f->next];
    const char *all = call->kind == TARGET_ALL ? f->plan.device_type : NULL;
    int64_t wait_ms;
    switch (limits_take(fleet_limits(f->pipeline->fleet), pipeline_app(f), bundle_action(f), all,
                      &wait_ms)) {
    case LIMIT_GO:
        tally_token(f);
        f->tokenless_us = 0;
        return true;
    case LIMIT_WAIT:
        hold_for_token(f);
        break;
    case LIMIT_NONE:
        if (f->bundle && wait_ms <= LIMIT_MOMENT_MS)
            hold_for_token(f);
        else if (f->env.npushes || all)
            ending_retry(f, queue_lease_now_ms(f->lease) + wait_ms);
        else
            ending_park(f);
        break;
    }
    return false;
}

/* Its app takes no jobs: it waits, unless it has waited too long. */
static void park(struct flight *f)
{
    if (!answer_too_late(f))
        ending_park(f);
}

/* Read under a configuration that has been replaced, and nothing of it has been sent: it is read
 * again. A job of several calls of which some went out keeps to its plan, unless its app is gone.
 */
static bool outdated(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    return f->config != p->config && (!f->env.npushes || pipeline_app(f) == p->config->napps);
}

/* Unless this worker's own trouble forbids it. */
static bool is_admitted(struct flight *f)
{
    struct own_trouble *own = f->pipeline->own;
    size_t app = pipeline_app(f);
    if (f->own_probe || !own_holds(own, app))
        return true;
    return f->own_probe = own_admit(own, app, clock_mono_ms());
}

/* Asked once: later it is this worker's to see it through. */
static bool goes_aside(struct flight *f)
{
    bool aside = pipeline_takes(f->pipeline, pipeline_app(f)) && pipeline_sets_aside(f);
    f->from_ready = false;
    return aside;
}

/* The next step of a flight that has no call out: the next call, or its end. */
static void advance(struct flight *f)
{
    if (!flight_next_call(f)) {
        ending_sent(f);
        return;
    }
    if (queue_lease_lost(f->lease)) {
        ending_back(f); /* it has moved on: Redis will say so, and nothing is written */
        return;
    }
    if (f->pipeline->draining || outdated(f) || queue_refused(f->queue)) {
        ending_back(f);
        return;
    }
    if (goes_aside(f)) {
        metrics_add_at(METRIC_JOBS_SET_ASIDE, f->app->label, 1);
        park(f);
        return;
    }
    if (f->pipeline->out >= f->pipeline->window) {
        pipeline_move(f, FLIGHT_WAITING);
        return;
    }
    if (!lease_allows(f)) {
        pipeline_move(f, FLIGHT_HELD);
        return;
    }
    if (!pipeline_may_call(f->pipeline, pipeline_app(f))) {
        park(f);
        return;
    }
    struct circuit *c = pipeline_circuit(f);
    if (c->state != CIRCUIT_CLOSED && !f->probe) {
        f->probe = circuit_admit(c, circuit_job(f->env.uid), clock_mono_ms());
        if (!f->probe) {
            park(f);
            return;
        }
    }
    if (!is_admitted(f)) {
        park(f);
        return;
    }
    if (answer_may_send(f) && has_token(f))
        send_call(f);
}

/* I4: a job that outlived too many workers is tried alone once; then it is poison. Likewise a call
 * of several, whose jobs must stay together. */
static bool stop_poison(struct flight *f, size_t calls)
{
    int64_t limit = f->config->crash_limit;
    if (f->crashes < limit || f->oversize)
        return false; /* what is too large is refused unread, so it cannot harm */
    if (calls > 1) {
        ending_retry(f, queue_lease_now_ms(f->lease));
        return true;
    }
    if (f->crashes == limit)
        return false;
    char text[96];
    snprintf(text, sizeof text, "its claim outlived %u workers, at most %lld", f->crashes,
             (long long)limit);
    ending_dead(f, REASON_POISON, f->env.unanswered != 0, text);
    return true;
}

/* I5: attempts that failed while the app was in trouble cost the job nothing. */
static void refund(struct flight *f)
{
    int64_t since_ms, until_ms;
    if (f->env.nfailed &&
        circuits_trouble(f->pipeline->circuits, pipeline_app(f), &since_ms, &until_ms))
        envelope_refund(&f->env, since_ms, until_ms);
}

/* It has been read, and looked up where that was to be done. */
static void go(struct flight *f)
{
    if (f->broken && f->env.unanswered) {
        answer_give_up(f);
        return;
    }
    if (f->broken)
        bundle_forget(f);
    if (f->broken && f->batch->recorded)
        ending_back(
            f); /* whoever takes over this batch would make its calls as they are recorded */
    else
        advance(f);
}

static void settle_down(struct flight *f)
{
    if (!gather_takes(f))
        advance(f);
}

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

/* A call of several stays whole: it comes back soon, until one that has the app takes it. */
static bool leave_to_others(struct flight *f)
{
    if (is_anothers(f) && !f->bundle)
        ending_park_for_others(f);
    else if (is_anothers(f) || may_be_anothers(f))
        ending_retry(f, queue_lease_now_ms(f->lease) + OTHERS_AGAIN_MS);
    else
        return false;
    return true;
}

/* Why read it, if it goes back in any case? But what may have been sent is told by the job, and so
 * is which calls it shares. */
static bool goes_back_unread(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    if (f->bundle || f->broken || f->env.unanswered || f->env.npushes)
        return false;
    return p->draining || f->config != p->config || queue_lease_lost(f->lease) ||
           queue_refused(f->queue);
}

static void start(struct flight *f)
{
    struct refusal why;
    if (f->state == FLIGHT_FINISHING || stop_poison(f, f->batch->calls))
        return; /* the former: with another of its bundle */
    pipeline_move(f, FLIGHT_READY);
    if (goes_back_unread(f)) {
        ending_back(f);
        return;
    }
    int64_t began_us = clock_mono_us();
    size_t parsed = memory_parsed();
    bool ok = flight_read(f, f->config, &why);
    pipeline_weigh(f, memory_parsed() - parsed);
    tally_read(f, began_us);
    if (!ok && leave_to_others(f))
        return;
    if (!ok) {
        if (f->bundle)
            gather_break(f);
        ending_dead(f, why.reason, f->env.unanswered != 0, why.err.text);
        return;
    }
    again_compare_configs(f, f->batch->digest, f->batch->marks);
    refund(f);
    if (f->bundle || f->broken)
        return; /* gather_look() starts them */
    if (duplicates_concern(f))
        pipeline_move(f, FLIGHT_CHECKING);
    else
        settle_down(f);
}

static struct flight *take(struct pipeline *p, const struct queue_claim *claim,
                           const struct queue_member *member, struct queue *queue,
                           const struct config *config)
{
    struct err e;
    struct flight *f = mem_alloc(sizeof *f);
    if (!flight_init(f, claim, member, &e))
        log_error("event=envelope_unreadable queue=%s id=%s why=%s", queue_name(queue),
                  log_value(f->env.uid), log_value(e.text));
    f->pipeline = p;
    f->config = config_hold(config);
    f->queue = queue;
    f->from_ready = !member->envelope_len && !member->taken_over;
    pipeline_weigh(f, 0);
    TAILQ_INSERT_TAIL(&p->flights, f, link);
    p->count++;
    p->busy++;
    return f;
}

void pipeline_take(struct pipeline *p, const struct queue_claim *claim, struct queue *queue,
                   const struct config *config)
{
    struct batch *batch = batch_new(p, claim);
    tally_claim(claim, queue_name(queue));
    batch->go = go;
    for (size_t i = 0; i < claim->n; i++)
        batch_add(batch, take(p, claim, &claim->members[i], queue, config));
    gather_bundle(batch, claim);
    batch->calls = batch_calls(batch);
    TAILQ_INSERT_TAIL(&p->unread, batch, link);
    metrics_set(METRIC_JOBS_IN_FLIGHT, (int64_t)p->count);
}

/* Meanwhile one may have ended and left with others of its bundle. */
static void read_next(struct batch *b)
{
    struct flight *f = b->flights[b->next++];
    if (f)
        start(f);
    if (b->next < b->n)
        return;
    TAILQ_REMOVE(&b->pipeline->unread, b, link);
    b->unread = false;
    gather_look(b);
    batch_release(b);
}

bool pipeline_read(struct pipeline *p)
{
    const int64_t until_ms = clock_mono_ms() + PIPELINE_READ_MS;
    do
        if (!TAILQ_EMPTY(&p->unread))
            read_next(TAILQ_FIRST(&p->unread));
    while (!TAILQ_EMPTY(&p->unread) && clock_mono_ms() < until_ms);
    duplicates_ask(p, settle_down);
    if (TAILQ_EMPTY(&p->unread))
        return false;
    metrics_add(METRIC_READS_POSTPONED, 1);
    return true;
}

/* advance() may end a flight but never frees it (the finish is confirmed later), so the list
 * stays as it is meanwhile. */
static void look_again(struct pipeline *p)
{
    struct flight *f;
    if (!p->held && !p->draining)
        return;
    TAILQ_FOREACH(f, &p->flights, link)
    if (f->state == FLIGHT_HELD || (p->draining && f->state == FLIGHT_WAITING))
        advance(f);
}

void pipeline_give_back(struct pipeline *p, const struct queue *queue)
{
    struct flight *f;
    TAILQ_FOREACH(f, &p->flights, link)
    if (f->queue == queue && (f->state == FLIGHT_HELD || f->state == FLIGHT_WAITING))
        advance(f);
}

void pipeline_tick(struct pipeline *p)
{
    if (p->stops.n)
        metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(&p->stops, clock_mono_ms()));
    duplicates_ask(p, settle_down);
    look_again(p);
    fill_slots(p);
}

void pipeline_set_config(struct pipeline *p, const struct config *config)
{
    struct flight *f;
    TAILQ_FOREACH(f, &p->flights, link)
    turns_leave(&p->turns, f);
    turns_free(&p->turns);
    p->config = config;
    refusal_forget(p);
    turns_init(&p->turns, config->napps);
    TAILQ_FOREACH(f, &p->flights, link)
    turns_enter(&p->turns, f, f->app ? pipeline_app(f) : config->napps);
    TAILQ_FOREACH(f, &p->flights, link)
    if (f->state == FLIGHT_HELD || f->state == FLIGHT_WAITING)
        advance(f);
}

void pipeline_drain(struct pipeline *p)
{
    p->draining = true;
    look_again(p);
}
