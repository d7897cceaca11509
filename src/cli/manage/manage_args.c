/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <getopt.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/manage/manage.h"
#include "cli/tool.h"

enum { DAY_MS = 24 * 3600 * 1000, SECOND_MS = 1000 };

/* Stamps have seconds: up to "now" is up to the end of this one. */
static int64_t end_of_second(int64_t ms)
{
    return ms + SECOND_MS - 1;
}

/* Options that set a parameter; each is allowed where the action has it. */
enum option_kind { OPTION_TEXT, OPTION_UPPER, OPTION_TIME, OPTION_TRUE, OPTION_MANY };
static const struct {
    const char *name, *param;
    enum option_kind kind;
} settings[] = {
    {"tag", "TagName", OPTION_MANY},       {"alias", "AliasName", OPTION_MANY},
    {"key-type", "KeyType", OPTION_UPPER}, {"all", "UnbindAll", OPTION_TRUE},
    {"since", "StartTime", OPTION_TIME},   {"until", "EndTime", OPTION_TIME},
    {"type", "PushType", OPTION_UPPER},    {"target", "Target", OPTION_UPPER},
    {"source", "Source", OPTION_TEXT},     {"keyword", "Keyword", OPTION_TEXT},
};
enum { SETTINGS = sizeof settings / sizeof settings[0], SETTING_FIRST = 256 };

enum { PLAIN_OPTIONS = 8 };
static void list_options(struct option out[PLAIN_OPTIONS + SETTINGS + 1])
{
    static const struct option plain[PLAIN_OPTIONS] = {
        {"config", required_argument, NULL, 'c'}, {"app", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},         {"file", required_argument, NULL, 'f'},
        {"resume", required_argument, NULL, 'r'}, {"keep-going", no_argument, NULL, 'k'},
        {"limit", required_argument, NULL, 'l'},  {"help", no_argument, NULL, 'h'}};
    memcpy(out, plain, sizeof plain);
    for (int i = 0; i < SETTINGS; i++) {
        bool flag = settings[i].kind == OPTION_TRUE;
        out[PLAIN_OPTIONS + i] = (struct option){
            settings[i].name, flag ? no_argument : required_argument, NULL, SETTING_FIRST + i};
    }
    out[PLAIN_OPTIONS + SETTINGS] = (struct option){NULL, 0, NULL, 0};
}

/* "pushbridge tag bind: --tag: what is wrong" */
static int refuse(const struct manage_args *a, const char *option, const char *why)
{
    char command[40];
    snprintf(command, sizeof command, "%s %s", a->row->group, a->row->verb);
    return cli_usage(command, "%s%s%s", option ? option : "", option ? ": " : "", why);
}

/* --- values ---------------------------------------------------------------------------------- */

/* "now", "2h" ago, or RFC 3339. */
static bool read_time(const char *text, int64_t now_ms, char out[CLOCK_UTC_SIZE])
{
    int64_t ms;
    if (strcmp(text, "now") == 0)
        ms = end_of_second(now_ms);
    else if (tool_duration(text, &ms))
        ms = now_ms - ms;
    else if (!clock_parse_rfc3339(text, &ms))
        return false;
    if (ms < 0)
        return false;
    clock_format_utc(ms, out);
    return true;
}

static void set_upper(struct params *p, const char *name, const char *text)
{
    char upper[64];
    size_t i;
    for (i = 0; text[i] && i + 1 < sizeof upper; i++)
        upper[i] = (char)toupper((unsigned char)text[i]);
    upper[i] = '\0';
    params_set_copy(p, name, upper);
}

static bool set_many(struct manage_args *a, const char *param, const char *text, struct err *e)
{
    const struct ids_form form = {.id = actions_param(a->action, param)->id};
    return ids_add_list(&a->many, &form, text, e);
}

