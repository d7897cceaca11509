/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shared_stops.h"

#include <stdio.h>

#include "aliyun/errors.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"
#include "pipeline/pipeline_core.h"

enum { SHARED_STOP_NAME_SIZE = 80 };

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

static const char *stops_account(const struct call *c)
{
    return call_leader(c)->app->account_label;
}

static void tell_stop(const struct call *c)
{
    char name[SHARED_STOP_NAME_SIZE];
    struct stop_news *n = mem_zalloc(sizeof *n);
    snprintf(n->account, sizeof n->account, "%s", stops_account(c));
    snprintf(n->code, sizeof n->code, "%s", c->last.code);
    snprintf(n->request_id, sizeof n->request_id, "%s", c->last.request_id);
    said_copy(n->message, sizeof n->message, c->last.message);
    fleet_tell(c->pipeline->fleet, stop_name(n->account, name), SHARED_STOP_MS, say_stop, n);
}

static void untell_stop(const struct pipeline *p, const char *account)
{
    char name[SHARED_STOP_NAME_SIZE];
    fleet_untell(p->fleet, stop_name(account, name));
}

void shared_stops_forget(struct pipeline *p)
{
    for (size_t i = 0; i < p->stops.n; i++)
        untell_stop(p, p->stops.v[i].account);
    shared_stop_clear(&p->stops);
    metrics_set(METRIC_SHARED_STOPPED, 0);
}

static void stop_sharing(struct call *c)
{
    struct shared_stop *stops = &c->pipeline->stops;
    int64_t now = clock_mono_ms();
    if (shared_stop_note(stops, stops_account(c), now))
        tell_stop(c);
    metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(stops, now));
}

/* Where a Push is refused alike, it was not the action. */
static void lift_stop(struct call *c)
{
    struct shared_stop *stops = &c->pipeline->stops;
    if (shared_stop_holds(stops, stops_account(c), clock_mono_ms()))
        untell_stop(c->pipeline, stops_account(c));
    shared_stop_lift(stops, stops_account(c));
    metrics_set(METRIC_SHARED_STOPPED, (int64_t)shared_stop_count(stops, clock_mono_ms()));
}

bool shared_stops_note(struct call *c)
{
    if (c->last.class != REPLY_AUTH || !errors_names_action(c->last.code))
        return false;
    if (c->mass)
        stop_sharing(c);
    else
        lift_stop(c);
    return c->mass;
}

bool shared_stops_allow(const struct pipeline *p, size_t app)
{
    const char *account = p->config->apps[app].account_label;
    return !shared_stop_holds(&p->stops, account, clock_mono_ms()) &&
           !limits_mass_rests(fleet_limits(p->fleet), app);
}
