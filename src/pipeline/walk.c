/* SPDX-License-Identifier: MIT
 * The walk of a job, in its order: claimed, read, its id checked, put into a call, recorded where
 * others share that, admitted, sent, settled, ended. Reading a job is here; each other stage is a
 * module's, and here is what comes after what. docs/walk.md says what to read beside it. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "host/memory.h"
#include "pipeline/admit.h"
#include "pipeline/again.h"
#include "pipeline/carry_out.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/reading.h"
#include "pipeline/settle.h"
#include "pipeline/shared/shared_call.h"
#include "pipeline/shared/shared_form.h"
#include "pipeline/tally.h"
#include "pipeline/trouble.h"

static void find_call(struct flight *f);
static void form_calls(struct batch *b);
static void on_id_seen(void *arg, enum queue_seen_answer answer);
static void advance_call(struct call *c);
static void conclude(struct call *c, struct decision d);

/* --- claimed --------------------------------------------------------------------------------- */

static struct flight *take_flight(struct pipeline *p, const struct queue_claim *claim,
                                  const struct queue_member *member, struct queue *queue,
                                  const struct config *config)
{
    struct err e;
    struct flight *f = mem_alloc(sizeof *f);
    if (!flight_init(f, claim, member, &e))
        log_error("event=envelope_unreadable queue=%s id=%s why=%s", queue_name(queue),
                  log_value(f->env.uid), log_value(e.text));
    f->config = config_hold(config);
    f->queue = queue;
    f->from_ready = !member->envelope_len && !member->taken_over;
    pipeline_add(p, f);
    return f;
}

void pipeline_take(struct pipeline *p, const struct queue_claim *claim, struct queue *queue,
                   const struct config *config)
{
    struct batch *batch = batch_new(p, claim);
    tally_claim(claim, queue_name(queue));
    for (size_t i = 0; i < claim->n; i++)
        batch_add(batch, take_flight(p, claim, &claim->members[i], queue, config));
    shared_form_recorded(batch, claim);
    batch->calls = batch_calls(batch);
    TAILQ_INSERT_TAIL(&p->unread, batch, link);
    metrics_set(METRIC_JOBS_IN_FLIGHT, (int64_t)p->count);
}

/* --- read ------------------------------------------------------------------------------------ */

/* I4: a job that outlived too many workers is tried alone once; then it is poison. Likewise a
 * shared call, whose jobs must stay together. */
static bool is_suspect(const struct flight *f)
{
    return f->crashes >= f->config->crash_limit &&
           !f->oversize; /* what is too large is refused unread, so it cannot harm */
}

static bool is_poison(const struct flight *f, struct decision *d, struct err *e)
{
    const int64_t limit = f->config->crash_limit;
    if (!is_suspect(f))
        return false;
    if (f->batch->calls > 1) {
        *d = decision_retry(queue_lease_now_ms(f->lease));
        return true;
    }
    if (f->crashes == limit)
        return false;
    err_set(e, "its claim outlived %u workers, at most %lld", f->crashes, (long long)limit);
    *d = decision_dead(REASON_POISON, f->env.unanswered != 0, e->text);
    return true;
}

/* Why read it, if it goes back in any case? But what may have been sent is told by the job, and so
 * is which calls it shares. */
static bool goes_back_unread(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    if (shared_is_recorded(f) || f->env.unanswered || f->env.npushes)
        return false;
    return p->draining || f->config != p->config || queue_lease_lost(f->lease) ||
           queue_refused(f->queue);
}

/* I5: attempts that failed while the app was in trouble cost the job nothing. */
static void refund_attempts(struct flight *f)
{
    int64_t since_ms, until_ms;
    if (f->env.nfailed &&
        circuits_trouble(f->pipeline->circuits, flight_app(f), &since_ms, &until_ms))
        envelope_refund(&f->env, since_ms, until_ms);
}

static bool read_bytes(struct flight *f, struct refusal *why)
{
    int64_t began_us = clock_mono_us();
    size_t parsed = memory_parsed();
    bool ok = flight_read(f, f->config, why);
    pipeline_weigh(f, memory_parsed() - parsed);
    tally_read(f, began_us);
    return ok;
}

/* True: it has been read. False: its call is not to be made, and with all that share it ends by d,
 * whose text may stand in why. */
static bool take_job(struct flight *f, struct decision *d, struct refusal *why)
{
    if (is_poison(f, d, &why->err))
        return false;
    if (goes_back_unread(f)) {
        *d = decision_back(false, 0);
        return false;
    }
    if (!read_bytes(f, why)) {
        *d = reading_unreadable(f, why);
        return false;
    }
    flight_move(f, FLIGHT_CALLED);
    again_compare_configs(f, f->batch->digest, f->batch->marks);
    refund_attempts(f);
    return true;
}

