/* SPDX-License-Identifier: MIT
 * pushbridge stats: one screen of where all jobs are. */
#include <ctype.h>
#include <getopt.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/queue/stats.h"

enum { WATCH_DEFAULT_S = 2, WATCH_MAX_S = 3600 };

static const char help[] =
    "usage: pushbridge stats [-c FILE] [--queue NAME] [--watch [S]] [--json]\n"
    "\n"
    "Where all jobs are, what the workers that are alive say of themselves, pauses, circuits that\n"
    "are not closed, rate limits, and why jobs died (of the last 10000 dead letters).\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --queue NAME        only this queue\n"
    "  --watch [S]         again every S seconds (2), with rates\n"
    "  --json              one JSON object a line\n";

struct stats_args {
    const char *config, *queue;
    int64_t watch_s; /* 0: once */
    bool json, help;
};

/* getopt knows optional values as --watch=S only. */
static int set_watch(int argc, char **argv, struct stats_args *args)
{
    const char *text = optarg;
    if (!text && optind < argc && isdigit((unsigned char)*argv[optind]))
        text = argv[optind++];
    args->watch_s = WATCH_DEFAULT_S;
    if (text && !text_int(text, 1, WATCH_MAX_S, &args->watch_s))
        return cli_usage("stats", "--watch: is not 1 to 3600");
    return CLI_OK;
}

static int parse(int argc, char **argv, struct stats_args *args)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"queue", required_argument, NULL, 'q'},
        {"watch", optional_argument, NULL, 'w'},  {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int c, code = CLI_OK;
    optind = 1;
    while (!code && (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            args->config = optarg;
        else if (c == 'q')
            args->queue = optarg;
        else if (c == 'w')
            code = set_watch(argc, argv, args);
        else if (c == 'j')
            args->json = true;
        else if (c == 'h')
            args->help = true;
        else
            return CLI_USAGE;
    }
    if (!code && optind < argc)
        return cli_usage("stats", "unexpected argument \"%s\"", argv[optind]);
    return code;
}

static void print(const json_t *stats, const struct stats_args *args)
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

static int run(const struct stats_args *args, const struct config *config)
{
    struct tool t;
    int code;
    json_t *before = NULL;
    if (!tool_open(&t, config, args->queue, &code))
        return code;
    for (;;) {
        json_t *stats = stats_take(&t, before);
        if (stats)
            print(stats, args);
        json_decref(before);
        before = stats;
        code = stats ? CLI_OK : CLI_FAILED;
        if (!args->watch_s || ferror(stdout))
            break;
        link_pause(t.link, args->watch_s * 1000);
    }
    json_decref(before);
    tool_close(&t);
    return code;
}

int cmd_stats(int argc, char **argv)
{
    struct stats_args args = {0};
    struct config config;
    int code = parse(argc, argv, &args);
    if (code || args.help) {
        fputs(code ? "" : help, stdout);
        return code;
    }
    if (!cli_load(args.config, false, &config))
        return CLI_CONFIG;
    code = run(&args, &config);
    config_free(&config);
    return code;
}
