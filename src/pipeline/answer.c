/* SPDX-License-Identifier: MIT */
#include "pipeline/answer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/again.h"
#include "pipeline/bundle.h"
#include "pipeline/ending.h"
#include "pipeline/gather.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/refusal.h"

struct verdict_policy answer_policy(const struct flight *f)
{
    const struct config *c = f->config;
    return (struct verdict_policy){
        .max_attempts = f->app->app.max_attempts ? f->app->app.max_attempts : c->max_attempts,
        .base_ms = c->retry_base_ms,
        .cap_ms = c->retry_cap_ms,
        .settle_ms = c->settle_ms,
        .window_ms = c->idempotency_window_ms,
        .max_refusals = c->circuit_failures,
        .resend_ambiguous = f->app->app.resend_ambiguous,
    };
}

/* A lost connection ends the call for us only. Whoever takes over a lost lease waits as long. */
static int64_t busy_till_ms(const struct flight *f)
{
    int64_t left = f->checked_boot_ms + f->config->timeout_ms - clock_boot_ms();
    bool open = f->last.goes_on && left > 0;
    return queue_lease_now_ms(f->lease) + (open ? left : 0);
}

/* Of a call of several, one may be the cause: that is enough to take it apart, unless it may be out
 * and has to stay whole. */
static int64_t alone(const struct flight *f)
{
    if (!f->bundle || !f->env.alone)
        return f->env.alone;
    return bundle_is_open(f) ? 0 : INT64_MAX;
}

static struct verdict decide(const struct flight *f)
{
    uint64_t random;
    clock_random(&random, sizeof random);
    const struct verdict_policy policy = answer_policy(f);
    const struct verdict_input in = {
        .reply = &f->last,
        /* calls whose part went out are no failures of the one that did not */
        .attempts = f->env.attempts - (int64_t)f->env.npushes,
        .throttles = f->env.throttles,
        .alone = alone(f),
        .refusals = f->env.blamed,
        .unanswered = (f->env.unanswered & flight_part_bit(f)) != 0,
        .keys_renewed = f->keys_renewed,
        .retried_special = f->env.special_used,
        .first_sent_ms = f->env.first_sent_ms,
        .now_ms = queue_lease_now_ms(f->lease),
        .deadline_ms = f->plan.send_by_ms,
        .busy_till_ms = busy_till_ms(f),
        .random = random,
    };
    return verdict_decide(&policy, &in);
}

/* What the envelope keeps of a call that is to be repeated. */
static void note_repeat_of(struct flight *f, const struct verdict *v, const struct reply *last)
{
    struct envelope *env = &f->env;
    if (v->maybe_sent)
        env->unanswered |= flight_part_bit(f);
    else
        env->unanswered &= ~flight_part_bit(f);
    if (!v->maybe_sent)
        begun_drop(&env->begun, f->plan.calls[f->next].part);
    if (v->new_token) {
        env->gen++;
        env->given_up = true; /* nobody will hear of the old call any more */
        env->unanswered = 0;
        env->first_sent_ms = 0;
        again_forget(f);
    }
    env->throttles = last->class == REPLY_THROTTLED ? env->throttles + 1 : 0;
    if (last->class == REPLY_NONCE_USED || last->class == REPLY_CLOCK)
        env->special_used = true;
}

static void note_repeat(struct flight *f, const struct verdict *v)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++)
        note_repeat_of(all[i], v, &f->last);
    if (v->maybe_sent)
        again_keep_content(f);
}

/* The letter says of which call it may be. */
static void note_open(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++)
        all[i]->env.unanswered |= flight_part_bit(f);
    again_keep_content(f);
}

/* What sounded like the app's trouble does not open its circuit: it may be this job's own doing. So
 * others flow past it, and it is tried again later and later; those of a shared call each by
 * itself.
 */
static void wait_alone(struct flight *f)
{
    uint64_t random;
    int64_t base_ms = f->config->circuit_probe_ms, now_ms = queue_lease_now_ms(f->lease);
    clock_random(&random, sizeof random);
    int64_t at_ms =
        now_ms + verdict_refused_wait_ms(base_ms, CIRCUIT_PROBE_CAP_MS, f->env.refused, random);
    int64_t end_ms = f->plan.send_by_ms > now_ms ? f->plan.send_by_ms + 1 : now_ms;
    if (f->bundle)
        ending_park(f);
    else
        ending_retry(f, at_ms < end_ms ? at_ms : end_ms);
}

