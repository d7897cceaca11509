/* SPDX-License-Identifier: MIT
 * pushbridge limit: shows the rate limits that all workers keep, and changes them while they run.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "cli/control.h"
#include "io/flow_store.h"
#include "worker/flow.h"

enum { ROWS_MAX = FLOW_BUCKETS_MAX + 1024, FIELD_SIZE = FLOW_NAME_SIZE + 8 };
#define RATE_MAX INT64_C(10000000)

static const char help[] =
    "usage: pushbridge limit [-c FILE] ls\n"
    "       pushbridge limit [-c FILE] set NAME RATE\n"
    "       pushbridge limit [-c FILE] reset NAME\n"
    "\n"
    "Rate limits that all workers keep together, in calls per second: ACTION@ACCOUNT, egress@HOST\n"
    "and all@APP@TYPE (pushes to ALL). set puts RATE (0: no limit) over the configured one, reset\n"
    "takes it away again and ends a cool-down. Workers follow within a second.\n"
    "\n"
    "  -c, --config FILE   configuration file\n";

/* One limit: of the configuration here, of Redis, or both. */
struct row {
    char name[FLOW_NAME_SIZE];
    double configured, override; /* −1: unknown, none */
    bool used;                   /* a worker has asked for it */
    double rate, tokens;
    int64_t cooled_ms; /* still to go */
};

struct limits {
    const struct config *config;
    struct link *link;
    struct row *rows;
    size_t n;
    int64_t now_ms;
    bool ok;
};

static struct row *row_of(struct limits *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->rows[i].name, name) == 0)
            return &l->rows[i];
    if (l->n == ROWS_MAX)
        return NULL;
    struct row *r = &l->rows[l->n++];
    *r = (struct row){.configured = -1, .override = -1};
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

/* --- reading --------------------------------------------------------------------------------- */

static void read_config(struct limits *l)
{
    struct flow_limit *limits = mem_zalloc(FLOW_BUCKETS_MAX * sizeof *limits);
    size_t n = flow_limits(l->config, limits, NULL);
    for (size_t i = 0; i < n; i++)
        row_of(l, limits[i].name)->configured = limits[i].per_s;
    mem_free(limits);
}

static void read_override(struct limits *l, const char *field, const char *value)
{
    struct row *r = text_starts(field, "rate:") ? row_of(l, field + 5) : NULL;
    if (r)
        r->override = strtod(value, NULL);
}

/* "tokens stamp rate until strikes limit burst", as lua/flow.lua left it; refilled up to now. */
static void read_bucket(struct limits *l, const char *name, const char *value)
{
    double tokens, stamp, rate, until, limit, burst;
    struct row *r = row_of(l, name);
    if (!r || sscanf(value, "%lf %lf %lf %lf %*s %lf %lf", &tokens, &stamp, &rate, &until, &limit,
                     &burst) != 6)
        return;
    double from = until > stamp ? until : stamp, now = (double)l->now_ms;
    tokens += now > from ? rate * (now - from) / 1000 : 0;
    r->used = true;
    r->rate = rate;
    r->tokens = tokens < burst ? tokens : burst;
    r->cooled_ms = until > now ? (int64_t)(until - now) : 0;
}

static void on_time(void *arg, redisReply *reply)
{
    struct limits *l = arg;
    l->ok = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    if (l->ok)
        l->now_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                    strtoll(reply->element[1]->str, NULL, 10) / 1000;
}

static void each_field(struct limits *l, const redisReply *reply,
                       void (*fn)(struct limits *, const char *, const char *))
{
    l->ok &= reply && reply->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; l->ok && i + 1 < reply->elements; i += 2)
        fn(l, reply->element[i]->str, reply->element[i + 1]->str);
}

static void on_flow(void *arg, redisReply *reply)
{
    each_field(arg, reply, read_bucket);
}

static void on_control(void *arg, redisReply *reply)
{
    each_field(arg, reply, read_override);
}

