/* SPDX-License-Identifier: MIT
 * pushbridge limit: shows the rate limits that all workers keep, and changes them while they run.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "cli/fleet/fleet_change.h"
#include "cli/fleet/fleet_view.h"

enum { FIELD_SIZE = LIMIT_NAME_SIZE + 8 };
#define RATE_MAX INT64_C(10000000)

enum { LIMIT_LS, LIMIT_SET, LIMIT_RESET };
static const struct args_verb verbs[] = {
    [LIMIT_LS] = {"ls", "[-c FILE]", "", 0, 0, "what is configured, changed and in force", NULL},
    [LIMIT_SET] = {"set", "[-c FILE]", "NAME RATE", 2, 2,
                   "put RATE (a whole number, 0: no limit) over the configured one", NULL},
    [LIMIT_RESET] = {"reset", "[-c FILE]", "NAME", 1, 1,
                     "take that away again, and end a cool-down", NULL},
};

struct limits {
    struct tool *tool;
    struct fleet_view view;
    bool ok;
};

/* --- showing --------------------------------------------------------------------------------- */

static void print_rate_cell(double per_s)
{
    if (per_s < 0)
        cli_put(stdout, " %10s", "-");
    else if (per_s == 0)
        cli_put(stdout, " %10s", "none");
    else
        printf(" %10.6g", per_s);
}

static void print_row(const struct fleet_view_limit *r)
{
    cli_put(stdout, "%-40s", r->name);
    print_rate_cell(r->configured);
    print_rate_cell(r->override);
    if (r->used)
        printf(" %10.6g %10.0f %10" PRId64 "\n", r->rate, r->tokens, r->cooled_ms);
    else
        cli_line(stdout, " %10s %10s %10s", "-", "-", "-");
}

static int list_limits(struct limits *l)
{
    if (!fleet_view_read(l->tool, &l->view))
        return CLI_FAILED;
    cli_line(stdout, "%-40s %10s %10s %10s %10s %10s", "LIMIT", "CONFIGURED", "OVERRIDE", "NOW",
             "TOKENS", "COOLED_MS");
    for (size_t i = 0; i < l->view.nlimits; i++)
        if (fleet_view_matters(&l->view.limits[i]))
            print_row(&l->view.limits[i]);
    return CLI_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

static bool is_known_limit(struct limits *l, const char *name)
{
    if (!fleet_view_read(l->tool, &l->view))
        return false;
    for (size_t i = 0; i < l->view.nlimits; i++)
        if (strcmp(l->view.limits[i].name, name) == 0)
            return true;
    cli_line(stderr, "pushbridge limit: there is no limit \"%s\" (see pushbridge limit ls)", name);
    return false;
}

static int set_limit(struct limits *l, const char *name, const char *rate)
{
    char field[FIELD_SIZE];
    int64_t found;
    if (!is_known_limit(l, name))
        return CLI_FAILED;
    snprintf(field, sizeof field, "rate:%s", name);
    if (!fleet_change(l->tool->link, l->tool->config, "limit", (const char *const[]){field, rate},
                      1, &found))
        return CLI_FAILED;
    bool none = number_read(rate) == 0;
    cli_line(stdout, "%s: %s%s", name, none ? "no limit" : rate, none ? "" : " per second");
    return CLI_OK;
}

static void on_dropped(void *arg, redisReply *reply)
{
    ((struct limits *)arg)->ok = reply && reply->type == REDIS_REPLY_INTEGER;
}

static int reset_limit(struct limits *l, const char *name)
{
    char rate[FIELD_SIZE], cool[FIELD_SIZE];
    int64_t found;
    if (!is_known_limit(l, name))
        return CLI_FAILED;
    snprintf(rate, sizeof rate, "rate:%s", name);
    snprintf(cool, sizeof cool, "cool:%s", name);
    l->ok = false;
    char *flow = fleet_store_key(l->tool->config->queue_names[0], "flow");
    link_command(l->tool->link, 3, (const char *[]){"HDEL", flow, name}, NULL, 0, on_dropped, l);
    mem_free(flow);
    const char *const pairs[] = {rate, "", cool, ""};
    if (!fleet_change(l->tool->link, l->tool->config, "limit", pairs, 2, &found) || !l->ok)
        return CLI_FAILED;
    cli_line(stdout, "%s: as configured", name);
    return CLI_OK;
}

/* --- command --------------------------------------------------------------------------------- */

static bool check_limit(void *args, struct err *e)
{
    const struct args *given = args;
    int64_t ignored;
    return given->verb != &verbs[LIMIT_SET] || text_int(given->words[1], 0, RATE_MAX, &ignored) ||
           err_set(e, "\"%.64s\" is not a whole number of calls per second, 0 to %lld",
                   given->words[1], (long long)RATE_MAX);
}

static int act_limit(struct tool *t, const void *args)
{
    const struct args *given = args;
    struct limits limits = {.tool = t};
    int code;
    if (given->verb == &verbs[LIMIT_LS])
        code = list_limits(&limits);
    else if (given->verb == &verbs[LIMIT_SET])
        code = set_limit(&limits, given->words[0], given->words[1]);
    else
        code = reset_limit(&limits, given->words[0]);
    fleet_view_free(&limits.view);
    return code;
}

static int run_limit(void *args, struct config *config)
{
    return tool_run(config, config->queue_names[0], act_limit, args);
}

static const struct args_option options[] = {CLI_CONFIG_OPTION};
static const struct args_command limit_args = {
    .name = "limit",
    .title = "show and change rate limits of all workers",
    .about = "Rate limits that all workers keep together, in calls per second: ACTION@ACCOUNT, "
             "egress@HOST and all@APP@TYPE (pushes to ALL). Workers follow within a second.",
    ARGS_VERBS(verbs),
    ARGS_OPTIONS(options),
    .size = sizeof(struct cli_args),
    .check = check_limit,
};
const struct cli_command cmd_limit = {&limit_args, CLI_NEEDS_TOOL, run_limit};
