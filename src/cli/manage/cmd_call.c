/* SPDX-License-Identifier: MIT
 * pushbridge call: any action of the provider, checked against the table. */
#include <getopt.h>
#include <string.h>

#include "aliyun/request.h"
#include "base/clock.h"
#include "base/mem.h"
#include "cli/manage/caller.h"
#include "cli/manage/manage.h"
#include "cli/manage/show.h"

enum { PAIRS_MAX = 1500 };

static const char help[] =
    "usage: pushbridge call [-c FILE] [--app NAME] [--json] ACTION [NAME=VALUE…]\n"
    "\n"
    "Calls any of the provider's actions, signed. Names are the documented ones, each value is\n"
    "checked first. AppKey is the app's. Push, MassPush, PushV2 and MassPushV2 get an\n"
    "IdempotentToken unless one is given, and are repeated only under it; other pushing actions\n"
    "have none and are never repeated. MassPush takes PushTask.N.NAME=VALUE, N from 1.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --app NAME          whose AppKey and credentials (default)\n"
    "  --json              the provider's answer\n"
    "\n"
    "Actions:\n";

struct call_args {
    const char *config, *app;
    bool json, help;
    const struct action_row *action;
    struct params params; /* names and values belong to it */
    char *names[PAIRS_MAX];
    size_t n;
};

static void print_help(void)
{
    fputs(help, stdout);
    for (size_t i = 0; i < actions_count; i++)
        cli_line(stdout, "  %s", actions_table[i].name);
}

/* --- arguments ------------------------------------------------------------------------------- */

static int add_pair(struct call_args *a, char *text)
{
    const char *value = strchr(text, '=');
    if (!value || value == text)
        return cli_usage("call", "\"%.64s\" is not NAME=VALUE", text);
    if (a->n == PAIRS_MAX)
        return cli_usage("call", "more than %d parameters", (int)PAIRS_MAX);
    char *name = mem_dup(text, (size_t)(value - text));
    a->names[a->n++] = name;
    if (strcmp(name, "AppKey") == 0)
        return cli_usage("call", "AppKey: comes from the app, see --app");
    if (params_get(&a->params, name))
        return cli_usage("call", "%.64s: given twice", name);
    params_append(&a->params, name, value + 1);
    return CLI_OK;
}

static int read_words(struct call_args *a, int argc, char **argv)
{
    int code = CLI_OK;
    if (!argc)
        return cli_usage("call", "which action? (see pushbridge call --help)");
    a->action = actions_find(argv[0]);
    if (!a->action)
        return cli_usage("call", "\"%.64s\" is no action (see pushbridge call --help)", argv[0]);
    for (int i = 1; i < argc && code == CLI_OK; i++)
        code = add_pair(a, argv[i]);
    return code;
}

static int parse(int argc, char **argv, struct call_args *a)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"app", required_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            a->config = optarg;
        else if (c == 'a')
            a->app = optarg;
        else if (c == 'j')
            a->json = true;
        else if (c == 'h')
            a->help = true;
        else
            return CLI_USAGE;
    }
    return a->help ? CLI_OK : read_words(a, argc - optind, argv + optind);
}

/* --- the call -------------------------------------------------------------------------------- */

/* A random UUID: repeats of this one run share it, and no other call does. */
static void add_token(struct params *p)
{
    unsigned char r[16];
    char token[TOKEN_SIZE];
    clock_random(r, sizeof r);
    r[6] = (unsigned char)((r[6] & 0x0F) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3F) | 0x80);
    snprintf(token, sizeof token,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
             r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14],
             r[15]);
    params_set_copy(p, "IdempotentToken", token);
}

static int report(const struct call_args *a, struct caller_result *result)
{
    struct err e;
    if (result->state == CALLER_DONE) {
        struct show show = {.out = stdout, .action = a->action, .json = a->json};
        show_answer(&show, NULL, result->answer);
        if (!a->json && json_object_size(result->answer) == 1)
            cli_line(stdout, "done (request %s)", result->reply.request_id);
        return CLI_OK;
    }
    caller_explain(result, &e);
    cli_line(stderr, "pushbridge call: %s%s", e.text,
             result->maybe ? "; it may have been done" : "");
    return result->state == CALLER_REFUSED ? CLI_FAILED : CLI_UNSUPPORTED;
}

static int call(struct call_args *a, const struct config *config, const struct config_app *app)
{
    struct caller_result result;
    struct err e;
    struct caller *c = caller_open(config, app, &e);
    if (!c) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_CONFIG;
    }
    if (actions_takes_app_key(a->action))
        params_set(&a->params, "AppKey", app->app.app_key);
    if (a->action->repeat == REPEAT_TOKEN && !params_get(&a->params, "IdempotentToken"))
        add_token(&a->params);
    int code;
    if (!actions_check(a->action, &a->params, (size_t)config->payload_max, &e)) {
        code = cli_usage("call", "%s", e.text);
    } else {
        caller_call(c, a->action, &a->params, &result);
        code = report(a, &result);
        caller_result_free(&result);
    }
    caller_close(c);
    return code;
}

static int load_and_call(struct call_args *a)
{
    struct config config;
    if (!cli_load(a->config, false, &config))
        return CLI_CONFIG;
    const struct config_app *app = manage_app(&config, a->app);
    int code = app ? call(a, &config, app) : CLI_CONFIG;
    params_free(&a->params); /* it borrows the AppKey */
    config_free(&config);
    return code;
}

int cmd_call(int argc, char **argv)
{
    static struct call_args args; /* its list of parameters must not move */
    params_init(&args.params);
    int code = parse(argc, argv, &args);
    if (code == CLI_OK && args.help)
        print_help();
    else if (code == CLI_OK)
        code = load_and_call(&args);
    params_free(&args.params);
    for (size_t i = 0; i < args.n; i++)
        mem_free(args.names[i]);
    return code;
}
