/* SPDX-License-Identifier: MIT
 * pushbridge limit: shows the rate limits that all workers keep, and changes them while they run.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/fleet/fleet_change.h"
#include "cli/fleet/fleet_view.h"

enum { FIELD_SIZE = FLOW_NAME_SIZE + 8 };
#define RATE_MAX INT64_C(10000000)

static const char help[] =
    "usage: pushbridge limit [-c FILE] ls\n"
    "       pushbridge limit [-c FILE] set NAME RATE\n"
    "       pushbridge limit [-c FILE] reset NAME\n"
    "\n"
    "Rate limits that all workers keep together, in calls per second: ACTION@ACCOUNT, egress@HOST\n"
    "and all@APP@TYPE (pushes to ALL). set puts RATE (a whole number, 0: no limit) over the\n"
    "configured one, reset takes it away again and ends a cool-down. Workers follow within a\n"
    "second.\n"
    "\n"
    "  -c, --config FILE   configuration file\n";

struct limits {
    struct tool tool;
    struct agreed agreed;
    bool ok;
};

static bool read_all(struct limits *l)
{
    return agreed_read(&l->tool, &l->agreed);
}

/* --- showing --------------------------------------------------------------------------------- */

static void print_rate(double per_s)
{
    if (per_s < 0)
        cli_put(stdout, " %10s", "-");
    else if (per_s == 0)
        cli_put(stdout, " %10s", "none");
    else
        printf(" %10.6g", per_s);
}

static void print_row(const struct agreed_limit *r)
{
    cli_put(stdout, "%-40s", r->name);
    print_rate(r->configured);
    print_rate(r->override);
    if (r->used)
        printf(" %10.6g %10.0f %10" PRId64 "\n", r->rate, r->tokens, r->cooled_ms);
    else
        cli_line(stdout, " %10s %10s %10s", "-", "-", "-");
}

static int list(struct limits *l)
{
    if (!read_all(l))
        return CLI_FAILED;
    cli_line(stdout, "%-40s %10s %10s %10s %10s %10s", "LIMIT", "CONFIGURED", "OVERRIDE", "NOW",
             "TOKENS", "COOLED_MS");
    for (size_t i = 0; i < l->agreed.nlimits; i++)
        if (agreed_matters(&l->agreed.limits[i]))
            print_row(&l->agreed.limits[i]);
    return CLI_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

static bool is_known(struct limits *l, const char *name)
{
    if (!read_all(l))
        return false;
    for (size_t i = 0; i < l->agreed.nlimits; i++)
        if (strcmp(l->agreed.limits[i].name, name) == 0)
            return true;
    cli_line(stderr, "pushbridge limit: there is no limit \"%s\" (see pushbridge limit ls)", name);
    return false;
}

static int set(struct limits *l, const char *name, const char *rate)
{
    char field[FIELD_SIZE];
    int64_t per_s, found;
    if (!text_int(rate, 0, RATE_MAX, &per_s))
        return cli_usage("limit",
                         "set: \"%s\" is not a whole number of calls per second, 0 to %lld", rate,
                         (long long)RATE_MAX);
    if (!is_known(l, name))
        return CLI_FAILED;
    snprintf(field, sizeof field, "rate:%s", name);
    if (!control_change(l->tool.link, l->tool.config, "limit", (const char *const[]){field, rate},
                        1, &found))
        return CLI_FAILED;
    cli_line(stdout, "%s: %s%s", name, per_s ? rate : "no limit", per_s ? " per second" : "");
    return CLI_OK;
}

static void on_dropped(void *arg, redisReply *reply)
{
    ((struct limits *)arg)->ok = reply && reply->type == REDIS_REPLY_INTEGER;
}

static int reset(struct limits *l, const char *name)
{
    char rate[FIELD_SIZE], cool[FIELD_SIZE];
    int64_t found;
    if (!is_known(l, name))
        return CLI_FAILED;
    snprintf(rate, sizeof rate, "rate:%s", name);
    snprintf(cool, sizeof cool, "cool:%s", name);
    l->ok = false;
    char *flow = flow_store_key(l->tool.config->queue_names[0], "flow");
    link_command(l->tool.link, 3, (const char *[]){"HDEL", flow, name}, NULL, 0, on_dropped, l);
    mem_free(flow);
    const char *const pairs[] = {rate, "", cool, ""};
    if (!control_change(l->tool.link, l->tool.config, "limit", pairs, 2, &found) || !l->ok)
        return CLI_FAILED;
    cli_line(stdout, "%s: as configured", name);
    return CLI_OK;
}

/* --- command --------------------------------------------------------------------------------- */

static int act(const struct config *config, char **argv)
{
    int code;
    struct limits limits = {0}, *l = &limits;
    const char *what = argv[0];
    if (!tool_open(&l->tool, config, config->queue_names[0], &code))
        return code;
    if (strcmp(what, "ls") == 0)
        code = list(l);
    else if (strcmp(what, "set") == 0)
        code = set(l, argv[1], argv[2]);
    else
        code = reset(l, argv[1]);
    agreed_free(&l->agreed);
    tool_close(&l->tool);
    return code;
}

/* The words after the options; 0 when they are right. */
static int check(int argc, char **argv)
{
    static const struct {
        const char *name;
        int words;
    } actions[] = {{"ls", 1}, {"set", 3}, {"reset", 2}};
    if (!argc)
        return cli_usage("limit", "ls, set NAME RATE or reset NAME?");
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(argv[0], actions[i].name) == 0)
            return argc == actions[i].words ? CLI_OK
                                            : cli_usage("limit", "%s: %d words expected after it",
                                                        argv[0], actions[i].words - 1);
    return cli_usage("limit", "\"%s\" is none of ls, set, reset", argv[0]);
}

int cmd_limit(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    struct config config;
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'h')
            fputs(help, stdout);
        if (c != 'c')
            return c == 'h' ? CLI_OK : CLI_USAGE;
        file = optarg;
    }
    int code = check(argc - optind, argv + optind);
    if (code)
        return code;
    if (!cli_load(file, false, &config))
        return CLI_CONFIG;
    code = act(&config, argv + optind);
    config_free(&config);
    return code;
}
