/* SPDX-License-Identifier: MIT
 * pushbridge call: any action of the provider, checked against the table. */
#include <string.h>

#include "aliyun/request.h"
#include "base/clock.h"
#include "cli/manage/caller.h"
#include "cli/manage/manage.h"
#include "cli/manage/show.h"

enum { PAIRS_MAX = 1500 };

struct call_args {
    struct cli_args common;
    const char *app;
    bool json;
    const struct action_row *action;
    struct params params;
};

/* --- arguments ------------------------------------------------------------------------------- */

/* Name and value stay where they are in the argument. */
static bool add_word_pair(struct call_args *a, char *text, struct err *e)
{
    char *value = strchr(text, '=');
    if (!value || value == text)
        return err_set(e, "\"%.64s\" is not NAME=VALUE", text);
    if (a->params.n == PAIRS_MAX)
        return err_set(e, "more than %d parameters", (int)PAIRS_MAX);
    *value++ = '\0';
    if (strcmp(text, "AppKey") == 0)
        return err_set(e, "AppKey: comes from the app, see --app");
    if (params_get(&a->params, text))
        return err_set(e, "%.64s: given twice", text);
    params_append(&a->params, text, value);
    return true;
}

static void begin_call_args(void *args)
{
    params_init(&((struct call_args *)args)->params);
}

static bool check_call_args(void *args, struct err *e)
{
    struct call_args *a = args;
    const struct args *given = args;
    bool ok = true;
    a->action = actions_find(given->words[0]);
    if (!a->action)
        return err_set(e, "\"%.64s\" is no action", given->words[0]);
    for (int i = 1; i < given->nwords && ok; i++)
        ok = add_word_pair(a, given->words[i], e);
    return ok;
}

static void end_call(void *args)
{
    params_free(&((struct call_args *)args)->params);
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

static int report_call(const struct call_args *a, struct caller_result *result)
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

static int call_app(struct call_args *a, const struct config *config, const struct config_app *app)
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
        code = CLI_USAGE;
        cli_line(stderr, "pushbridge call: %s", e.text);
    } else {
        caller_call(c, a->action, &a->params, &result);
        code = report_call(a, &result);
        caller_result_free(&result);
    }
    caller_close(c);
    return code;
}

static int run_call(void *args, struct config *config)
{
    struct call_args *a = args;
    const struct config_app *app = manage_app(config, a->app);
    return app ? call_app(a, config, app) : CLI_CONFIG;
}

static void list_actions(struct buf *out)
{
    buf_puts(out, "\nActions:\n");
    for (size_t i = 0; i < actions_count; i++)
        buf_printf(out, "  %s\n", actions_table[i].name);
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("app", "NAME", struct call_args, app, "whose AppKey and credentials (default)")},
    {ARGS_IS_FLAG("json", struct call_args, json, "the provider's answer")},
};
static const struct args_command call_args = {
    .name = "call",
    .title = "any action of the provider, by name",
    .about =
        "Calls any of the provider's actions, signed. Names are the documented ones, each value is "
        "checked first. AppKey is the app's. Push, MassPush, PushV2 and MassPushV2 get an "
        "IdempotentToken unless one is given, and are repeated only under it; other pushing "
        "actions have none and are never repeated. MassPush takes PushTask.N.NAME=VALUE, N from 1.",
    ARGS_NO_VERB("[-c FILE] [--app NAME] [--json]", "ACTION [NAME=VALUE…]", 1, ARGS_MANY),
    ARGS_OPTIONS(options),
    .size = sizeof(struct call_args),
    .begin = begin_call_args,
    .check = check_call_args,
    .end = end_call,
    .appendix = list_actions,
};
const struct cli_command cmd_call = {&call_args, CLI_NEEDS_TOOL, run_call};
