/* SPDX-License-Identifier: MIT */
#include "cli/fleet/stats_fleet.h"

#include "cli/fleet/fleet_view.h"

/* --- as JSON --------------------------------------------------------------------------------- */

/* What is no UTF-8 is as good as unknown. */
static json_t *text_or_null(const char *s)
{
    json_t *v = s ? json_string(s) : NULL;
    return v ? v : json_null();
}

static json_t *real_or_null(double value, bool known)
{
    return known ? json_real(value) : json_null();
}

static json_t *limits_json(const struct fleet_view *a)
{
    json_t *all = json_array();
    for (size_t i = 0; i < a->nlimits; i++) {
        const struct fleet_view_limit *l = &a->limits[i];
        if (fleet_view_matters(l))
            json_array_append_new(
                all, json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "name", text_or_null(l->name),
                               "configured", real_or_null(l->configured, l->configured >= 0),
                               "override", real_or_null(l->override, l->override >= 0), "rate",
                               real_or_null(l->rate, l->used), "tokens",
                               real_or_null(l->tokens, l->used), "cooling_ms",
                               (json_int_t)l->cooled_ms));
    }
    return all;
}

static json_t *paused_json(const struct fleet_view *a)
{
    json_t *all = json_array();
    for (size_t i = 0; i < a->npauses; i++) {
        int64_t till_ms = a->pauses[i].till_ms;
        json_array_append_new(all,
                              json_pack("{s:o, s:o}", "app", text_or_null(a->pauses[i].app),
                                        "until", till_ms ? json_integer(till_ms) : json_null()));
    }
    return all;
}

static json_t *circuits_json(const struct fleet_view *a)
{
    json_t *all = json_array();
    for (size_t i = 0; i < a->ncircuits; i++) {
        const struct fleet_view_circuit *c = &a->circuits[i];
        json_array_append_new(
            all, json_pack("{s:o, s:s, s:I, s:I, s:o}", "app", text_or_null(c->app), "state",
                           c->probed ? "probing" : "open", "since", (json_int_t)c->since_ms,
                           "probe_at", (json_int_t)c->probe_at_ms, "why", text_or_null(c->why)));
    }
    return all;
}

void stats_fleet_take(struct tool *t, json_t *stats)
{
    struct fleet_view a;
    bool ok = fleet_view_read(t, &a);
    json_object_set_new(stats, "limits", ok ? limits_json(&a) : json_null());
    json_object_set_new(stats, "paused", ok ? paused_json(&a) : json_null());
    json_object_set_new(stats, "circuits", ok ? circuits_json(&a) : json_null());
    fleet_view_free(&a);
}

/* --- one screen ------------------------------------------------------------------------------ */

static const char *text_member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* ", <before><so long><after>" */
static void print_time(int64_t ms, const char *before, const char *after, FILE *out)
{
    char age[TOOL_AGE_SIZE];
    tool_age(ms, age);
    fputs(before, out);
    fputs(age, out);
    fputs(after, out);
}

static void print_pause(const json_t *p, int64_t now_ms, FILE *out)
{
    const char *app = text_member(p, "app");
    const json_t *until = json_object_get(p, "until");
    fputs("paused: ", out);
    tool_cell(out, app ? app : "all apps", 0);
    if (json_is_integer(until))
        print_time(json_integer_value(until) - now_ms + 999, ", ", " more\n", out);
    else
        fputs(", until resume\n", out);
}

static void print_circuit(const json_t *c, int64_t now_ms, FILE *out)
{
    int64_t probe_at = json_integer_value(json_object_get(c, "probe_at"));
    fputs("circuit of ", out);
    tool_cell(out, text_member(c, "app"), 0);
    cli_put(out, ": %s", text_member(c, "state"));
    print_time(now_ms - json_integer_value(json_object_get(c, "since")), ", trouble for ", "", out);
    if (probe_at > now_ms)
        print_time(probe_at - now_ms + 999, ", next probe in ", "", out);
    else
        fputs(", probe due", out);
    fputs(", why: ", out);
    tool_cell(out, text_member(c, "why"), 0);
    putc('\n', out);
}

static void print_limit_rate(const json_t *limit, FILE *out)
{
    const json_t *configured = json_object_get(limit, "configured");
    const json_t *override = json_object_get(limit, "override");
    const json_t *rate = json_is_real(override) ? override : configured;
    if (!json_is_real(rate))
        fputs("not configured here", out);
    else if (json_real_value(rate) > 0)
        fprintf(out, "%.6g/s", json_real_value(rate));
    else
        fputs("no limit", out);
    if (json_is_real(override) && json_is_real(configured))
        fprintf(out, " (configured %.6g/s)", json_real_value(configured));
}

static void print_limit(const json_t *l, int64_t now_ms, FILE *out)
{
    const json_t *rate = json_object_get(l, "rate");
    int64_t cooling_ms = json_integer_value(json_object_get(l, "cooling_ms"));
    (void)now_ms;
    fputs("limit ", out);
    tool_cell(out, text_member(l, "name"), 0);
    fputs(": ", out);
    print_limit_rate(l, out);
    if (json_is_real(rate))
        fprintf(out, ", now %.6g/s, tokens %.0f", json_real_value(rate),
                json_real_value(json_object_get(l, "tokens")));
    else
        fputs(", not in use", out);
    if (cooling_ms)
        print_time(cooling_ms + 999, ", cooling for ", "", out);
    putc('\n', out);
}

void stats_fleet_print(const json_t *stats, FILE *out)
{
    static const struct {
        const char *member;
        void (*print)(const json_t *item, int64_t now_ms, FILE *out);
    } lists[] = {{"paused", print_pause}, {"circuits", print_circuit}, {"limits", print_limit}};
    int64_t now_ms = json_integer_value(json_object_get(stats, "at"));
    if (!json_is_array(json_object_get(stats, "limits")))
        fputs("pauses, circuits, limits: Redis did not show them\n", out);
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        const json_t *all = json_object_get(stats, lists[k].member);
        for (size_t i = 0; i < json_array_size(all); i++)
            lists[k].print(json_array_get(all, i), now_ms, out);
    }
}
