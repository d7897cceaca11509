/* SPDX-License-Identifier: MIT
 * pushbridge check: is the configuration right, what is in force, and with --online: are
 * Redis and the provider as they have to be? */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/check/online.h"

struct check_args {
    struct cli_args common;
    bool online, strict, reference;
};

/* The loader does not look: a worker may start before such a file is there. */
static bool check_file(const char *name, const char *path)
{
    if (!path || !*path || access(path, R_OK) == 0)
        return true;
    cli_line(stderr, "pushbridge: %s: %s: %s", name, path, strerror(errno));
    return false;
}

static bool check_files(const struct config *c)
{
    bool ok = check_file("aliyun.ca_file", c->ca_file);
    ok = check_file("redis.ca_file", c->redis.ca_file) && ok;
    ok = check_file("redis.cert_file", c->redis.cert_file) && ok;
    return check_file("redis.key_file", c->redis.key_file) && ok;
}

static void warn_of_ids(const struct config *c)
{
    if (c->dedup_s && c->ids_by_queue)
        cli_line(stderr, "pushbridge: warning: queue.dedup_s: the queues lie in several slots of "
                         "the cluster, so each knows its own ids only, and jobs with an id share "
                         "no calls by it; give the queues one hash tag: {push}:a, {push}:b");
}

static int check_config(const struct config *config, const struct check_args *a)
{
    config_print(config, stdout);
    warn_of_ids(config);
    if (!check_files(config))
        return CLI_CONFIG;
    return a->online ? online_check(config, a->strict) : CLI_OK;
}

/* The reference needs no configuration, so it is loaded here. */
static int run_check(void *args, struct config *none)
{
    const struct check_args *a = args;
    struct config config;
    (void)none;
    if (a->reference) {
        config_print_reference(stdout);
        return CLI_OK;
    }
    if (!cli_load(a->common.config, true, &config))
        return CLI_CONFIG;
    int code = check_config(&config, a);
    config_free(&config);
    return code;
}

static bool check_check(void *args, struct err *e)
{
    const struct check_args *a = args;
    return !a->strict || a->online || err_set(e, "--strict goes with --online");
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_FLAG("online", struct check_args, online,
                  "look at Redis and the provider too, one finding a line: role, version, rights, "
                  "persistence, replicas, eviction, clocks (exit 1: an error)")},
    {ARGS_IS_FLAG("strict", struct check_args, strict,
                  "with --online: an eviction policy or a clock that is off is an error")},
    {ARGS_IS_FLAG("reference", struct check_args, reference, "print docs/options.md and end")},
};
static const struct args_command check_args = {
    .name = "check",
    .title = "check the configuration and print what is in force",
    .about = "Checks the configuration as `run` would and prints every value with its origin; "
             "secrets are masked.",
    ARGS_NO_VERB("[-c FILE] [--online [--strict]] | --reference", "", 0, 0),
    ARGS_OPTIONS(options),
    .size = sizeof(struct check_args),
    .check = check_check,
};
const struct cli_command cmd_check = {&check_args, CLI_NEEDS_NONE, run_check};
