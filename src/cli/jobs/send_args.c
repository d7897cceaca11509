/* SPDX-License-Identifier: MIT */
#include "cli/jobs/send_args.h"

#include <string.h>

#include "aliyun/params.h"
#include "base/text.h"
#include "job/written/numbers.h"

enum { TIMEOUT_DEFAULT_S = 30, TIMEOUT_MAX_S = 86400, KEY_SIZE = 128 };

static json_t *child_of(json_t *object, const char *name, bool list)
{
    json_t *found = json_object_get(object, name);
    if (found)
        return found;
    json_object_set_new(object, name, list ? json_array() : json_object());
    return json_object_get(object, name);
}

static json_t *job_made(void *args)
{
    return ((struct send_args *)args)->job;
}

static json_t *job_target(void *args)
{
    return child_of(job_made(args), "target", false);
}

static bool set_once(json_t *object, const char *name, json_t *value, struct err *e)
{
    if (!value)
        return err_set(e, "is not UTF-8");
    if (json_object_get(object, name)) {
        json_decref(value);
        return err_set(e, "is given twice");
    }
    return json_object_set_new(object, name, value) == 0;
}

static bool add_element(json_t *list, const char *text, struct err *e)
{
    return json_array_append_new(list, json_string(text)) == 0 || err_set(e, "is not UTF-8");
}

/* --- how an option's value gets into the job; own is the member's name ----------------------- */

static bool set_text_member(void *args, const struct args_option *o, const char *text,
                            struct err *e)
{
    return set_once(job_made(args), o->own, json_string(text), e);
}

static bool set_integer_member(void *args, const struct args_option *o, const char *text,
                               struct err *e)
{
    int64_t n;
    return args_read_number(o, text, &n, e) && set_once(job_made(args), o->own, json_integer(n), e);
}

static bool set_type_member(void *args, const struct args_option *o, const char *text,
                            struct err *e)
{
    int64_t n;
    return set_once(job_made(args), o->own,
                    text_int(text, 0, 1, &n) ? json_integer(n) : json_string(text), e);
}

static bool add_to_list(void *args, const struct args_option *o, const char *text, struct err *e)
{
    return add_element(child_of(job_made(args), o->own, true), text, e);
}

/* A parameter's value in the type that the provider documents; what cannot be one stays text, so
 * that the job's check says what is wrong with it. */
static json_t *push_value(const char *name, const char *text)
{
    const struct param_row *row = params_find(name);
    bool plain = !row || row->type == PARAM_STRING || row->type == PARAM_TIME;
    size_t len = strlen(text);
    int flags = JSON_DECODE_ANY | JSON_REJECT_DUPLICATES;
    json_t *value = plain ? NULL : numbers_load(text, len, flags, NULL);
    if (json_is_object(value) || json_is_array(value))
        numbers_keep(value, text, len, numbers_everywhere, SIZE_MAX);
    return value ? value : json_string(text);
}

static bool set_pair(void *args, const struct args_option *o, const char *text, struct err *e)
{
    char name[KEY_SIZE];
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;
    if (!len || len >= sizeof name)
        return err_set(e, "\"%.64s\" must be NAME=VALUE", text);
    memcpy(name, text, len);
    name[len] = '\0';
    if (!text_is_utf8(name, len))
        return err_set(e, "is not UTF-8");
    bool typed = strcmp(o->own, "push") == 0;
    json_t *value = typed ? push_value(name, equals + 1) : json_string(equals + 1);
    return set_once(child_of(job_made(args), o->own, false), name, value, e);
}

static bool add_target(void *args, const struct args_option *o, const char *text, struct err *e)
{
    return add_element(child_of(job_target(args), o->own, true), text, e);
}

/* A plain name, or an expression. */
static bool set_tag_member(void *args, const struct args_option *o, const char *text, struct err *e)
{
    json_t *expression = *text == '{' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return set_once(job_target(args), o->own, expression ? expression : json_string(text), e);
}

static bool set_all_member(void *args, const struct args_option *o, const char *text, struct err *e)
{
    (void)text;
    return set_once(job_target(args), o->own, json_true(), e);
}

/* --- the whole ------------------------------------------------------------------------------- */

static void begin_send(void *args)
{
    ((struct send_args *)args)->job = json_object();
}