static bool set(struct manage_args *a, size_t i, const char *text, int64_t now_ms, struct err *e)
{
    char stamp[CLOCK_UTC_SIZE];
    const char *param = settings[i].param;
    const struct action_param *row = actions_param(a->action, param);
    if (!row || (a->row->list && strcmp(a->row->list, param) == 0))
        return err_set(e, "not an option of %s %s", a->row->group, a->row->verb);
    switch (settings[i].kind) {
    case OPTION_MANY:
        return set_many(a, param, text, e);
    case OPTION_TIME:
        if (!read_time(text, now_ms, stamp))
            return err_set(e, "must be now, a time ago (30m, 2h, 7d) or RFC 3339");
        params_set_copy(&a->fixed, param, stamp);
        return true;
    case OPTION_UPPER:
        set_upper(&a->fixed, param, text);
        break;
    case OPTION_TRUE:
        params_set(&a->fixed, param, "true");
        break;
    case OPTION_TEXT:
        params_set(&a->fixed, param, text);
        break;
    }
    return params_check_text(&row->row, params_get(&a->fixed, param), e);
}

static int take(struct manage_args *a, int c, int64_t now_ms)
{
    struct err e;
    char option[24];
    if (c >= SETTING_FIRST) {
        snprintf(option, sizeof option, "--%s", settings[c - SETTING_FIRST].name);
        return set(a, (size_t)(c - SETTING_FIRST), optarg, now_ms, &e) ? CLI_OK
                                                                       : refuse(a, option, e.text);
    }
    if (c == 'c')
        a->config = optarg;
    else if (c == 'a')
        a->app = optarg;
    else if (c == 'r')
        a->resume = optarg;
    else if (c == 'j')
        a->json = true;
    else if (c == 'k')
        a->keep_going = true;
    else if (c == 'h')
        a->help = true;
    else if (c == 'f' && a->nfiles == MANAGE_FILES_MAX)
        return refuse(a, "--file", "16 at most");
    else if (c == 'f')
        a->files[a->nfiles++] = optarg;
    else if (c == 'l' && !text_int(optarg, 1, MANAGE_LIMIT_MAX, &a->limit))
        return refuse(a, "--limit", "a number from 1 to 1000000");
    else if (c != 'l')
        return CLI_USAGE;
    return CLI_OK;
}

/* --- lists ----------------------------------------------------------------------------------- */

static struct ids_form form_of(const struct manage_args *a)
{
    const struct action_param *row = actions_param(a->action, a->row->list);
    const char *key_type = params_get(&a->fixed, "KeyType");
    struct ids_form form = {.id = row->id};
    if (form.id == ID_KEY && key_type)
        form.id = actions_id_of(key_type);
    if (row->row.type == PARAM_INT)
        form.row = &row->row;
    return form;
}

static bool add_argument(struct manage_args *a, const struct ids_form *form, const char *text,
                         int n, struct err *e)
{
    char place[32];
    if (strcmp(text, "-") == 0)
        return ids_add_file(&a->list, form, text, e);
    if (ids_add(&a->list, form, text, e))
        return true;
    snprintf(place, sizeof place, "argument %d", n);
    return err_prefix(e, place);
}

static int read_list(struct manage_args *a, int argc, char **argv)
{
    struct err e;
    const struct ids_form form = form_of(a);
    for (int i = 0; i < argc; i++)
        if (!add_argument(a, &form, argv[i], i + 1, &e))
            return refuse(a, NULL, e.text);
    for (size_t i = 0; i < a->nfiles; i++)
        if (!ids_add_file(&a->list, &form, a->files[i], &e))
            return refuse(a, NULL, e.text);
    if (!a->list.n)
        return refuse(a, NULL, "no ids: give them as arguments, with --file FILE, or - for stdin");
    return CLI_OK;
}

/* --- the whole ------------------------------------------------------------------------------- */

