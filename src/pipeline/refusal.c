/* SPDX-License-Identifier: MIT */
#include "pipeline/refusal.h"

#include <stdio.h>

#include "aliyun/errors.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"
#include "pipeline/bundle.h"
#include "pipeline/ending.h"
#include "pipeline/pipeline_core.h"

/* A call of its kind that may be out stays one, and is tried again after so long. */
enum { MASS_AGAIN_MS = 5000, SHARED_STOP_NAME_SIZE = 80 };

/* --- shared calls ---------------------------------------------------------------------------- */

/* As fleet_tell() knows it. */
static const char *stop_name(const char *account, char out[SHARED_STOP_NAME_SIZE])
{
    snprintf(out, SHARED_STOP_NAME_SIZE, "masspush:%s", account);
    return out;
}

struct stop_news {
    char account[sizeof((struct config_app){0}.account_label)];
    char code[96], request_id[64], message[201];
};

/* Each worker finds out by itself, since its keys may be others; a warning comes from the first. */
static void say_stop(void *arg, bool first)
{
    struct stop_news *n = arg;
    log_at(first ? LOG_WARN : LOG_INFO,
           "event=shared_calls_stopped account=%s code=%s request_id=%s message=%s again_ms=%d",
           log_value(n->account), log_value(n->code), log_value(n->request_id),
           log_value(n->message), SHARED_STOP_MS);
    mem_free(n);
}

static void tell_stop(const struct flight *f)
{
    char name[SHARED_STOP_NAME_SIZE];
    struct stop_news *n = mem_zalloc(sizeof *n);
    snprintf(n->account, sizeof n->account, "%s", f->app->account_label);
    snprintf(n->code, sizeof n->code, "%s", f->last.code);
    snprintf(n->request_id, sizeof n->request_id, "%s", f->last.request_id);
    said_copy(n->message, sizeof n->message, f->last.message);
    fleet_tell(f->pipeline->fleet, stop_name(n->account, name), SHARED_STOP_MS, say_stop, n);
}

static void untell_stop(const struct pipeline *p, const char *account)
{
    char name[SHARED_STOP_NAME_SIZE];
    fleet_untell(p->fleet, stop_name(account, name));
}

void refusal_forget(struct pipeline *p)
{
    for (size_t i = 0; i < p->stops.n; i++)
        untell_stop(p, p->stops.v[i].account);
    shared_stop_clear(&p->stops);
    metrics_set(METRIC_SHARED_STOPPED, 0);
}

static void stop_sharing(struct flight *f)
{
    struct shared_stop *stops = &f->pipeline->stops;
    const char *account = f->app->account_label;
    int64_t now = clock_mono_ms();
    if (shared_stop_note(stops, account, now))
        tell_stop(f);
    metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(stops, now));
}

/* Where a Push is refused alike, it was not the action. */
static void note_push(struct flight *f)
{
    struct shared_stop *stops = &f->pipeline->stops;
    if (f->last.class != REPLY_AUTH || !errors_names_action(f->last.code))
        return;
    if (shared_stop_holds(stops, f->app->account_label, clock_mono_ms()))
        untell_stop(f->pipeline, f->app->account_label);
    shared_stop_lift(stops, f->app->account_label);
    metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(stops, clock_mono_ms()));
}

bool refusal_of_mass(struct flight *f)
{
    if (bundle_action(f) != LIMIT_MASSPUSH) {
        note_push(f);
        return false;
    }
    if (f->last.class != REPLY_AUTH || !errors_names_action(f->last.code))
        return false;
    stop_sharing(f);
    if (bundle_is_open(f))
        ending_retry(f, queue_lease_now_ms(f->lease) + MASS_AGAIN_MS);
    else
        ending_dissolve(f);
    return true;
}

bool refusal_allows_mass(const struct pipeline *p, size_t app)
{
    const char *account = p->config->apps[app].account_label;
    return !shared_stop_holds(&p->stops, account, clock_mono_ms()) &&
           !limits_mass_rests(fleet_limits(p->fleet), app);
}

/* --- rates ----------------------------------------------------------------------------------- */

/* Of what is throttled: a call, which several jobs may share. */
static uint32_t call_number(const struct flight *f)
{
    uint32_t h = 2166136261;
    for (const char *p = f->bundle ? f->bundle->id : f->env.uid; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619;
    return h ? h : 1;
}

static void note_alone(struct flight *f, bool alone, const struct limit_mark *now)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++) {
        struct envelope *env = &all[i]->env;
        env->alone = alone ? env->alone + 1 : 0;
        env->alone_passed = now->passed;
        env->alone_turns = now->turns;
    }
}

static void note_throttled(struct flight *f, struct limits *limits, size_t app)
{
    const struct limit_throttle t = {.call = call_number(f),
                                    .hint_ms = f->last.retry_after_ms,
                                    .age_ms = clock_boot_ms() - f->checked_boot_ms};
    const struct limit_mark then = {f->env.alone_passed, f->env.alone_turns};
    f->rest_ms = limits_throttled(limits, app, bundle_action(f), &t);
    const struct limit_mark now = limit_mark(limits, app, bundle_action(f));
    note_alone(f, limits_one_call_only(&then, &now), &now);
}

/* Every answer that is no throttling came past the provider's limits, unless it came from before
 * them: keys are looked at first, and what is overloaded counts nothing. */
void refusal_note_rate(struct flight *f)
{
    struct limits *limits = fleet_limits(f->pipeline->fleet);
    size_t app = pipeline_app(f);
    switch (f->last.class) {
    case REPLY_THROTTLED:
        note_throttled(f, limits, app);
        break;
    case REPLY_SENT:
    case REPLY_PERMANENT:
    case REPLY_UNKNOWN_4XX:
        limits_passed(limits, app, bundle_action(f));
        note_alone(f, false, &(struct limit_mark){0});
        break;
    default:
        break;
    }
}

int64_t refusal_due_ms(struct flight *f, int64_t at_ms)
{
    int64_t rested_ms = queue_lease_now_ms(f->lease) + f->rest_ms;
    return rested_ms > at_ms ? rested_ms : at_ms;
}