static bool check_send(void *args, struct err *e)
{
    struct send_args *a = args;
    const struct args *given = args;
    if (given->nwords && strcmp(given->words[0], "-") != 0)
        return err_set(e, "unexpected argument \"%.64s\"", given->words[0]);
    a->lines = given->nwords;
    if (a->lines && json_object_size(a->job))
        return err_set(e, "-: takes no job options beside it");
    if (!a->lines && !json_object_size(a->job))
        return err_set(e, "--code or --message is missing (or - for the standard input)");
    if (a->timeout_s && !a->wait)
        return err_set(e, "--timeout needs --wait");
    if (!a->timeout_s)
        a->timeout_s = TIMEOUT_DEFAULT_S;
    return true;
}

static void end_send(void *args)
{
    json_decref(job_made(args));
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_TEXT("queue", "NAME", struct send_args, queue, "default: the first of queue.names"),
     .min = 1},
    {ARGS_IS_FLAG("wait", struct send_args, wait,
                  "print the outcome; exit 0 sent, 1 dead, 75 timed out")},
    {ARGS_IS_NUMBER("timeout", "S", struct send_args, timeout_s, 1, TIMEOUT_MAX_S,
                    "with --wait: default 30 seconds")},
    {ARGS_TITLE("The job:")},
    {ARGS_IS_OWN("code", "CODE", set_text_member, "code", "template, or --message")},
    {ARGS_IS_OWN("message", "TEXT", set_text_member, "message", "text without a template")},
    {ARGS_IS_OWN("title", "TEXT", set_text_member, "title", "with --message")},
    {ARGS_IS_OWN("school", "SCHOOL", set_text_member, "school",
                 "template argument, and the AND side of the audience")},
    {ARGS_IS_OWN("tag", "TAG", add_to_list, "tags", "the OR side of the audience"), .many = true},
    {ARGS_IS_OWN("param", "NAME=TEXT", set_pair, "params", "further template argument"),
     .many = true},
    {ARGS_IS_OWN("locale", "LOCALE", set_text_member, "locale", "variant of the template")},
    {ARGS_IS_OWN("type", "0|1", set_type_member, "type", "message or functional")},
    {ARGS_IS_OWN("id", "ID", set_text_member, "id", "the job's own id")},
    {ARGS_IS_OWN("app", "NAME", set_text_member, "app", "configured app")},
    {ARGS_IS_OWN("push", "NAME=VALUE", set_pair, "push",
                 "provider's parameter by its documented name"),
     .many = true},
    {ARGS_IS_OWN("delay-s", "S", set_integer_member, "delay_s", "scheduled by the provider"),
     .min = INT64_MIN, .max = INT64_MAX},
    {ARGS_IS_OWN("push-at", "TIME", set_text_member, "push_at", "scheduled by the provider")},
    {ARGS_IS_OWN("ttl-s", "S", set_integer_member, "ttl_s", "not sent any more after this"),
     .min = INT64_MIN, .max = INT64_MAX},
    {ARGS_IS_OWN("expire-at", "TIME", set_text_member, "expire_at",
                 "not sent any more after this")},
    {ARGS_IS_OWN("target-device", "ID", add_target, "device", "this device"), .many = true},
    {ARGS_IS_OWN("target-account", "NAME", add_target, "account", "this account's devices"),
     .many = true},
    {ARGS_IS_OWN("target-alias", "NAME", add_target, "alias", "this alias' devices"), .many = true},
    {ARGS_IS_OWN("target-tag", "TAG", set_tag_member, "tag",
                 "plain name, or an expression as JSON")},
    {ARGS_IS_OWN("target-all", NULL, set_all_member, "all", "everybody")},
};
const struct args_command send_args = {
    .name = "send",
    .title = "put jobs into the queue, and wait for the outcome",
    .about = "Puts one job, made from options, or the jobs on the lines of the standard input (-) "
             "into the queue. Each is checked first.",
    ARGS_NO_VERB("[-c FILE] [--queue NAME] [--wait [--timeout S]]", "JOB OPTIONS… | -", 0, 1),
    ARGS_OPTIONS(options),
    .size = sizeof(struct send_args),
    .begin = begin_send,
    .check = check_send,
    .end = end_send,
};