/* What the action needs and an option sets. */
static int check_required(const struct manage_args *a)
{
    char option[24];
    for (size_t i = 0; i < SETTINGS; i++) {
        const struct action_param *row = actions_param(a->action, settings[i].param);
        bool many = a->row->many && strcmp(a->row->many, settings[i].param) == 0;
        bool given = many ? a->many.n > 0 : params_get(&a->fixed, settings[i].param) != NULL;
        snprintf(option, sizeof option, "--%s", settings[i].name);
        if (row && row->row.required && !given &&
            !(a->row->list && strcmp(a->row->list, settings[i].param) == 0))
            return refuse(a, option, "required");
    }
    bool all = params_get(&a->fixed, "UnbindAll") != NULL;
    if (strcmp(a->action->name, "UnbindAlias") == 0 && all == (a->many.n > 0))
        return refuse(a, NULL, "either --alias or --all");
    return CLI_OK;
}

static int check_words(const struct manage_args *a, int argc)
{
    if (!a->row->list && argc)
        return refuse(a, NULL, "no arguments expected");
    if (!a->row->list && (a->nfiles || a->resume))
        return refuse(a, a->nfiles ? "--file" : "--resume", "this command takes no list");
    if (a->limit && !actions_param(a->action, "Page"))
        return refuse(a, "--limit", "not an option of this command");
    return CLI_OK;
}

/* The last day, unless options say more. */
static void set_period(struct manage_args *a, int64_t now_ms)
{
    char stamp[CLOCK_UTC_SIZE];
    if (!actions_param(a->action, "StartTime"))
        return;
    if (!params_get(&a->fixed, "EndTime")) {
        clock_format_utc(end_of_second(now_ms), stamp);
        params_set_copy(&a->fixed, "EndTime", stamp);
    }
    if (!params_get(&a->fixed, "StartTime")) {
        clock_format_utc(now_ms - DAY_MS, stamp);
        params_set_copy(&a->fixed, "StartTime", stamp);
    }
}

static int parse_options(struct manage_args *a, int argc, char **argv, int64_t now_ms)
{
    struct option options[PLAIN_OPTIONS + SETTINGS + 1];
    int c, code = CLI_OK;
    list_options(options);
    optind = 1;
    while (code == CLI_OK && (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        code = take(a, c, now_ms);
    return code;
}

static int unknown_verb(const char *group, const char *verb)
{
    struct buf verbs;
    buf_init(&verbs, 256);
    for (size_t i = 0; i < manage_rows_count; i++)
        if (strcmp(manage_rows[i].group, group) == 0)
            buf_printf(&verbs, "%s%s", verbs.len ? ", " : "", manage_rows[i].verb);
    if (verb)
        cli_usage(group, "\"%.32s\" is none of %s", verb, buf_text(&verbs));
    else
        cli_usage(group, "which of %s?", buf_text(&verbs));
    buf_free(&verbs);
    return CLI_USAGE;
}

int manage_args_parse(const char *group, int argc, char **argv, int64_t now_ms,
                      struct manage_args *out)
{
    *out = (struct manage_args){0};
    params_init(&out->fixed);
    ids_init(&out->list);
    ids_init(&out->many);
    const char *verb = argc > 1 ? argv[1] : NULL;
    if (verb && (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)) {
        out->help = true;
        return CLI_OK;
    }
    out->row = verb ? manage_find(group, verb) : NULL;
    if (!out->row)
        return unknown_verb(group, verb);
    out->action = actions_find(out->row->action);
    argv[1] = argv[0]; /* what getopt puts before its messages */
    int code = parse_options(out, argc - 1, argv + 1, now_ms);
    if (code || out->help)
        return code;
    code = check_words(out, argc - 1 - optind);
    set_period(out, now_ms);
    if (code == CLI_OK)
        code = check_required(out);
    if (code == CLI_OK && out->row->list)
        code = read_list(out, argc - 1 - optind, argv + 1 + optind);
    return code;
}

void manage_args_free(struct manage_args *args)
{
    params_free(&args->fixed);
    ids_free(&args->list);
    ids_free(&args->many);
}