static void read_flight(struct flight *f)
{
    struct refusal why;
    struct decision d;
    if (!take_job(f, &d, &why))
        conclude(f->call, d);
    else if (shared_is_recorded(f))
        return; /* form_calls() */
    else if (reading_checks_id(f))
        flight_move(f, FLIGHT_CHECKING);
    else
        find_call(f);
}

/* Meanwhile one may have ended with others of its call, and have left. */
static void read_next(struct batch *b)
{
    struct flight *f = b->flights[b->next++];
    if (f && f->state == FLIGHT_UNREAD)
        read_flight(f);
    if (b->next < b->n)
        return;
    TAILQ_REMOVE(&b->pipeline->unread, b, link);
    b->unread = false;
    form_calls(b);
    batch_release(b);
}

bool pipeline_read(struct pipeline *p)
{
    const int64_t until_ms = clock_mono_ms() + PIPELINE_READ_MS;
    do
        if (!TAILQ_EMPTY(&p->unread))
            read_next(TAILQ_FIRST(&p->unread));
    while (!TAILQ_EMPTY(&p->unread) && clock_mono_ms() < until_ms);
    walk_check_ids(p);
    if (TAILQ_EMPTY(&p->unread))
        return false;
    metrics_add(METRIC_READS_POSTPONED, 1);
    return true;
}

/* --- its id checked -------------------------------------------------------------------------- */

void walk_check_ids(struct pipeline *p)
{
    reading_ask_ids(p, on_id_seen);
}

static void on_id_seen(void *arg, enum queue_seen_answer answer)
{
    struct flight *f = arg;
    const bool unanswered = answer == QUEUE_SEEN_UNANSWERED;
    f->asking = false;
    f->looked_up = true;
    if (unanswered && !f->pipeline->draining)
        return; /* it is asked again */
    flight_move(f, FLIGHT_CALLED);
    f->env.seen = answer == QUEUE_SEEN_FIRST;
    if (unanswered)
        conclude(f->call, decision_back(false, 0));
    else if (f->env.seen)
        find_call(f);
    else
        conclude(f->call, (struct decision){.what = DECIDED_SENT, .duplicate = true});
    form_calls(f->batch);
}

/* --- put into a call ------------------------------------------------------------------------- */

/* It makes a call by itself, at once, or waits for others of its batch to share one with. */
static void find_call(struct flight *f)
{
    if (shared_may_join(f) && shared_join(f))
        return; /* form_calls() */
    walk_again(f->call);
}

/* Of a shared call that cannot be made again one job may be out, and another one never have been. A
 * job whose batch is recorded goes back: whoever takes over that batch would make its calls as they
 * are recorded. */
static void advance_broken(struct call *c)
{
    struct flight *f = call_leader(c);
    if (f->env.unanswered) {
        conclude(c, settle_unrepeatable(c));
        return;
    }
    shared_forget(f);
    if (f->batch->recorded)
        conclude(c, decision_back(false, 0));
    else
        advance_call(c);
}

static void advance_calls(struct call **calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        call_move(calls[i], CALL_READY);
        if (call_leader(calls[i])->broken)
            advance_broken(calls[i]);
        else
            advance_call(calls[i]);
    }
}

/* --- recorded, where jobs share it ----------------------------------------------------------- */

static void on_recorded(void *arg, enum queue_done done, const char *text, size_t len)
{
    struct batch *b = arg;
    struct call *calls[GROUPING_MEMBERS_MAX];
    const bool ours =
        done == QUEUE_DONE && len == b->text.len && memcmp(text, b->text.data, len) == 0;
    const size_t n = batch_calls_in(b, CALL_RECORDING, calls);
    if (ours) {
        advance_calls(calls, n);
        return;
    }
    for (size_t i = 0; i < n; i++) { /* the batch is somebody else's now */
        call_move(calls[i], CALL_READY);
        conclude(calls[i], decision_back(call_stays_whole(calls[i]), call_now_ms(calls[i])));
    }
}

/* Once all of a batch have been read, what was recorded goes on; once their ids have been looked
 * up, the others. */
static void form_calls(struct batch *b)
{
    struct call *calls[GROUPING_MEMBERS_MAX];
    if (b->unread)
        return;
    if (!b->started)
        advance_calls(calls, shared_form_next(b, calls));
    b->started = true;
    if (batch_is_checking(b))
        return;
    if (shared_form(b))
        queue_mark(b->lease, buf_text(&b->text), b->text.len, on_recorded, b);
    if (!b->counted)
        pipeline_note_sharing(b->pipeline, b->n, batch_calls(b), b->n > 1 || b->lone);
    b->counted = true;
    advance_calls(calls, batch_calls_in(b, CALL_FORMING, calls)); /* who found no company */
}

/* --- admitted -------------------------------------------------------------------------------- */

/* Read under a configuration that has been replaced, and nothing of it has been sent: it is read
 * again. A job of several calls of which some went out keeps to its plan, unless its app is gone.
 */
static bool is_outdated(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    return f->config != p->config && (!f->env.npushes || flight_app(f) == p->config->napps);
}

