/* SPDX-License-Identifier: MIT
 * pushbridge pause, resume: an operator stops and starts all workers, or one app's jobs. */
#include <string.h>

#include "cli/fleet/fleet_change.h"

enum { FIELD_SIZE = 80, VALUE_SIZE = 32 };
#define FOR_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)

struct pause_args {
    struct cli_args common;
    const char *app, *time;
    int64_t for_ms; /* of time; 0: for ever */
};

static bool is_app(const char *name)
{
    size_t len = strlen(name);
    return len && len <= 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == len;
}

static bool check_pause(void *args, struct err *e)
{
    const struct pause_args *a = args;
    return !a->app || is_app(a->app) ||
           err_set(e, "--app: \"%.64s\" must be letters, digits, '_', '-' and '.', at most 64",
                   a->app);
}

static void print_done(const struct pause_args *args, bool pause, bool was)
{
    const char *what = args->app ? args->app : "all apps";
    if (pause && args->for_ms)
        cli_line(stdout, "paused: %s, for %s", what, args->time);
    else if (pause)
        cli_line(stdout, "paused: %s, until resume", what);
    else
        cli_line(stdout, "%s: %s", was ? "resumed" : "was not paused", what);
}

static int change_pause(const struct pause_args *args, const struct config *config, bool pause)
{
    char field[FIELD_SIZE], value[VALUE_SIZE] = "";
    int64_t found;
    int code;
    snprintf(field, sizeof field, "pause:%s", args->app ? args->app : "*");
    if (pause && args->for_ms)
        snprintf(value, sizeof value, "+%lld", (long long)args->for_ms);
    else if (pause)
        snprintf(value, sizeof value, "0");
    struct link *link = link_open(config, &code);
    if (!link)
        return code;
    const char *const pair[] = {field, value};
    code = fleet_change(link, config, pause ? "pause" : "resume", pair, 1, &found) ? CLI_OK
                                                                                   : CLI_FAILED;
    if (code == CLI_OK)
        print_done(args, pause, found > 0);
    link_close(link);
    return code;
}

static int run_pause(void *args, struct config *config)
{
    return change_pause(args, config, true);
}

static int run_resume(void *args, struct config *config)
{
    return change_pause(args, config, false);
}

/* The time is shown as it was given. */
static bool read_for(void *args, const struct args_option *o, const char *text, struct err *e)
{
    struct pause_args *a = args;
    a->time = text;
    return args_read_duration(o, text, &a->for_ms, e);
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("app", "NAME", struct pause_args, app, "only this app")},
    {ARGS_IS_OWN("for", "TIME", read_for, NULL, "resume by itself"), .min = 1, .max = FOR_MAX_MS},
};
static const struct args_command pause_args = {
    .name = "pause",
    .title = "stop one app's jobs, or all, on all workers",
    .about = "All workers stop within a second: with --app that app's jobs wait aside while others "
             "flow, else nothing is claimed any more. What is in flight ends. Holds until resume, "
             "or for TIME (90s, 10m, 2h, 1d), also over restarts.",
    ARGS_NO_VERB("[-c FILE] [--app NAME] [--for TIME]", "", 0, 0),
    ARGS_OPTIONS(options),
    .size = sizeof(struct pause_args),
    .check = check_pause,
};
static const struct args_command resume_args = {
    .name = "resume",
    .title = "end a pause",
    .about = "Ends a pause: that of the app, or that of all. 0 also when there was none.",
    ARGS_NO_VERB("[-c FILE] [--app NAME]", "", 0, 0),
    .options = options,
    .noptions = ARGS_N(options) - 1, /* it has no time */
    .size = sizeof(struct pause_args),
    .check = check_pause,
};
const struct cli_command cmd_pause = {&pause_args, CLI_NEEDS_TOOL, run_pause};
const struct cli_command cmd_resume = {&resume_args, CLI_NEEDS_TOOL, run_resume};
