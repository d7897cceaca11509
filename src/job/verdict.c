/* SPDX-License-Identifier: MIT */
#include "job/verdict.h"
#include "base/minmax.h"

/* Throttling has a pace of its own (API reference §6.3): it says nothing about the job. */
enum {
    THROTTLE_BASE_MS = 500,
    THROTTLE_CAP_MS = 20000,
    THROTTLE_SPREAD_MS = 2000, /* where the provider says how long */
    THROTTLE_ALONE_MS = 1000,
    THROTTLE_ALONE_MIN = 5, /* at a quota's edge one call in 45 is throttled alone by chance */
};

/* A longer hint than this is taken for nonsense and cut. */
#define HINT_MAX_MS INT64_C(86400000)

const char *reply_class_name(enum reply_class c)
{
    static const char *const names[] = {
        [REPLY_SENT] = "sent",
        [REPLY_PERMANENT] = "permanent",
        [REPLY_TRANSIENT] = "transient",
        [REPLY_THROTTLED] = "throttled",
        [REPLY_AUTH] = "auth",
        [REPLY_TOKEN] = "token",
        [REPLY_UNKNOWN_4XX] = "unknown_4xx",
        [REPLY_NONCE_USED] = "nonce_used",
        [REPLY_CLOCK] = "clock",
        [REPLY_NOT_SENT] = "not_sent",
        [REPLY_UNANSWERED] = "unanswered",
        [REPLY_CERTIFICATE] = "certificate",
    };
    return names[c];
}

int64_t verdict_backoff(int64_t base_ms, int64_t cap_ms, int64_t attempt, uint64_t random)
{
    int64_t most = min_int(base_ms, cap_ms);
    for (; attempt > 0 && most > 0 && most < cap_ms; attempt--)
        most = most > cap_ms / 2 ? cap_ms : most * 2;
    if (most < 1)
        return 1;
    int64_t drawn = (int64_t)(random % ((uint64_t)most + 1));
    return drawn ? drawn : 1;
}

int64_t verdict_refused_wait_ms(int64_t base_ms, int64_t cap_ms, int64_t refusals, uint64_t random)
{
    int64_t most = min_int(base_ms, cap_ms);
    for (; refusals > 1 && most < cap_ms; refusals--)
        most = most > cap_ms / 2 ? cap_ms : most * 2;
    return most - (int64_t)(random % ((uint64_t)most / 2 + 1));
}

static struct verdict verdict_dead(enum reason reason, bool open, bool counts)
{
    return (struct verdict){
        .kind = VERDICT_DEAD, .reason = reason, .maybe_sent = open, .counts = counts};
}

/* What happens to a call that may have been pushed and may not be repeated as it was: the job dies
 * as ambiguous, or with policy resend the call goes out under a new token. */
static struct verdict ambiguous(const struct verdict_policy *policy, int64_t at_ms, bool counts)
{
    if (!policy->resend_ambiguous)
        return verdict_dead(REASON_AMBIGUOUS, true, counts);
    return (struct verdict){
        .kind = VERDICT_RETRY, .new_token = true, .counts = counts, .at_ms = at_ms};
}

/* A repeat has two limits: the job's deadline, and the window in which the provider knows a token.
 * Past the deadline nothing is sent, so not even policy resend helps a call that may have been
 * pushed: the call stays ambiguous. */
static struct verdict repeat(const struct verdict_policy *policy, bool open, bool counts,
                             int64_t at_ms, int64_t first_sent_ms, int64_t deadline_ms)
{
    if (at_ms > deadline_ms)
        return verdict_dead(open ? REASON_AMBIGUOUS : REASON_EXPIRED, open, counts);
    if (open && at_ms > first_sent_ms + policy->window_ms)
        return ambiguous(policy, at_ms, counts);
    return (struct verdict){
        .kind = VERDICT_RETRY, .maybe_sent = open, .counts = counts, .at_ms = at_ms};
}

/* Is it unknown whether the call was pushed, now or since an earlier attempt? */
static bool maybe_sent_before(const struct verdict_input *in)
{
    return in->unanswered || in->reply->ambiguous || in->reply->class == REPLY_UNANSWERED ||
           in->reply->class == REPLY_NONCE_USED;
}

/* When an answer that is missing would have come: nothing is repeated before. */
static int64_t settled_ms(const struct verdict_policy *policy, const struct verdict_input *in)
{
    if (!maybe_sent_before(in))
        return in->now_ms;
    bool busy = in->reply->goes_on && in->busy_till_ms > in->now_ms;
    return (busy ? in->busy_till_ms : in->now_ms) + policy->settle_ms;
}