/* When the job may show. */
static int64_t loud_ms(const struct flight *f, int64_t now_ms)
{
    bool scheduled = f->plan.push_time_ms > now_ms;
    return scheduled ? now_ms : plan_quiet_end_ms(&f->job, &f->app->app, now_ms);
}

static bool is_quiet_for_some(const struct call *c, int64_t now_ms)
{
    for (size_t i = 0; call_is_shared(c) && i < c->n; i++)
        if (loud_ms(c->members[i].flight, now_ms) > now_ms)
            return true;
    return false;
}

static void look_at_worker(const struct call *c, struct admit_in *in)
{
    const struct flight *f = call_leader(c);
    const struct pipeline *p = c->pipeline;
    in->now_ms = call_now_ms(c);
    in->lease_lost = queue_lease_lost(f->lease);
    in->lease_safe = queue_lease_safe(f->lease, c->checked_boot_ms,
                                      f->config->timeout_ms + f->config->settle_ms);
    in->draining = p->draining;
    in->outdated = is_outdated(f);
    in->refused = queue_refused(f->queue);
    in->slot = p->out < p->window;
}

static void look_at_app(const struct call *c, int64_t mono_ms, struct admit_in *in)
{
    const struct pipeline *p = c->pipeline;
    const size_t app = call_app(c);
    in->aside = pipeline_takes(p, app) && pipeline_sets_aside(call_leader(c));
    in->may_call = app < p->config->napps && pipeline_may_call(p, app);
    in->circuit = trouble_lets(c, mono_ms);
    in->own = trouble_own_lets(c, mono_ms);
}

static void look_at_call(struct call *c, struct admit_in *in)
{
    const struct flight *f = call_leader(c);
    in->shared = call_is_shared(c);
    in->whole = call_stays_whole(c);
    in->begun = f->env.npushes > 0;
    in->all = f->plan.calls[f->next].kind == TARGET_ALL;
    in->open = call_may_be_out(c);
    in->is_another = again_is_another(c);
    in->another = c->another;
    in->first_sent_ms = f->env.first_sent_ms;
    in->send_by_ms = f->plan.send_by_ms;
    in->loud_ms = loud_ms(f, in->now_ms);
    in->quiet_for_some = is_quiet_for_some(c, in->now_ms);
    in->policy = settle_policy(c);
}

/* Asks for what it needs beside being allowed to go: a probe's place, where its app takes no other
 * call; a new token for its content, where policy says so; a rate token. */
static struct decision take_call_token(struct call *c, struct admit_in *in,
                                       const struct decision *d, int64_t mono_ms)
{
    int64_t wait_ms = 0;
    const char *all = in->all ? call_leader(c)->plan.device_type : NULL;
    trouble_take_probes(c, mono_ms);
    if (d->new_token) {
        settle_give_up(c, d->text);
        in->whole = false;
    }
    const enum limit_token token =
        limits_take(fleet_limits(c->pipeline->fleet), call_app(c), call_action(c), all, &wait_ms);
    if (token == LIMIT_GO)
        tally_token(c);
    if (token == LIMIT_GO || !c->tokenless_us)
        c->tokenless_us = token == LIMIT_GO ? 0 : clock_mono_us();
    return admit_token(in, token, wait_ms);
}

/* A READY call's next step: its next part, or its end. */
static void advance_call(struct call *c)
{
    struct admit_in in;
    struct flight *leader = call_leader(c);
    if (!flight_next_call(leader)) {
        conclude(c, (struct decision){.what = DECIDED_SENT});
        return;
    }
    const int64_t mono_ms = clock_mono_ms();
    c->checked_boot_ms = clock_boot_ms();
    look_at_worker(c, &in);
    look_at_app(c, mono_ms, &in);
    look_at_call(c, &in);
    leader->from_ready = false; /* set aside once: later this worker sees the job through */
    struct decision d = admit(&in);
    if (d.what == DECIDED_SEND)
        d = take_call_token(c, &in, &d, mono_ms);
    conclude(c, d);
}

/* --- sent, settled, ended -------------------------------------------------------------------- */

void walk_again(struct call *c)
{
    call_move(c, CALL_READY);
    advance_call(c);
}

void walk_fill_slots(struct pipeline *p)
{
    struct call *c;
    while (p->out < p->window && (c = turns_next(&p->turns)))
        walk_again(c);
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

static void on_call_reply(struct call *c, const struct reply *reply)
{
    struct pipeline *p = c->pipeline;
    adapt_window(p, reply->class);
    call_move(c, CALL_READY);
    const struct decision d = settle_reply(c, reply);
    if (d.what == DECIDED_SENT)
        advance_call(c); /* with the job's next part, where it has one */
    else
        conclude(c, d);
    walk_fill_slots(p);
}

static void conclude(struct call *c, struct decision d)
{
    carry_out(c, &d, on_call_reply);
}
