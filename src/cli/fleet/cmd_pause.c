/* SPDX-License-Identifier: MIT
 * pushbridge pause, resume: an operator stops and starts all workers, or one app's jobs. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/fleet/fleet_change.h"

enum { FIELD_SIZE = 80, VALUE_SIZE = 32, FOR_MAX_S = 30 * 24 * 3600 };

static const char pause_help[] =
    "usage: pushbridge pause [-c FILE] [--app NAME] [--for TIME]\n"
    "\n"
    "All workers stop within a second: with --app that app's jobs wait aside while others flow,\n"
    "else nothing is claimed any more. What is in flight ends. Holds until resume, or for TIME\n"
    "(90s, 10m, 2h, 1d), also over restarts.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --app NAME          only this app\n"
    "  --for TIME          resume by itself\n";

static const char resume_help[] =
    "usage: pushbridge resume [-c FILE] [--app NAME]\n"
    "\n"
    "Ends a pause: that of the app, or that of all. 0 also when there was none.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --app NAME          only this app\n";

struct pause_args {
    const char *command, *config, *app, *time;
    int64_t seconds; /* 0: for ever */
};

/* "90s", "10m", "2h", "1d", "90" */
static bool read_time(const char *text, int64_t *seconds)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char digits[16];
    size_t len = strlen(text);
    int64_t factor = 1;
    for (size_t i = 0; len && i < sizeof units / sizeof *units; i++)
        if (text[len - 1] == units[i].unit) {
            factor = units[i].seconds;
            len--;
            break;
        }
    if (!len || len >= sizeof digits)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)len, text);
    if (!text_int(digits, 1, FOR_MAX_S / factor, seconds))
        return false;
    *seconds *= factor;
    return true;
}

static bool is_app(const char *name)
{
    size_t len = strlen(name);
    return len && len <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == len;
}

/* False: the command ends with *code. */
static bool parse(int argc, char **argv, struct pause_args *args, const char *help, int *code)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"app", required_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"for", required_argument, NULL, 'f'},
                                            {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    *code = CLI_USAGE;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            args->config = optarg;
        else if (c == 'a')
            args->app = optarg;
        else if (c == 'f')
            args->time = optarg;
        else if (c == 'h') {
            fputs(help, stdout);
            *code = CLI_OK;
            return false;
        } else
            return false;
    }
    if (optind < argc)
        cli_usage(args->command, "unexpected argument \"%s\"", argv[optind]);
    else if (args->app && !is_app(args->app))
        cli_usage(args->command, "--app: letters, digits, '_', '-' and '.', at most 64");
    else if (args->time && !read_time(args->time, &args->seconds))
        cli_usage(args->command, "--for: \"%s\" is not a time like 90s, 10m, 2h, at most 30d",
                  args->time);
    else
        return true;
    return false;
}

static void print_done(const struct pause_args *args, bool pause, bool was)
{
    const char *what = args->app ? args->app : "all apps";
    if (pause && args->time)
        cli_line(stdout, "paused: %s, for %s", what, args->time);
    else if (pause)
        cli_line(stdout, "paused: %s, until resume", what);
    else
        cli_line(stdout, "%s: %s", was ? "resumed" : "was not paused", what);
}

static int change(const struct pause_args *args, const struct config *config, bool pause)
{
    char field[FIELD_SIZE], value[VALUE_SIZE] = "";
    int64_t found;
    int code;
    snprintf(field, sizeof field, "pause:%s", args->app ? args->app : "*");
    if (pause && args->seconds)
        snprintf(value, sizeof value, "+%lld", (long long)args->seconds * 1000);
    else if (pause)
        snprintf(value, sizeof value, "0");
    struct link *link = link_open(config, &code);
    if (!link)
        return code;
    const char *const pair[] = {field, value};
    code = control_change(link, config, args->command, pair, 1, &found) ? CLI_OK : CLI_FAILED;
    if (code == CLI_OK)
        print_done(args, pause, found > 0);
    link_close(link);
    return code;
}

static int run(int argc, char **argv, bool pause)
{
    struct pause_args args = {.command = pause ? "pause" : "resume"};
    struct config config;
    int code;
    if (!parse(argc, argv, &args, pause ? pause_help : resume_help, &code))
        return code;
    if (!pause && args.time)
        return cli_usage("resume", "--for: only with pause");
    if (!cli_load(args.config, false, &config))
        return CLI_CONFIG;
    code = change(&args, &config, pause);
    config_free(&config);
    return code;
}

int cmd_pause(int argc, char **argv)
{
    return run(argc, argv, true);
}

int cmd_resume(int argc, char **argv)
{
    return run(argc, argv, false);
}
