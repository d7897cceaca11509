/* SPDX-License-Identifier: MIT
 * What the provider's answers say of a limit: who was throttled, when an account rests, and what
 * the fleet says of both. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fleet/limits_core.h"

enum {
    COOL_GUESS_MS = 100,   /* until Redis has said how long */
    COOL_SAME_MS = 50,     /* a cool-down that ends so much later is no news */
    COOL_TOLD_MS = 100,    /* the control hash names no shorter one */
    COOL_NAMED_MS = 10000, /* one log line for many that follow each other */
    COOL_MAX_MS = 3600000, /* the script names no longer one */
    COOL_LONG_MS = 2000,   /* but for a longer one */
    WATCHED_MS = 60000,
    ALONE_PASSED = 16, /* calls that went through while one and the same was throttled twice */
};

void limits_set_cool(struct limit *l, int64_t now, int64_t left_ms, const char *by)
{
    l->tokens = 0;
    if (now + left_ms <= l->cooled_ms + COOL_SAME_MS)
        return;
    bool fresh = now >= l->cooled_ms;
    l->cooled_ms = now + left_ms;
    if (!fresh)
        return;
    metrics_add(METRIC_FLOW_COOLED, 1);
    bool named = l->named_ms && now - l->named_ms < COOL_NAMED_MS;
    if (left_ms < COOL_TOLD_MS || (named && left_ms <= COOL_LONG_MS))
        return;
    l->named_ms = now;
    log_warn("event=limit_cooled limit=%s ms=%lld by=%s", log_value(l->name), (long long)left_ms,
             by);
}

void limits_adopt_cool(struct limits *f, const char *name, int64_t left_ms)
{
    struct limit *l = limits_find(f, name);
    int64_t now = clock_mono_ms();
    if (!l || left_ms <= 0 || left_ms > COOL_MAX_MS)
        return;
    l->cool_named = true;
    limits_set_cool(l, now, left_ms, "fleet");
    limits_set_wake(f, now);
}

/* One that Redis has yet to hear of, or that is too short for it to name, stays. */
void limits_end_cool(struct limit *l, int64_t now)
{
    if (l->cool_named || l->cooled_ms <= now + COOL_TOLD_MS || l->report.throttled || l->asked)
        return;
    l->cooled_ms = l->blocked_ms = now;
    log_warn("event=limit_cool_ended limit=%s", log_value(l->name));
}

/* --- answers --------------------------------------------------------------------------------- */

void limits_passed(struct limits *f, size_t app, enum limit_action action)
{
    if (app >= f->config->napps)
        return; /* removed by a reload */
    struct limit *l = limits_account(f, f->app_account[app], action);
    l->report.through++;
    l->passed++;
    l->row = 0;
}

static void note_limit_throttled(struct limit *l, const struct limit_throttle *t, int64_t now)
{
    struct limit_report *r = &l->report;
    if (!r->throttled || now - t->age_ms > l->sent_ms)
        l->sent_ms = now - t->age_ms;
    r->first = r->throttled ? r->first : t->call;
    r->last = t->call;
    r->throttled++;
    if (t->hint_ms > r->hint_ms)
        r->hint_ms = t->hint_ms;
    l->turns += l->who != t->call;
    l->who = t->call;
    l->watched_ms = now + WATCHED_MS;
}

/* Two different calls with none let through between them: that much is known here without asking
 * Redis, which has the last word. */
int64_t limits_throttled(struct limits *f, size_t app, enum limit_action action,
                         const struct limit_throttle *t)
{
    if (app >= f->config->napps)
        return 0; /* removed by a reload */
    struct limit *l = limits_account(f, f->app_account[app], action);
    int64_t now = clock_mono_ms();
    note_limit_throttled(l, t, now);
    if (l->row && l->row != t->call)
        limits_set_cool(l, now, t->hint_ms > 0 ? t->hint_ms : COOL_GUESS_MS, "self");
    l->row = t->call;
    limits_want(f, l);
    limits_set_wake(f, now);
    return l->cooled_ms > now ? l->cooled_ms - now : 0;
}

struct limit_mark limit_mark(const struct limits *f, size_t app, enum limit_action action)
{
    if (app >= f->config->napps)
        return (struct limit_mark){0};
    const struct limit *l = limits_account(f, f->app_account[app], action);
    return (struct limit_mark){l->passed, l->turns};
}

bool limits_one_call_only(const struct limit_mark *then, const struct limit_mark *now)
{
    return then->turns && now->turns == then->turns && now->passed - then->passed >= ALONE_PASSED;
}

bool limits_mass_rests(const struct limits *f, size_t app)
{
    const struct limit *l = limits_account(f, f->app_account[app], LIMIT_MASSPUSH);
    return l->cooled_ms > clock_mono_ms() + LIMIT_MOMENT_MS;
}

/* --- the fleet's word ------------------------------------------------------------------------ */

void limits_merge_report(struct limit_report *to, const struct limit_report *older)
{
    if (older->throttled && !to->throttled)
        to->last = older->last;
    if (older->throttled)
        to->first = older->first;
    to->through += older->through;
    to->throttled += older->throttled;
    if (older->hint_ms > to->hint_ms)
        to->hint_ms = older->hint_ms;
}

/* What was told with this ask ends a guess of our own; else a rest can only be longer. */
void limits_hear(struct limit *l, const struct limit_grant *g, int64_t now)
{
    if (g->turns != l->turns && g->turns)
        l->watched_ms = now + WATCHED_MS;
    l->passed = g->passed + l->report.through;
    if (!l->report.throttled) {
        l->turns = g->turns;
        l->who = g->who;
    }
    if (l->told.throttled && l->cooled_ms > now + g->rest_ms)
        l->cooled_ms = now + g->rest_ms;
    if (g->rest_ms)
        limits_set_cool(l, now, g->rest_ms, l->told.throttled ? "self" : "fleet");
    l->told = (struct limit_report){0};
}