/* The app is in trouble (I5): the job waits, and this attempt costs it nothing. An unanswered call
 * waits in due, where it also sits out the settle time. */
static void wait_for_app(struct flight *f, const struct verdict *v, bool open)
{
    struct verdict kept = *v;
    kept.maybe_sent = f->last.ambiguous || (f->env.unanswered & flight_part_bit(f));
    kept.new_token = false;
    note_repeat(f, &kept);
    int64_t settled = busy_till_ms(f) + f->config->settle_ms;
    if (f->last.ambiguous)
        ending_retry(f, settled);
    else if (open || f->last.class != REPLY_AUTH)
        ending_park(f);
    else
        wait_alone(f);
}

static bool is_apps_trouble(const struct flight *f, const struct verdict *v, bool open)
{
    if (v->kind == VERDICT_PAUSE || (v->kind == VERDICT_RETRY && f->last.class == REPLY_TOKEN))
        return true; /* the latter until other keys are there */
    if (!open || v->kind == VERDICT_SENT || f->last.class == REPLY_THROTTLED)
        return false;
    return v->kind == VERDICT_RETRY || v->reason == REASON_RETRIES_EXHAUSTED ||
           f->last.class == REPLY_UNKNOWN_4XX;
}

static void note_sent(struct flight *f)
{
    struct flight **all;
    struct reply reply = f->last;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++) {
        if (f->bundle && f->bundle->mass)
            memcpy(reply.message_id, f->bundle->ids[all[i]->task], sizeof reply.message_id);
        all[i]->last = reply;
        all[i]->env.throttles = 0;
        flight_record_sent(all[i], &reply);
    }
}

static void note_attempt(struct flight *f, const struct verdict *v)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++) {
        all[i]->env.attempts += v->counts;
        if (v->kind == VERDICT_RETRY && v->counts)
            envelope_note_failure(&all[i]->env, queue_lease_now_ms(f->lease));
        if (all[i] != f && v->kind != VERDICT_SENT) {
            all[i]->last = f->last;
            all[i]->has_reply = true;
        }
    }
}

/* One task may have sunk the others: the provider refuses a call as a whole (API reference §4.2),
 * or throttles it alone. A call that may be out stays whole (I3e). */
static bool is_anothers_fault(const struct flight *f, const struct verdict *v)
{
    bool refused = v->reason == REASON_PROVIDER_REJECTED || f->last.class == REPLY_THROTTLED;
    return f->bundle && v->kind == VERDICT_DEAD && refused && !v->maybe_sent && !f->env.given_up;
}

static bool split(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    metrics_add(METRIC_BATCHES_BISECTED, 1);
    log_info("event=call_split call=%s jobs=%zu code=%s request_id=%s", log_value(f->bundle->id), n,
             log_value(f->last.code), log_value(f->last.request_id));
    for (size_t i = 0; i < n; i++) {
        all[i]->env.gen++;
        all[i]->env.first_sent_ms = 0;
        all[i]->env.alone = all[i]->env.alone_turns = 0;
    }
    ending_split(f, queue_lease_now_ms(f->lease));
    return false;
}

/* True: the flight goes on. */
static bool follow(struct flight *f, const struct verdict *v)
{
    if (is_anothers_fault(f, v))
        return split(f);
    note_attempt(f, v);
    switch (v->kind) {
    case VERDICT_SENT:
        note_sent(f);
        return true;
    case VERDICT_RETRY:
        note_repeat(f, v);
        ending_retry(f, f->last.class == REPLY_THROTTLED ? refusal_due_ms(f, v->at_ms) : v->at_ms);
        break;
    case VERDICT_DEAD:
        if (v->maybe_sent)
            note_open(f);
        ending_dead(f, v->reason, v->maybe_sent, NULL);
        break;
    case VERDICT_PAUSE:
        assert(v->kind != VERDICT_PAUSE); /* answer_settle() has seen to it */
    }
    return false;
}

/* What a reply says of the keys that signed its call. */
static void note_keys(struct flight *f, const struct reply *reply)
{
    struct app_credentials *credentials = f->pipeline->credentials;
    size_t app = pipeline_app(f);
    f->keys_renewed = false;
    if (reply->class == REPLY_TOKEN)
        f->keys_renewed = app_credentials_refused(credentials, app, f->keys_issue, reply->code);
    else if (reply->class == REPLY_SENT || reply->class == REPLY_PERMANENT)
        app_credentials_accepted(credentials, app, f->keys_issue);
}

