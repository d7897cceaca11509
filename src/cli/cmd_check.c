/* SPDX-License-Identifier: MIT
 * pushbridge check: is the configuration right, and what is in force? */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cli/link.h"

enum { FIELD_SIZE = 64 };

static const char help[] =
    "usage: pushbridge check [-c FILE] [--online]\n"
    "       pushbridge check --reference\n"
    "\n"
    "Checks the configuration as `run` would and prints every value with its origin; secrets are\n"
    "masked.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --online            connect to Redis too: version, role, eviction policy\n"
    "  --reference         print docs/options.md and end\n";

struct check_args {
    const char *config;
    bool online, reference, help;
};

static int parse(int argc, char **argv, struct check_args *args)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"online", no_argument, NULL, 'o'},
                                            {"reference", no_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            args->config = optarg;
        else if (c == 'o')
            args->online = true;
        else if (c == 'r')
            args->reference = true;
        else if (c == 'h')
            args->help = true;
        else
            return CLI_USAGE;
    }
    if (optind < argc)
        return cli_usage("check", "unexpected argument \"%s\"", argv[optind]);
    return CLI_OK;
}

/* The loader does not look: a worker may start before such a file is there. */
static bool check_file(const char *name, const char *path)
{
    if (!path || !*path || access(path, R_OK) == 0)
        return true;
    fprintf(stderr, "pushbridge: %s: %s: %s\n", name, path, strerror(errno));
    return false;
}

static bool check_files(const struct config *c)
{
    bool ok = check_file("aliyun.ca_file", c->ca_file);
    ok = check_file("redis.ca_file", c->redis.ca_file) && ok;
    ok = check_file("redis.cert_file", c->redis.cert_file) && ok;
    return check_file("redis.key_file", c->redis.key_file) && ok;
}

/* --- online ---------------------------------------------------------------------------------- */

struct server_facts {
    bool answered;
    char role[FIELD_SIZE], policy[FIELD_SIZE];
};

/* The value of "\nfield:" in an INFO text. */
static void read_field(const char *text, const char *field, char out[FIELD_SIZE])
{
    const char *p = strstr(text, field);
    if (!p)
        return;
    p += strlen(field);
    size_t len = strcspn(p, "\r\n");
    if (len >= FIELD_SIZE)
        len = FIELD_SIZE - 1;
    memcpy(out, p, len);
    out[len] = '\0';
}

static void on_info(void *arg, redisReply *reply)
{
    struct server_facts *f = arg;
    if (!reply || reply->type != REDIS_REPLY_STRING)
        return;
    f->answered = true;
    read_field(reply->str, "\nrole:", f->role);
    read_field(reply->str, "\nmaxmemory_policy:", f->policy);
}

static int report(const struct server_facts *f, unsigned version)
{
    printf("redis = %u.%u.%u, %s, maxmemory-policy %s\n", version / 10000, version / 100 % 100,
           version % 100, *f->role ? f->role : "role unknown", *f->policy ? f->policy : "unknown");
    if (*f->role && strcmp(f->role, "master") != 0) {
        fprintf(stderr, "pushbridge: redis.url: this server is a %s, not a master\n", f->role);
        return CLI_FAILED;
    }
    if (*f->policy && strcmp(f->policy, "noeviction") != 0) {
        fprintf(stderr,
                "pushbridge: redis.url: maxmemory-policy is %s; only noeviction keeps jobs safe\n",
                f->policy);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int check_online(const struct config *config)
{
    int code;
    struct server_facts f = {0};
    struct link *l = link_open(config, &code);
    if (!l)
        return code;
    link_command(l, 2, (const char *[]){"INFO", "replication"}, NULL, 0, on_info, &f);
    link_command(l, 2, (const char *[]){"INFO", "memory"}, NULL, 0, on_info, &f);
    code = f.answered ? report(&f, link_version(l)) : CLI_FAILED;
    if (!f.answered)
        fputs("pushbridge: redis.url: INFO was not answered\n", stderr);
    link_close(l);
    return code;
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
    code = check_files(&config) ? CLI_OK : CLI_CONFIG;
    if (!code && args.online)
        code = check_online(&config);
    config_free(&config);
    return code;
}