static struct verdict verdict_retry(const struct verdict_policy *policy,
                                    const struct verdict_input *in, int64_t delay_ms, bool counts)
{
    int64_t hint = in->reply->retry_after_ms;
    if (hint > HINT_MAX_MS)
        hint = HINT_MAX_MS;
    int64_t at_ms = max_int(settled_ms(policy, in), in->now_ms + max_int(delay_ms, hint));
    return repeat(policy, maybe_sent_before(in), counts, at_ms, in->first_sent_ms, in->deadline_ms);
}

/* A call that is throttled while other calls go through waits longer: its throttling is no sign
 * that calls come too fast. */
static struct verdict throttled(const struct verdict_policy *policy, const struct verdict_input *in)
{
    if (in->alone >= max_int(policy->max_attempts, THROTTLE_ALONE_MIN))
        return verdict_dead(REASON_RETRIES_EXHAUSTED, maybe_sent_before(in), false);
    int64_t hint =
        in->reply->retry_after_ms < HINT_MAX_MS ? in->reply->retry_after_ms : HINT_MAX_MS;
    int64_t cap_ms = hint && !in->alone ? THROTTLE_SPREAD_MS : THROTTLE_CAP_MS;
    int64_t delay_ms = verdict_backoff(THROTTLE_BASE_MS, cap_ms, in->throttles, in->random);
    if (in->alone)
        delay_ms += THROTTLE_ALONE_MS;
    int64_t left_ms = in->deadline_ms - in->now_ms - hint;
    if (delay_ms > left_ms)
        delay_ms = max_int(0, left_ms / 2);
    int64_t at_ms = max_int(settled_ms(policy, in), in->now_ms + hint + delay_ms);
    return repeat(policy, maybe_sent_before(in), false, at_ms, in->first_sent_ms, in->deadline_ms);
}

static struct verdict pause(const struct verdict_policy *policy, const struct verdict_input *in)
{
    return (struct verdict){.kind = VERDICT_PAUSE,
                            .maybe_sent = maybe_sent_before(in),
                            .at_ms = settled_ms(policy, in)};
}

/* The provider refuses this job again and again, while it lets other jobs of the app through. */
static bool is_own_fault(const struct verdict_policy *policy, const struct verdict_input *in)
{
    return policy->max_refusals && in->refusals >= policy->max_refusals;
}

/* Attempts bound the repeats under either policy: resend is for a window that ended, not a way
 * to try for ever. */
static struct verdict failed(const struct verdict_policy *policy, const struct verdict_input *in)
{
    if (in->attempts + 1 >= policy->max_attempts)
        return verdict_dead(in->reply->class == REPLY_UNANSWERED ? REASON_AMBIGUOUS
                                                                 : REASON_RETRIES_EXHAUSTED,
                            maybe_sent_before(in), true);
    return verdict_retry(policy, in,
                         verdict_backoff(policy->base_ms, policy->cap_ms, in->attempts, in->random),
                         true);
}

struct verdict verdict_decide(const struct verdict_policy *policy, const struct verdict_input *in)
{
    switch (in->reply->class) {
    case REPLY_SENT:
        return (struct verdict){.kind = VERDICT_SENT, .counts = true};
    case REPLY_PERMANENT:
    case REPLY_UNKNOWN_4XX:
        return verdict_dead(REASON_PROVIDER_REJECTED, maybe_sent_before(in), true);
    case REPLY_TRANSIENT:
    case REPLY_UNANSWERED:
        return failed(policy, in);
    case REPLY_THROTTLED:
        return throttled(policy, in);
    case REPLY_NOT_SENT:
        return verdict_retry(
            policy, in, verdict_backoff(policy->base_ms, policy->cap_ms, in->attempts, in->random),
            false);
    case REPLY_NONCE_USED:
        return in->retried_special ? verdict_dead(REASON_AMBIGUOUS, true, true)
                                   : verdict_retry(policy, in, 0, false);
    case REPLY_CLOCK:
        return in->retried_special ? pause(policy, in) : verdict_retry(policy, in, 0, false);
    case REPLY_TOKEN:
        return in->keys_renewed ? verdict_retry(policy, in, 0, false) : pause(policy, in);
    case REPLY_AUTH:
        return is_own_fault(policy, in)
                   ? verdict_dead(REASON_PROVIDER_REJECTED, maybe_sent_before(in), true)
                   : pause(policy, in);
    case REPLY_CERTIFICATE:
        break;
    }
    return pause(policy, in);
}

struct verdict verdict_before_send(const struct verdict_policy *policy, bool unanswered,
                                   bool is_another, int64_t first_sent_ms, int64_t now_ms,
                                   int64_t deadline_ms)
{
    if (unanswered && is_another && now_ms <= deadline_ms)
        return ambiguous(policy, now_ms, false);
    return repeat(policy, unanswered, false, now_ms, first_sent_ms, deadline_ms);
}