void answer_give_up(struct flight *f)
{
    if (!f->app->app.resend_ambiguous) {
        ending_dead(f, REASON_AMBIGUOUS, true,
                    f->another ? f->another : "a call of several jobs cannot be made again");
        return;
    }
    const struct verdict v = {.kind = VERDICT_RETRY, .new_token = true};
    bundle_forget(f);
    note_repeat(f, &v);
    ending_retry(f, queue_lease_now_ms(f->lease));
}

/* Nobody can tell whose push is whose, or which there are (API reference §4.2). */
static void give_up_all(struct flight *f)
{
    struct flight *all[GROUPING_MEMBERS_MAX];
    size_t n = f->bundle->n;
    log_error("event=mass_ids_differ call=%s tasks=%zu ids=%zu request_id=%s",
              log_value(f->bundle->id), f->bundle->tasks, f->bundle->nids,
              log_value(f->last.request_id));
    memcpy(all, f->bundle->members, n * sizeof all[0]);
    for (size_t i = 0; i < n; i++) {
        all[i]->last = f->last;
        all[i]->has_reply = true;
        all[i]->env.attempts++;
    }
    gather_break(f);
    for (size_t i = 0; i < n; i++)
        answer_give_up(all[i]);
}

static bool ids_differ(const struct flight *f)
{
    return f->bundle && f->bundle->mass && f->last.class == REPLY_SENT &&
           f->bundle->nids != f->bundle->tasks;
}

static void trip_own(struct flight *f, struct circuit *c, int64_t now)
{
    char why[sizeof c->why];
    memcpy(why, c->why, sizeof why);
    const struct own_trip trip = {why, f->last.message, c->row_began_ms, circuit_job(f->env.uid)};
    circuit_leave(c); /* not the fleet's yet */
    own_trip(f->pipeline->own, pipeline_app(f), &trip, now);
}

/* True when the reply is, or may be, this worker's own trouble: the job waits for others. before:
 * the circuit's state before the reply. */
static bool is_own(struct flight *f, struct circuit *c, enum circuit_state before, int64_t now)
{
    struct own_trouble *own = f->pipeline->own;
    size_t app = pipeline_app(f);
    bool probe = f->own_probe;
    f->own_probe = false;
    c->behind = own_may_be(&f->last) && queue_workers(f->queue) > 1;
    if (!own_may_be(&f->last)) {
        if (probe)
            own_probe_lost(own);
        own_well(own, app);
        return false;
    }
    if (probe)
        own_probe_failed(own, app, now);
    if (before == CIRCUIT_CLOSED && c->state == CIRCUIT_OPEN)
        trip_own(f, c, now);
    return before == CIRCUIT_CLOSED && own_holds(own, app);
}

/* Whether the job had such a refusal before. In a shared call it is nobody's yet. */
static bool note_refusal(struct flight *f, const struct reply *reply)
{
    struct circuits *circuits = f->pipeline->circuits;
    size_t app = pipeline_app(f);
    int64_t now_ms = queue_lease_now_ms(f->lease);
    bool again = f->env.refused > 0;
    if (reply->class == REPLY_SENT)
        circuits_note_sent(circuits, app, now_ms);
    if (reply->class == REPLY_AUTH && !f->bundle) {
        bool closed = pipeline_circuit(f)->state == CIRCUIT_CLOSED;
        int64_t others_sent_ms = closed ? circuits_last_sent_ms(circuits, app) : 0;
        envelope_note_refusal(&f->env, others_sent_ms, now_ms);
        circuits_note_refused(circuits, app);
    }
    return again;
}

