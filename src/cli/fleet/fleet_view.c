/* SPDX-License-Identifier: MIT */
#include "cli/fleet/fleet_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "fleet/limits.h"

enum { LIMITS_MAX = FLEET_LIMITS_MAX + 1024 };

/* --- limits ---------------------------------------------------------------------------------- */

static struct fleet_view_limit *limit_of(struct fleet_view *a, const char *name)
{
    for (size_t i = 0; i < a->nlimits; i++)
        if (strcmp(a->limits[i].name, name) == 0)
            return &a->limits[i];
    if (a->nlimits == LIMITS_MAX)
        return NULL;
    struct fleet_view_limit *l = &a->limits[a->nlimits++];
    *l = (struct fleet_view_limit){.configured = -1, .override = -1};
    snprintf(l->name, sizeof l->name, "%s", name);
    return l;
}

static void read_config(struct fleet_view *a, const struct config *config)
{
    struct limit_setting *limits = mem_zalloc(LIMITS_MAX * sizeof *limits);
    size_t n = limits_of_config(config, limits, NULL);
    for (size_t i = 0; i < n; i++)
        limit_of(a, limits[i].name)->configured = limits[i].per_s;
    mem_free(limits);
}

/* "tokens stamp rate until strikes limit burst", as lua/flow.lua left it; refilled up to now. */
static void read_bucket(struct fleet_view *a, const char *name, const char *value)
{
    double tokens, stamp, rate, until, limit, burst;
    struct fleet_view_limit *l = limit_of(a, name);
    if (!l || sscanf(value, "%lf %lf %lf %lf %*s %lf %lf", &tokens, &stamp, &rate, &until, &limit,
                     &burst) != 6)
        return;
    double from = until > stamp ? until : stamp, now = (double)a->now_ms;
    tokens += now > from ? rate * (now - from) / 1000 : 0;
    l->used = true;
    l->rate = rate;
    l->tokens = tokens < burst ? tokens : burst;
    l->cooled_ms = until > now ? number_whole(until - now) : 0;
}

static void read_override(struct fleet_view *a, const char *name, const char *value)
{
    struct fleet_view_limit *l = limit_of(a, name);
    double per_s;
    if (l && limit_rate_read(value, &per_s))
        l->override = per_s;
}

bool fleet_view_matters(const struct fleet_view_limit *l)
{
    return l->used || l->override >= 0 || !text_starts(l->name, "all@");
}

/* --- pauses, circuits ------------------------------------------------------------------------ */

/* One whose time is over stays in Redis until the next change. */
static void read_pause(struct fleet_view *a, const char *app, const char *value)
{
    int64_t till_ms;
    if (!text_int(value, 0, NUMBER_MAX, &till_ms) || (till_ms && till_ms <= a->now_ms))
        return;
    a->pauses = mem_resize(a->pauses, (a->npauses + 1) * sizeof *a->pauses);
    a->pauses[a->npauses++] = (struct fleet_view_pause){
        .app = strcmp(app, "*") == 0 ? NULL : mem_strdup(app), .till_ms = till_ms};
}

static void read_circuit(struct fleet_view *a, const char *app, const char *value)
{
    struct circuit_view share;
    fleet_store_read_circuit(NULL, value, "", a->now_ms, &share);
    if (!share.open)
        return;
    a->circuits = mem_resize(a->circuits, (a->ncircuits + 1) * sizeof *a->circuits);
    a->circuits[a->ncircuits++] = (struct fleet_view_circuit){.app = mem_strdup(app),
                                                              .why = mem_strdup(share.why),
                                                              .probed = share.probed,
                                                              .since_ms = share.since_ms,
                                                              .probe_at_ms = share.probe_at_ms};
}

static void read_fleet_field(struct fleet_view *a, const char *field, const char *value)
{
    static const struct {
        const char *kind;
        void (*read)(struct fleet_view *a, const char *name, const char *value);
    } kinds[] = {{"rate:", read_override}, {"pause:", read_pause}, {"circuit:", read_circuit}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_starts(field, kinds[i].kind))
            kinds[i].read(a, field + strlen(kinds[i].kind), value);
}

/* --- reading --------------------------------------------------------------------------------- */

static bool read_hash(struct tool *t, const char *kind, struct fleet_view *a,
                      void (*each)(struct fleet_view *, const char *, const char *))
{
    struct tool_rows r =
        tool_peek(t, tool_first(t), &(struct queue_question){.what = PEEK_HASH, .name = kind});
    bool ok = r.ok;
    for (size_t i = 0; i + 1 < r.n; i += 2)
        each(a, r.v[i].p, r.v[i + 1].p);
    tool_rows_free(&r);
    return ok;
}

bool fleet_view_read(struct tool *t, struct fleet_view *out)
{
    *out = (struct fleet_view){.limits = mem_zalloc(LIMITS_MAX * sizeof *out->limits)};
    read_config(out, t->config);
    if (!tool_clock(t, tool_first(t)))
        return false;
    out->now_ms = queue_now_ms(tool_first(t));
    return read_hash(t, "flow", out, read_bucket) && read_hash(t, "control", out, read_fleet_field);
}

void fleet_view_free(struct fleet_view *a)
{
    for (size_t i = 0; i < a->npauses; i++)
        mem_free(a->pauses[i].app);
    for (size_t i = 0; i < a->ncircuits; i++) {
        mem_free(a->circuits[i].app);
        mem_free(a->circuits[i].why);
    }
    mem_free(a->limits);
    mem_free(a->pauses);
    mem_free(a->circuits);
    *a = (struct fleet_view){0};
}