static bool read_all(struct limits *l)
{
    char *flow = flow_store_key(l->config->queue_names[0], "flow");
    char *control = flow_store_key(l->config->queue_names[0], "control");
    l->rows = mem_zalloc(ROWS_MAX * sizeof *l->rows);
    read_config(l);
    link_command(l->link, 1, (const char *[]){"TIME"}, NULL, 0, on_time, l);
    if (l->ok)
        link_command(l->link, 2, (const char *[]){"HGETALL", flow}, NULL, 0, on_flow, l);
    if (l->ok)
        link_command(l->link, 2, (const char *[]){"HGETALL", control}, NULL, 0, on_control, l);
    mem_free(flow);
    mem_free(control);
    if (!l->ok)
        fputs("pushbridge limit: Redis did not answer as expected: try again\n", stderr);
    return l->ok;
}

/* --- showing --------------------------------------------------------------------------------- */

static void print_rate(double per_s)
{
    if (per_s < 0)
        printf(" %10s", "-");
    else if (per_s == 0)
        printf(" %10s", "none");
    else
        printf(" %10.6g", per_s);
}

static void print_row(const struct row *r)
{
    printf("%-40s", r->name);
    print_rate(r->configured);
    print_rate(r->override);
    if (r->used)
        printf(" %10.6g %10.0f %10" PRId64 "\n", r->rate, r->tokens, r->cooled_ms);
    else
        printf(" %10s %10s %10s\n", "-", "-", "-");
}

/* Of pushes to ALL only what is used or changed: each app has four. */
static int list(struct limits *l)
{
    if (!read_all(l))
        return CLI_FAILED;
    printf("%-40s %10s %10s %10s %10s %10s\n", "LIMIT", "CONFIGURED", "OVERRIDE", "NOW", "TOKENS",
           "COOLED_MS");
    for (size_t i = 0; i < l->n; i++) {
        const struct row *r = &l->rows[i];
        if (r->used || r->override >= 0 || !text_starts(r->name, "all@"))
            print_row(r);
    }
    return CLI_OK;
}

/* --- changing -------------------------------------------------------------------------------- */

static bool is_known(struct limits *l, const char *name)
{
    if (!read_all(l))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->rows[i].name, name) == 0)
            return true;
    fprintf(stderr, "pushbridge limit: there is no limit \"%s\" (see pushbridge limit ls)\n", name);
    return false;
}

static int set(struct limits *l, const char *name, const char *rate)
{
    char field[FIELD_SIZE];
    int64_t per_s, found;
    if (!text_int(rate, 0, RATE_MAX, &per_s))
        return cli_usage("limit", "set: \"%s\" is not a rate of 0 to %lld per second", rate,
                         (long long)RATE_MAX);
    if (!is_known(l, name))
        return CLI_FAILED;
    snprintf(field, sizeof field, "rate:%s", name);
    if (!control_change(l->link, l->config, "limit", (const char *const[]){field, rate}, 1, &found))
        return CLI_FAILED;
    printf("%s: %s%s\n", name, per_s ? rate : "no limit", per_s ? " per second" : "");
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
    char *flow = flow_store_key(l->config->queue_names[0], "flow");
    link_command(l->link, 3, (const char *[]){"HDEL", flow, name}, NULL, 0, on_dropped, l);
    mem_free(flow);
    const char *const pairs[] = {rate, "", cool, ""};
    if (!control_change(l->link, l->config, "limit", pairs, 2, &found) || !l->ok)
        return CLI_FAILED;
    printf("%s: as configured\n", name);
    return CLI_OK;
}

/* --- command --------------------------------------------------------------------------------- */

static int act(struct limits *l, char **argv)
{
    int code;
    const char *what = argv[0];
    l->link = link_open(l->config, &code);
    if (!l->link)
        return code;
    if (strcmp(what, "ls") == 0)
        code = list(l);
    else if (strcmp(what, "set") == 0)
        code = set(l, argv[1], argv[2]);
    else
        code = reset(l, argv[1]);
    mem_free(l->rows);
    link_close(l->link);
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
    struct limits limits = {.config = &config};
    code = act(&limits, argv + optind);
    config_free(&config);
    return code;
}