/* What the reply says of the app, the job and this worker. True when the app takes no jobs now. */
static bool note_reply(struct flight *f, const struct reply *reply, struct verdict *v)
{
    struct circuit *c = pipeline_circuit(f);
    enum circuit_state before = c->state;
    int64_t now = clock_mono_ms();
    uint64_t job = circuit_job(f->env.uid);
    bool again = note_refusal(f, reply);
    circuit_note(c, reply, job, again, now);
    *v = decide(f);
    if (v->kind == VERDICT_PAUSE && reply->class != REPLY_AUTH)
        circuit_trip(c, reply->code[0] ? reply->code : reply_class_name(reply->class), job, now);
    bool own = is_own(f, c, before, now);
    if (c->state != CIRCUIT_PROBING)
        f->probe = false; /* the trial is over: the job's other parts have to ask again */
    circuits_report(f->pipeline->circuits, pipeline_app(f), before, false, reply->message,
                    queue_lease_now_ms(f->lease));
    return c->state != CIRCUIT_CLOSED || own;
}

bool answer_settle(struct flight *f, const struct reply *reply)
{
    struct verdict v;
    f->last = *reply;
    f->has_reply = true;
    note_keys(f, reply);
    refusal_note_rate(f);
    pipeline_move(f, FLIGHT_READY);
    if (refusal_of_mass(f))
        return false;
    bool open = note_reply(f, reply, &v);
    if (ids_differ(f)) {
        give_up_all(f);
        return false;
    }
    if (!is_apps_trouble(f, &v, open))
        return follow(f, &v);
    wait_for_app(f, &v, open);
    return false;
}

/* A call that comes so late that it would show in the quiet hours now waits for their end; the plan
 * has seen to one that is sent in time. One that may be out already is only repeated. */
static int64_t loud_ms(const struct flight *f, int64_t at_ms)
{
    bool scheduled = f->plan.push_time_ms > at_ms;
    return scheduled ? at_ms : plan_quiet_end_ms(&f->job, &f->app->app, at_ms);
}

/* Not all jobs of its call may show now: each by itself, then. */
static bool is_quiet_for_some(struct flight *f, int64_t now_ms)
{
    struct flight **all;
    size_t n = bundle_members(f, &all), quiet = 0;
    for (size_t i = 0; i < n; i++)
        quiet += loud_ms(all[i], now_ms) > now_ms;
    return n > 1 && quiet;
}

static bool is_unanswered(const struct flight *f)
{
    return (f->env.unanswered & flight_part_bit(f)) != 0;
}

static struct verdict before_send(struct flight *f, int64_t now_ms)
{
    const struct verdict_policy policy = answer_policy(f);
    return verdict_before_send(&policy, is_unanswered(f), again_is_another(f), f->env.first_sent_ms,
                               now_ms, f->plan.send_by_ms);
}

static const char *why_not_sent(const struct flight *f, const struct verdict *v)
{
    if (v->reason == REASON_EXPIRED)
        return "its deadline is over";
    if (queue_lease_now_ms(f->lease) > f->plan.send_by_ms)
        return "its deadline is over, and a call of it was never answered";
    return f->another ? f->another
                      : "a call of it was never answered, and a repeat would not be recognised any "
                        "more";
}

static bool end_dead(struct flight *f, const struct verdict *v)
{
    if (v->kind == VERDICT_DEAD)
        ending_dead(f, v->reason, v->maybe_sent, why_not_sent(f, v));
    return v->kind == VERDICT_DEAD;
}

bool answer_too_late(struct flight *f)
{
    const struct verdict v = before_send(f, queue_lease_now_ms(f->lease));
    return end_dead(f, &v);
}

/* By policy resend: what takes its place may be a second push. */
static void give_up_call(struct flight *f, const struct verdict *v)
{
    log_info("event=call_given_up id=%s why=%s", log_value(f->env.uid),
             log_value(why_not_sent(f, v)));
    note_repeat(f, v);
}

/* A claimed-again job may have a call out there: the policy says whether it may be repeated. */
bool answer_may_send(struct flight *f)
{
    int64_t now = queue_lease_now_ms(f->lease); /* one: a later look could be after its own now */
    bool unanswered = is_unanswered(f);
    const struct verdict v = before_send(f, now);
    if (end_dead(f, &v))
        return false;
    if (v.new_token)
        give_up_call(f, &v);
    if (!unanswered && is_quiet_for_some(f, now)) {
        ending_back(f);
        return false;
    }
    int64_t at_ms = unanswered ? v.at_ms : loud_ms(f, v.at_ms);
    if (at_ms <= now)
        return true;
    if (at_ms > f->plan.send_by_ms)
        ending_dead(f, REASON_EXPIRED, false, "its deadline lies in the quiet hours");
    else
        ending_retry(f, at_ms);
    return false;
}
