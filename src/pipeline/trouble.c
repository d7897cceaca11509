/* SPDX-License-Identifier: MIT */
#include "pipeline/trouble.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/pipeline_core.h"

enum { HINT_NAMED_MS = 60000 }; /* one log line for many that follow each other */

/* --- probes ---------------------------------------------------------------------------------- */

static uint64_t job_of(const struct call *c)
{
    return circuit_job(call_leader(c)->env.uid);
}

static struct circuit *circuit_of(const struct call *c)
{
    return circuits_at(c->pipeline->circuits, call_app(c));
}

bool trouble_lets(const struct call *c, int64_t mono_ms)
{
    const struct circuit *circuit = circuit_of(c);
    return circuit->state == CIRCUIT_CLOSED || c->probe ||
           circuit_admits(circuit, job_of(c), mono_ms);
}

bool trouble_own_lets(const struct call *c, int64_t mono_ms)
{
    const struct own_trouble *own = c->pipeline->own;
    return c->own_probe || !own_holds(own, call_app(c)) || own_probe_due(own, mono_ms);
}

void trouble_take_probes(struct call *c, int64_t mono_ms)
{
    struct circuit *circuit = circuit_of(c);
    struct own_trouble *own = c->pipeline->own;
    if (circuit->state != CIRCUIT_CLOSED && !c->probe)
        c->probe = circuit_admit(circuit, job_of(c), mono_ms);
    if (own_holds(own, call_app(c)) && !c->own_probe)
        c->own_probe = own_admit(own, call_app(c), mono_ms);
}

void trouble_leave_probes(struct call *c)
{
    if (c->own_probe)
        own_probe_lost(c->pipeline->own);
    c->own_probe = false;
    if (!c->probe)
        return;
    c->probe = false;
    enum circuit_state before = circuit_of(c)->state;
    circuit_probe_lost(circuit_of(c));
    circuits_report(c->pipeline->circuits, call_app(c), before, true, "", 0);
}

/* --- replies --------------------------------------------------------------------------------- */

/* Whether the job had such a refusal before. In a shared call it is nobody's yet. */
static bool note_job_refused(struct call *c)
{
    struct circuits *circuits = c->pipeline->circuits;
    struct envelope *env = &call_leader(c)->env;
    size_t app = call_app(c);
    int64_t now_ms = call_now_ms(c);
    bool again = env->refused > 0;
    if (c->last.class == REPLY_SENT)
        circuits_note_sent(circuits, app, now_ms);
    if (c->last.class == REPLY_AUTH && !call_is_shared(c)) {
        bool closed = circuit_of(c)->state == CIRCUIT_CLOSED;
        int64_t others_sent_ms = closed ? circuits_last_sent_ms(circuits, app) : 0;
        envelope_note_refusal(env, others_sent_ms, now_ms);
        circuits_note_refused(circuits, app);
    }
    return again;
}

enum circuit_state trouble_note(struct call *c, int64_t mono_ms)
{
    struct circuit *circuit = circuit_of(c);
    enum circuit_state before = circuit->state;
    bool again = note_job_refused(c);
    circuit_note(circuit, &c->last, job_of(c), again, mono_ms);
    return before;
}

static void trip_own(struct call *c, struct circuit *circuit, int64_t mono_ms)
{
    char why[sizeof circuit->why];
    memcpy(why, circuit->why, sizeof why);
    const struct own_trip trip = {why, c->last.message, circuit->row_began_ms, job_of(c)};
    circuit_leave(circuit); /* not the fleet's yet */
    own_trip(c->pipeline->own, call_app(c), &trip, mono_ms);
}

/* True when the reply is, or may be, this worker's own trouble: the job waits for others. */
static bool note_own(struct call *c, enum circuit_state before, int64_t mono_ms)
{
    struct own_trouble *own = c->pipeline->own;
    struct circuit *circuit = circuit_of(c);
    size_t app = call_app(c);
    bool probe = c->own_probe;
    c->own_probe = false;
    circuit->behind = own_may_be(&c->last) && queue_workers(call_leader(c)->queue) > 1;
    if (!own_may_be(&c->last)) {
        if (probe)
            own_probe_lost(own);
        own_well(own, app);
        return false;
    }
    if (probe)
        own_probe_failed(own, app, mono_ms);
    if (before == CIRCUIT_CLOSED && circuit->state == CIRCUIT_OPEN)
        trip_own(c, circuit, mono_ms);
    return before == CIRCUIT_CLOSED && own_holds(own, app);
}

