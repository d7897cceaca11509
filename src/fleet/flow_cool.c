/* SPDX-License-Identifier: MIT
 * What the provider's answers say of a limit: who was throttled, when an account rests, and what
 * the fleet says of both. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "fleet/flow_core.h"

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

void flow_set_cool(struct flow_bucket *b, int64_t now, int64_t left_ms, const char *by)
{
    b->stock = 0;
    if (now + left_ms <= b->cooled_ms + COOL_SAME_MS)
        return;
    bool fresh = now >= b->cooled_ms;
    b->cooled_ms = now + left_ms;
    if (!fresh)
        return;
    metrics_add(METRIC_FLOW_COOLED, 1);
    bool named = b->named_ms && now - b->named_ms < COOL_NAMED_MS;
    if (left_ms < COOL_TOLD_MS || (named && left_ms <= COOL_LONG_MS))
        return;
    b->named_ms = now;
    log_warn("event=limit_cooled limit=%s ms=%lld by=%s", log_value(b->name), (long long)left_ms,
             by);
}

void flow_adopt_cool(struct flow *f, const char *bucket, int64_t left_ms)
{
    struct flow_bucket *b = flow_find(f, bucket);
    int64_t now = clock_mono_ms();
    if (!b || left_ms <= 0 || left_ms > COOL_MAX_MS)
        return;
    b->cool_named = true;
    flow_set_cool(b, now, left_ms, "fleet");
    flow_set_wake(f, now);
}

/* One that Redis has yet to hear of, or that is too short for it to name, stays. */
void flow_end_cool(struct flow_bucket *b, int64_t now)
{
    if (b->cool_named || b->cooled_ms <= now + COOL_TOLD_MS || b->report.throttled || b->asked)
        return;
    b->cooled_ms = b->blocked_ms = now;
    log_warn("event=limit_cool_ended limit=%s", log_value(b->name));
}

/* --- answers --------------------------------------------------------------------------------- */

void flow_passed(struct flow *f, size_t app, enum flow_action action)
{
    if (app >= f->config->napps)
        return; /* removed by a reload */
    struct flow_bucket *b = flow_account(f, f->app_account[app], action);
    b->report.through++;
    b->passed++;
    b->row = 0;
}

static void note_throttled(struct flow_bucket *b, const struct flow_throttle *t, int64_t now)
{
    struct flow_report *r = &b->report;
    if (!r->throttled || now - t->age_ms > b->sent_ms)
        b->sent_ms = now - t->age_ms;
    r->first = r->throttled ? r->first : t->call;
    r->last = t->call;
    r->throttled++;
    if (t->hint_ms > r->hint_ms)
        r->hint_ms = t->hint_ms;
    b->turns += b->who != t->call;
    b->who = t->call;
    b->watched_ms = now + WATCHED_MS;
}

/* Two different calls with none let through between them: that much is known here without asking
 * Redis, which has the last word. */
int64_t flow_throttled(struct flow *f, size_t app, enum flow_action action,
                       const struct flow_throttle *t)
{
    if (app >= f->config->napps)
        return 0; /* removed by a reload */
    struct flow_bucket *b = flow_account(f, f->app_account[app], action);
    int64_t now = clock_mono_ms();
    note_throttled(b, t, now);
    if (b->row && b->row != t->call)
        flow_set_cool(b, now, t->hint_ms > 0 ? t->hint_ms : COOL_GUESS_MS, "self");
    b->row = t->call;
    flow_want(f, b);
    flow_set_wake(f, now);
    return b->cooled_ms > now ? b->cooled_ms - now : 0;
}

struct flow_mark flow_mark(struct flow *f, size_t app, enum flow_action action)
{
    if (app >= f->config->napps)
        return (struct flow_mark){0};
    const struct flow_bucket *b = flow_account(f, f->app_account[app], action);
    return (struct flow_mark){b->passed, b->turns};
}

bool flow_alone(const struct flow_mark *then, const struct flow_mark *now)
{
    return then->turns && now->turns == then->turns && now->passed - then->passed >= ALONE_PASSED;
}

bool flow_mass_rests(struct flow *f, size_t app)
{
    const struct flow_bucket *b = flow_account(f, f->app_account[app], FLOW_MASSPUSH);
    return b->cooled_ms > clock_mono_ms() + FLOW_MOMENT_MS;
}

/* --- the fleet's word ------------------------------------------------------------------------ */

void flow_merge_report(struct flow_report *to, const struct flow_report *older)
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
void flow_hear(struct flow_bucket *b, const struct flow_grant *g, int64_t now)
{
    if (g->turns != b->turns && g->turns)
        b->watched_ms = now + WATCHED_MS;
    b->passed = g->passed + b->report.through;
    if (!b->report.throttled) {
        b->turns = g->turns;
        b->who = g->who;
    }
    if (b->told.throttled && b->cooled_ms > now + g->rest_ms)
        b->cooled_ms = now + g->rest_ms;
    if (g->rest_ms)
        flow_set_cool(b, now, g->rest_ms, b->told.throttled ? "self" : "fleet");
    b->told = (struct flow_report){0};
}
