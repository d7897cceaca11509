/* SPDX-License-Identifier: MIT */
#include "pipeline/settle.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pipeline/again.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/shared/shared_call.h"
#include "pipeline/shared/shared_settle.h"
#include "pipeline/shared/shared_stops.h"
#include "pipeline/trouble.h"

/* --- the verdict ----------------------------------------------------------------------------- */

struct verdict_policy settle_policy(const struct call *c)
{
    const struct config *config = call_leader(c)->config;
    const struct app *app = &call_leader(c)->app->app;
    return (struct verdict_policy){
        .max_attempts = app->max_attempts ? app->max_attempts : config->max_attempts,
        .base_ms = config->retry_base_ms,
        .cap_ms = config->retry_cap_ms,
        .settle_ms = config->settle_ms,
        .window_ms = config->idempotency_window_ms,
        .max_refusals = config->circuit_failures,
        .resend_ambiguous = app->resend_ambiguous,
    };
}

/* A lost connection ends the call for us only. Whoever takes over a lost lease waits as long. */
static int64_t busy_till_ms(const struct call *c)
{
    int64_t left = c->checked_boot_ms + call_leader(c)->config->timeout_ms - clock_boot_ms();
    bool open = c->last.goes_on && left > 0;
    return call_now_ms(c) + (open ? left : 0);
}

static struct verdict judge_reply(const struct call *c)
{
    uint64_t random;
    clock_random(&random, sizeof random);
    const struct envelope *env = &call_leader(c)->env;
    const struct verdict_policy policy = settle_policy(c);
    const struct verdict_input in = {
        .reply = &c->last,
        /* calls whose part went out are no failures of the one that did not */
        .attempts = env->attempts - (int64_t)env->npushes,
        .throttles = env->throttles,
        .alone = shared_throttled_alone(c),
        .refusals = env->blamed,
        .unanswered = call_may_be_out(c),
        .keys_renewed = c->keys_renewed,
        .retried_special = env->special_used,
        .first_sent_ms = env->first_sent_ms,
        .now_ms = call_now_ms(c),
        .deadline_ms = call_leader(c)->plan.send_by_ms,
        .busy_till_ms = busy_till_ms(c),
        .random = random,
    };
    return verdict_decide(&policy, &in);
}

/* --- what the envelopes note ----------------------------------------------------------------- */

static void note_sent(struct call *c)
{
    struct reply reply = c->last;
    for (size_t i = 0; i < c->n; i++) {
        const struct call_member *m = &c->members[i];
        if (c->mass)
            memcpy(reply.message_id, c->ids[m->task], sizeof reply.message_id);
        m->flight->env.throttles = 0;
        flight_record_sent(m->flight, &reply);
    }
}

static void note_attempt(struct call *c, const struct verdict *v)
{
    for (size_t i = 0; i < c->n; i++) {
        struct envelope *env = &c->members[i].flight->env;
        env->attempts += v->counts;
        if (v->kind == VERDICT_RETRY && v->counts)
            envelope_note_failure(env, call_now_ms(c));
    }
}

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
    }
    env->throttles = last->class == REPLY_THROTTLED ? env->throttles + 1 : 0;
    if (last->class == REPLY_NONCE_USED || last->class == REPLY_CLOCK)
        env->special_used = true;
}

/* What the envelopes keep of a call that is to be repeated. */
static void note_repeat(struct call *c, const struct verdict *v)
{
    for (size_t i = 0; i < c->n; i++)
        note_repeat_of(c->members[i].flight, v, &c->last);
    if (v->new_token)
        again_forget(c);
    if (v->maybe_sent)
        again_keep_content(c);
}

/* The letter says of which call it may be. */
static void note_open(struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct flight *f = c->members[i].flight;
        f->env.unanswered |= flight_part_bit(f);
    }
    again_keep_content(c);
}

/* What a reply says of the keys that signed its call. */
static void note_keys(struct call *c)
{
    struct app_credentials *credentials = c->pipeline->credentials;
    const struct reply *reply = &c->last;
    c->keys_renewed = false;
    if (reply->class == REPLY_TOKEN)
        c->keys_renewed =
            app_credentials_refused(credentials, call_app(c), c->keys_issue, reply->code);
    else if (reply->class == REPLY_SENT || reply->class == REPLY_PERMANENT)
        app_credentials_accepted(credentials, call_app(c), c->keys_issue);
}

/* --- the app's trouble ----------------------------------------------------------------------- */

/* The job waits (I5), and this attempt costs it nothing. An unanswered call waits in due, where it
 * also sits out the settle time. */
static struct decision wait_with_app(struct call *c, const struct verdict *v, bool open)
{
    struct verdict kept = *v;
    kept.maybe_sent = c->last.ambiguous || call_may_be_out(c);
    kept.new_token = false;
    note_repeat(c, &kept);
    if (c->last.ambiguous)
        return decision_retry(busy_till_ms(c) + call_leader(c)->config->settle_ms);
    if (open || c->last.class != REPLY_AUTH)
        return decision_park(call_stays_whole(c), call_now_ms(c));
    return trouble_wait_alone(c);
}

/* --- what becomes of it ---------------------------------------------------------------------- */

void settle_give_up(struct call *c, const char *why)
{
    const struct verdict v = {.kind = VERDICT_RETRY, .new_token = true};
    log_info("event=call_given_up id=%s why=%s", log_value(call_leader(c)->env.uid),
             log_value(why));
    note_repeat(c, &v);
}

struct decision settle_unrepeatable(struct call *c)
{
    const struct verdict v = {.kind = VERDICT_RETRY, .new_token = true};
    if (!call_leader(c)->app->app.resend_ambiguous)
        return decision_dead(REASON_AMBIGUOUS, true,
                             c->another ? c->another
                                        : "a call of several jobs cannot be made again");
    for (size_t i = 0; i < c->n; i++)
        shared_forget(c->members[i].flight);
    note_repeat(c, &v);
    if (call_is_shared(c))
        return (struct decision){.what = DECIDED_SPLIT, .apart = true, .at_ms = call_now_ms(c)};
    return decision_retry(call_now_ms(c));
}

static struct decision follow_verdict(struct call *c, const struct verdict *v)
{
    note_attempt(c, v);
    switch (v->kind) {
    case VERDICT_SENT:
        note_sent(c);
        return (struct decision){.what = DECIDED_SENT};
    case VERDICT_DEAD:
        if (v->maybe_sent)
            note_open(c);
        return decision_dead(v->reason, v->maybe_sent, NULL);
    case VERDICT_RETRY:
    case VERDICT_PAUSE: /* is the app's trouble, and does not come here */
        break;
    }
    note_repeat(c, v);
    return decision_retry(c->last.class == REPLY_THROTTLED ? trouble_rested_ms(c, v->at_ms)
                                                           : v->at_ms);
}

struct decision settle_reply(struct call *c, const struct reply *reply)
{
    const int64_t mono_ms = clock_mono_ms();
    c->last = *reply;
    c->has_reply = true;
    note_keys(c);
    trouble_note_limits(c);
    if (shared_stops_note(c))
        return shared_dissolve(c);
    const enum circuit_state before = trouble_note(c, mono_ms);
    const struct verdict v = judge_reply(c);
    const bool open = trouble_follow(c, &v, before, mono_ms);
    if (shared_lacks_ids(c)) {
        shared_note_ids(c);
        return settle_unrepeatable(c);
    }
    if (trouble_is_apps(c, &v, open))
        return wait_with_app(c, &v, open);
    if (shared_is_ones_fault(c, &v))
        return shared_split(c);
    return follow_verdict(c, &v);
}
