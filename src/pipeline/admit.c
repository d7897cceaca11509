/* SPDX-License-Identifier: MIT */
#include "pipeline/admit.h"

static const char *why_not_again(const struct admit_in *in, const struct verdict *v)
{
    if (v->reason == REASON_EXPIRED)
        return "its deadline is over";
    if (in->now_ms > in->send_by_ms)
        return "its deadline is over, and a call of it was never answered";
    return in->another ? in->another
                       : "a call of it was never answered, and a repeat would not be recognised "
                         "any more";
}

static struct verdict judge_now(const struct admit_in *in)
{
    return verdict_before_send(&in->policy, in->open, in->is_another, in->first_sent_ms, in->now_ms,
                               in->send_by_ms);
}

/* Its app takes no jobs: it waits, unless it has waited too long. */
static struct decision wait_till_app_takes(const struct admit_in *in)
{
    const struct verdict v = judge_now(in);
    if (v.kind == VERDICT_DEAD)
        return decision_dead(v.reason, v.maybe_sent, why_not_again(in, &v));
    struct decision d = decision_park(in->whole, in->now_ms);
    d.aside = in->aside;
    return d;
}

/* A call that comes so late that it would show in the quiet hours now waits for their end; the plan
 * has seen to one that is sent in time. */
static struct decision wait_till_loud(const struct admit_in *in)
{
    if (in->quiet_for_some)
        return decision_back(in->whole, in->now_ms); /* each of its jobs by itself, then */
    if (in->loud_ms <= in->now_ms)
        return (struct decision){.what = DECIDED_SEND};
    if (in->loud_ms > in->send_by_ms)
        return decision_dead(REASON_EXPIRED, false, "its deadline lies in the quiet hours");
    return decision_retry(in->loud_ms);
}

/* One that may be out already is only repeated, or replaced by policy resend, whose push may be a
 * second one: at any hour. */
static struct decision send_in_time(const struct admit_in *in)
{
    const struct verdict v = judge_now(in);
    if (v.kind == VERDICT_DEAD)
        return decision_dead(v.reason, v.maybe_sent, why_not_again(in, &v));
    if (!in->open)
        return wait_till_loud(in);
    return (struct decision){.what = DECIDED_SEND,
                             .new_token = v.new_token,
                             .text = v.new_token ? why_not_again(in, &v) : NULL};
}

struct decision admit(const struct admit_in *in)
{
    /* Where the lease is lost Redis will say so, and nothing is written. */
    if (in->lease_lost || in->draining || in->outdated || in->refused)
        return decision_back(in->whole, in->now_ms);
    if (in->aside)
        return wait_till_app_takes(in);
    if (!in->slot)
        return (struct decision){.what = DECIDED_WAIT};
    if (!in->lease_safe)
        return (struct decision){.what = DECIDED_HOLD};
    if (!in->may_call || !in->circuit || !in->own)
        return wait_till_app_takes(in);
    return send_in_time(in);
}

/* A part that finds no token comes back when there is one, and so does a push to ALL, which has a
 * turn of its own; other jobs are taken from the parked list as tokens come. */
struct decision admit_token(const struct admit_in *in, enum limit_token token, int64_t wait_ms)
{
    if (token == LIMIT_GO)
        return (struct decision){.what = DECIDED_SEND};
    if (token == LIMIT_WAIT || (in->shared && wait_ms <= LIMIT_MOMENT_MS))
        return (struct decision){.what = DECIDED_HOLD};
    if (in->begun || in->all)
        return decision_retry(in->now_ms + wait_ms);
    return decision_park(in->whole, in->now_ms);
}
