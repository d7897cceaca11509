/* SPDX-License-Identifier: MIT
 * pushbridge stats: one screen of where all jobs are. */
#include <unistd.h>

#include "cli/queue/stats.h"

enum { WATCH_DEFAULT_S = 2, WATCH_MAX_S = 3600 };

struct stats_args {
    struct cli_args common;
    const char *queue;
    int64_t watch_s; /* 0: once */
    bool json;
};

static bool read_watch(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct stats_args *a = args;
    if (!text)
        a->watch_s = WATCH_DEFAULT_S;
    return !text || args_read_number(o, text, &a->watch_s, e);
}

static void print_stats(const json_t *stats, const struct stats_args *args)
{
    if (args->json) {
        cli_json(stdout, stats, JSON_COMPACT);
        putchar('\n');
    } else {
        if (args->watch_s && isatty(STDOUT_FILENO))
            fputs("\033[H\033[2J", stdout);
        stats_print(stats, stdout);
    }
    cli_flush();
}

static int watch_stats(struct tool *t, const void *a)
{
    const struct stats_args *args = a;
    json_t *before = NULL;
    int code;
    for (;;) {
        json_t *stats = stats_take(t, before);
        if (stats)
            print_stats(stats, args);
        json_decref(before);
        before = stats;
        code = stats ? CLI_OK : CLI_FAILED;
        if (!args->watch_s || ferror(stdout))
            break;
        link_pause(link_base(t->link), args->watch_s * 1000);
    }
    json_decref(before);
    return code;
}

static int run_stats(void *args, struct config *config)
{
    const struct stats_args *a = args;
    return tool_run(config, a->queue, watch_stats, args);
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("queue", "NAME", struct stats_args, queue, "only this queue"), .min = 1},
    {ARGS_IS_OWN("watch", "S", read_watch, NULL, "again every S seconds (2), with rates"),
     .optional = true, .min = 1, .max = WATCH_MAX_S},
    {ARGS_IS_FLAG("json", struct stats_args, json, "one JSON object a line")},
};
static const struct args_command stats_args = {
    .name = "stats",
    .title = "where all jobs are, and what the workers do",
    .about = "Where all jobs are, what the workers that are alive say of themselves, pauses, "
             "circuits that are not closed, rate limits, and why jobs died (of the last 10000 dead "
             "letters).",
    ARGS_NO_VERB("[-c FILE] [--queue NAME] [--watch [S]] [--json]", "", 0, 0),
    ARGS_OPTIONS(options),
    .size = sizeof(struct stats_args),
};
const struct cli_command cmd_stats = {&stats_args, CLI_NEEDS_TOOL, run_stats};