bool trouble_follow(struct call *c, const struct verdict *v, enum circuit_state before,
                    int64_t mono_ms)
{
    struct circuit *circuit = circuit_of(c);
    const struct reply *reply = &c->last;
    if (v->kind == VERDICT_PAUSE && reply->class != REPLY_AUTH)
        circuit_trip(circuit, reply->code[0] ? reply->code : reply_class_name(reply->class),
                     job_of(c), mono_ms);
    bool own = note_own(c, before, mono_ms);
    if (circuit->state != CIRCUIT_PROBING)
        c->probe = false; /* the trial is over: the job's other parts have to ask again */
    circuits_report(c->pipeline->circuits, call_app(c), before, false, reply->message,
                    call_now_ms(c));
    return circuit->state != CIRCUIT_CLOSED || own;
}

bool trouble_is_apps(const struct call *c, const struct verdict *v, bool open)
{
    if (v->kind == VERDICT_PAUSE || (v->kind == VERDICT_RETRY && c->last.class == REPLY_TOKEN))
        return true; /* the latter until other keys are there */
    if (!open || v->kind == VERDICT_SENT || c->last.class == REPLY_THROTTLED)
        return false;
    return v->kind == VERDICT_RETRY || v->reason == REASON_RETRIES_EXHAUSTED ||
           c->last.class == REPLY_UNKNOWN_4XX;
}

struct decision trouble_wait_alone(const struct call *c)
{
    uint64_t random;
    const struct flight *f = call_leader(c);
    int64_t base_ms = f->config->circuit_probe_ms, now_ms = call_now_ms(c);
    clock_random(&random, sizeof random);
    int64_t at_ms =
        now_ms + verdict_refused_wait_ms(base_ms, CIRCUIT_PROBE_CAP_MS, f->env.refused, random);
    int64_t end_ms = f->plan.send_by_ms > now_ms ? f->plan.send_by_ms + 1 : now_ms;
    if (call_is_shared(c))
        return decision_park(call_stays_whole(c), now_ms);
    return decision_retry(at_ms < end_ms ? at_ms : end_ms);
}

/* --- rate limits ------------------------------------------------------------------------------ */

/* FNV-1a of what is throttled: a call, which several jobs may share. */
static uint32_t number_call(const struct call *c)
{
    uint32_t h = 2166136261;
    for (const char *p = call_is_shared(c) ? c->id : call_leader(c)->env.uid; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619;
    return h ? h : 1;
}

static void note_alone(struct call *c, bool alone, const struct limit_mark *now)
{
    for (size_t i = 0; i < c->n; i++) {
        struct envelope *env = &c->members[i].flight->env;
        env->alone = alone ? env->alone + 1 : 0;
        env->alone_passed = now->passed;
        env->alone_turns = now->turns;
    }
}

static void note_call_throttled(struct call *c, struct limits *limits, size_t app)
{
    const struct envelope *env = &call_leader(c)->env;
    const struct limit_throttle t = {.call = number_call(c),
                                     .hint_ms = c->last.retry_after_ms,
                                     .age_ms = clock_boot_ms() - c->checked_boot_ms};
    const struct limit_mark then = {env->alone_passed, env->alone_turns};
    c->rest_ms = limits_throttled(limits, app, call_action(c), &t);
    const struct limit_mark now = limit_mark(limits, app, call_action(c));
    note_alone(c, limits_one_call_only(&then, &now), &now);
}

/* Every answer that is no throttling came past the provider's limits, unless it came from before
 * them: keys are looked at first, and what is overloaded counts nothing. */
void trouble_note_limits(struct call *c)
{
    struct limits *limits = fleet_limits(c->pipeline->fleet);
    size_t app = call_app(c);
    switch (c->last.class) {
    case REPLY_THROTTLED:
        note_call_throttled(c, limits, app);
        break;
    case REPLY_SENT:
    case REPLY_PERMANENT:
    case REPLY_UNKNOWN_4XX:
        limits_passed(limits, app, call_action(c));
        note_alone(c, false, &(struct limit_mark){0});
        break;
    default:
        break;
    }
}

void trouble_cut_hint(const struct call *c, struct reply *reply, int64_t *named_ms)
{
    const int64_t most_ms = call_leader(c)->config->hint_max_ms;
    const int64_t asked = reply->retry_after_ms, now = clock_mono_ms();
    if (asked <= most_ms)
        return;
    reply->retry_after_ms = most_ms;
    metrics_add(METRIC_HINTS_CUT, 1);
    if (*named_ms && now - *named_ms < HINT_NAMED_MS)
        return;
    *named_ms = now;
    log_warn("event=retry_hint_cut asked_ms=%lld to_ms=%lld request_id=%s", (long long)asked,
             (long long)most_ms, log_value(reply->request_id));
}

int64_t trouble_rested_ms(const struct call *c, int64_t at_ms)
{
    int64_t rested_ms = call_now_ms(c) + c->rest_ms;
    return rested_ms > at_ms ? rested_ms : at_ms;
}
