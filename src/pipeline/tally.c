/* SPDX-License-Identifier: MIT */
#include "pipeline/tally.h"

#include "base/clock.h"
#include "base/metrics.h"

static void name_labels(void)
{
    for (unsigned i = REASON_NONE + 1; i <= REASON_AMBIGUOUS; i++)
        metrics_name(SET_REASON, i, reason_name((enum reason)i));
    for (unsigned i = REPLY_SENT; i <= REPLY_CERTIFICATE; i++) {
        metrics_name(SET_CLASS, i, reply_class_name((enum reply_class)i));
        if (i != REPLY_SENT)
            metrics_name(SET_RETRY, i, reply_class_name((enum reply_class)i));
    }
    static const char *const targets[] = {[TARGET_DEVICE] = "device",
                                          [TARGET_ACCOUNT] = "account",
                                          [TARGET_ALIAS] = "alias",
                                          [TARGET_TAG] = "tag",
                                          [TARGET_ALL] = "all"};
    for (unsigned i = TARGET_DEVICE; i <= TARGET_ALL; i++)
        metrics_name(SET_TARGET, i, targets[i]);
}

void tally_build(const char *version, const char *commit)
{
    metrics_name(SET_VERSION, 0, version);
    metrics_name(SET_COMMIT, 0, commit);
    metrics_set_pair(METRIC_BUILD, 0, 0, 1);
}

void tally_name(struct config *config)
{
    name_labels();
    for (size_t i = 0; i < config->napps; i++)
        config->apps[i].label = metrics_label(SET_APP, config->apps[i].app.name);
    for (size_t i = 0; i < config->nqueues; i++)
        metrics_label(SET_QUEUE, config->queue_names[i]);
    metrics_name(SET_HASH, 0, config->digest);
    metrics_set_at(METRIC_CONFIG_HASH, 0, 1);
}

void tally_claim(const struct queue_claim *claim, const char *queue)
{
    int64_t taken_over = 0;
    for (size_t i = 0; i < claim->n; i++)
        taken_over += claim->members[i].taken_over;
    metrics_add_at(METRIC_JOBS_CLAIMED, metrics_find(SET_QUEUE, queue), (int64_t)claim->n);
    metrics_add_at(METRIC_JOBS_RECLAIMED, metrics_find(SET_HOW, "lease"), taken_over);
    metrics_observe(METRIC_BATCH_JOBS, 0, (int64_t)claim->n);
}

/* Since the producer's own stamp: another clock, so a little less than nothing may come out. */
static void observe_age(const struct flight *f, enum metric m, int64_t now_ms)
{
    if (f->job.enqueued_at_ms <= 0 || f->job.enqueued_at_ms > now_ms)
        return;
    metrics_observe(m, 0, (now_ms - f->job.enqueued_at_ms) * 1000);
}

void tally_read(const struct flight *f, int64_t began_us)
{
    const struct envelope *v = &f->env;
    metrics_observe(METRIC_RENDER_TIME, 0, clock_mono_us() - began_us);
    if (f->app && !v->attempts && !v->throttles && !v->first_sent_ms && !f->crashes)
        observe_age(f, METRIC_QUEUE_WAIT, f->claimed_at_ms);
}

static unsigned app_label(const struct flight *f)
{
    return f->app ? f->app->label : METRIC_OTHER;
}

static unsigned target_label(const struct call *c)
{
    const struct flight *f = call_leader(c);
    enum target_kind kind = f->plan.calls[f->next].kind;
    return kind == TARGET_IMPLIED ? TARGET_TAG : kind;
}

void tally_token(const struct call *c)
{
    if (c->tokenless_us)
        metrics_observe(METRIC_FLOW_WAIT_TIME, 0, clock_mono_us() - c->tokenless_us);
}

void tally_reply(const struct call *c, const struct reply *reply, int64_t began_us)
{
    unsigned api = metrics_find(SET_API, call_action_name(c));
    metrics_add_pair(METRIC_CALLS, api, reply->class, 1);
    metrics_observe(METRIC_CALL_TIME, api, clock_mono_us() - began_us);
    if (reply->class == REPLY_THROTTLED)
        metrics_add_at(METRIC_CALLS_THROTTLED, app_label(call_leader(c)), 1);
    if (reply->class == REPLY_SENT)
        metrics_add_at(METRIC_PUSH_TARGETS, target_label(c), 1);
}

static void tally_dead(const struct flight *f)
{
    metrics_add_pair(METRIC_JOBS_DEAD, app_label(f), f->reason, 1);
    metrics_add(METRIC_JOBS_EXPIRED, f->reason == REASON_EXPIRED);
}

void tally_end(const struct flight *f)
{
    switch (f->end) {
    case END_SENT:
        metrics_add_at(METRIC_JOBS_SENT, app_label(f), 1);
        observe_age(f, METRIC_END_TO_END, f->sent_at_ms);
        break;
    case END_DUPLICATE:
        metrics_add(METRIC_JOBS_DUPLICATE, 1);
        break;
    case END_DEAD:
        tally_dead(f);
        break;
    case END_RETRY:
        metrics_add_at(METRIC_JOBS_RETRIED, f->call->has_reply ? f->call->last.class : METRIC_OTHER,
                       1);
        break;
    case END_PARK:
        metrics_add_at(METRIC_JOBS_PARKED, app_label(f), 1);
        break;
    case END_RETURN:
        metrics_add(METRIC_JOBS_RETURNED, 1);
        break;
    }
}
