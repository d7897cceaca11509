/* SPDX-License-Identifier: MIT
 * pushbridge check: is the configuration right, what is in force, and with --online: are
 * Redis and the provider as they have to be? */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cli/check/online.h"

static const char help[] =
    "usage: pushbridge check [-c FILE] [--online [--strict]]\n"
    "       pushbridge check --reference\n"
    "\n"
    "Checks the configuration as `run` would and prints every value with its origin; secrets are\n"
    "masked.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --online            look at Redis and the provider too, one finding a line: role, version,\n"
    "                      rights, persistence, replicas, eviction, clocks (exit 1: an error)\n"
    "  --strict            with --online: an eviction policy or a clock that is off is an error\n"
    "  --reference         print docs/options.md and end\n";

struct check_args {
    const char *config;
    bool online, strict, reference, help;
};

static int parse(int argc, char **argv, struct check_args *args)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"online", no_argument, NULL, 'o'},
        {"strict", no_argument, NULL, 's'},       {"reference", no_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            args->config = optarg;
        else if (c == 'o')
            args->online = true;
        else if (c == 's')
            args->strict = true;
        else if (c == 'r')
            args->reference = true;
        else if (c == 'h')
            args->help = true;
        else
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("check", "unexpected argument \"%s\"", argv[optind]);
    if (args->strict && !args->online)
        return cli_usage("check", "--strict goes with --online");
    return CLI_OK;
}

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

int cmd_check(int argc, char **argv)
{
    struct check_args args = {0};
    struct config config;
    int code = parse(argc, argv, &args);
    if (code || args.help) {
        fputs(code ? "" : help, stdout);
        return code;
    }
    if (args.reference) {
        config_print_reference(stdout);
        return CLI_OK;
    }
    if (!cli_load(args.config, true, &config))
        return CLI_CONFIG;
    config_print(&config, stdout);
    warn_of_ids(&config);
    code = check_files(&config) ? CLI_OK : CLI_CONFIG;
    if (!code && args.online)
        code = online_check(&config, args.strict);
    config_free(&config);
    return code;
}
