/* SPDX-License-Identifier: MIT */
#include "cli/jobs/send_args.h"

#include <getopt.h>
#include <string.h>

#include "aliyun/params.h"
#include "base/text.h"

enum { TIMEOUT_DEFAULT_S = 30, TIMEOUT_MAX_S = 86400, KEY_SIZE = 128 };

static const char help[] =
    "usage: pushbridge send [-c FILE] [--queue NAME] [--wait [--timeout S]] JOB OPTIONS…\n"
    "       pushbridge send [-c FILE] [--queue NAME] [--wait [--timeout S]] -\n"
    "\n"
    "Puts one job, made from options, or the jobs on the lines of the standard input (-) into the\n"
    "queue. Each is checked first.\n"
    "\n"
    "  -c, --config FILE     configuration file\n"
    "  --queue NAME          default: the first of queue.names\n"
    "  --wait                print the outcome; exit 0 sent, 1 dead, 75 timed out\n"
    "  --timeout S           with --wait: default 30 seconds\n"
    "\n"
    "  --code CODE           template, or --message TEXT [--title TEXT]\n"
    "  --school SCHOOL       template argument, and the AND side of the audience\n"
    "  --tag TAG             the OR side of the audience; repeat for more\n"
    "  --param NAME=TEXT     further template argument; repeat for more\n"
    "  --locale LOCALE       variant of the template\n"
    "  --type 0|1            message or functional\n"
    "  --id ID               the job's own id\n"
    "  --app NAME            configured app\n"
    "  --push NAME=VALUE     provider's parameter by its documented name; repeat for more\n"
    "  --delay-s S, --push-at TIME   scheduled by the provider\n"
    "  --ttl-s S, --expire-at TIME   not sent any more after this\n"
    "  --target-device ID, --target-account NAME, --target-alias NAME   repeat for more\n"
    "  --target-tag TAG      plain name, or an expression as JSON\n"
    "  --target-all          everybody\n";

/* How an option's value gets into the job. */
enum kind {
    KIND_TEXT,   /* job[member] = text */
    KIND_INT,    /* job[member] = integer */
    KIND_TYPE,   /* integer or word */
    KIND_ITEM,   /* job[member] gets one more element */
    KIND_PARAM,  /* job[member][name] = text */
    KIND_PUSH,   /* job[member][name] = value of the parameter's type */
    KIND_TARGET, /* target[member] gets one more element */
    KIND_TAG,    /* target[member] = name or expression */
    KIND_ALL,    /* target[member] = true */
    KIND_CONFIG,
    KIND_QUEUE,
    KIND_WAIT,
    KIND_TIMEOUT,
    KIND_HELP,
};

static const struct send_option {
    const char *name;
    enum kind kind;
    const char *member;
} table[] = {
    {"code", KIND_TEXT, "code"},
    {"message", KIND_TEXT, "message"},
    {"title", KIND_TEXT, "title"},
    {"school", KIND_TEXT, "school"},
    {"id", KIND_TEXT, "id"},
    {"app", KIND_TEXT, "app"},
    {"locale", KIND_TEXT, "locale"},
    {"push-at", KIND_TEXT, "push_at"},
    {"expire-at", KIND_TEXT, "expire_at"},
    {"delay-s", KIND_INT, "delay_s"},
    {"ttl-s", KIND_INT, "ttl_s"},
    {"type", KIND_TYPE, "type"},
    {"tag", KIND_ITEM, "tags"},
    {"param", KIND_PARAM, "params"},
    {"push", KIND_PUSH, "push"},
    {"target-device", KIND_TARGET, "device"},
    {"target-account", KIND_TARGET, "account"},
    {"target-alias", KIND_TARGET, "alias"},
    {"target-tag", KIND_TAG, "tag"},
    {"target-all", KIND_ALL, "all"},
    {"config", KIND_CONFIG, NULL},
    {"queue", KIND_QUEUE, NULL},
    {"wait", KIND_WAIT, NULL},
    {"timeout", KIND_TIMEOUT, NULL},
    {"help", KIND_HELP, NULL},
};
enum { OPTIONS = sizeof table / sizeof *table };

static bool takes_value(enum kind kind)
{
    return kind != KIND_ALL && kind != KIND_WAIT && kind != KIND_HELP;
}

static int refuse(const struct send_option *o, const char *what)
{
    return cli_usage("send", "--%s: %s", o->name, what);
}

/* --- values ---------------------------------------------------------------------------------- */

static json_t *child(json_t *object, const char *name, bool list)
{
    json_t *found = json_object_get(object, name);
    if (found)
        return found;
    json_object_set_new(object, name, list ? json_array() : json_object());
    return json_object_get(object, name);
}

static int set_once(const struct send_option *o, json_t *object, const char *name, json_t *value)
{
    if (!value)
        return refuse(o, "is not UTF-8");
    if (json_object_get(object, name)) {
        json_decref(value);
        return refuse(o, "is given twice");
    }
    json_object_set_new(object, name, value);
    return CLI_OK;
}

static int add_item(const struct send_option *o, json_t *list, const char *text)
{
    return json_array_append_new(list, json_string(text)) == 0 ? CLI_OK : refuse(o, "is not UTF-8");
}

static int set_int(const struct send_option *o, json_t *job, const char *text)
{
    int64_t n;
    if (!text_int(text, INT64_MIN, INT64_MAX, &n))
        return refuse(o, "is not an integer");
    return set_once(o, job, o->member, json_integer(n));
}

static int set_type(const struct send_option *o, json_t *job, const char *text)
{
    int64_t n;
    if (text_int(text, 0, 1, &n))
        return set_once(o, job, o->member, json_integer(n));
    return set_once(o, job, o->member, json_string(text));
}

/* A parameter's value in the type that the provider documents; what cannot be one stays text, so
 * that the job's check says what is wrong with it. */
static json_t *push_value(const char *name, const char *text)
{
    const struct param_row *row = params_find(name);
    bool plain = !row || row->type == PARAM_STRING || row->type == PARAM_TIME;
    json_t *value = plain ? NULL : json_loads(text, JSON_DECODE_ANY, NULL);
    return value ? value : json_string(text);
}

static int set_pair(const struct send_option *o, json_t *job, const char *text)
{
    char name[KEY_SIZE];
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;
    if (!len || len >= sizeof name)
        return refuse(o, "must be NAME=VALUE");
    memcpy(name, text, len);
    name[len] = '\0';
    if (!text_is_utf8(name, len))
        return refuse(o, "is not UTF-8");
    json_t *value = o->kind == KIND_PUSH ? push_value(name, equals + 1) : json_string(equals + 1);
    return set_once(o, child(job, o->member, false), name, value);
}

static int set_tag(const struct send_option *o, json_t *target, const char *text)
{
    json_t *expression = *text == '{' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    return set_once(o, target, o->member, expression ? expression : json_string(text));
}

static int set_timeout(const struct send_option *o, struct send_args *args, const char *text)
{
    return text_int(text, 1, TIMEOUT_MAX_S, &args->timeout_s) ? CLI_OK
                                                              : refuse(o, "is not 1 to 86400");
}

static int apply_job(const struct send_option *o, const char *text, json_t *job)
{
    switch (o->kind) {
    case KIND_TEXT:
        return set_once(o, job, o->member, json_string(text));
    case KIND_INT:
        return set_int(o, job, text);
    case KIND_TYPE:
        return set_type(o, job, text);
    case KIND_ITEM:
        return add_item(o, child(job, o->member, true), text);
    case KIND_PARAM:
    case KIND_PUSH:
        return set_pair(o, job, text);
    case KIND_TARGET:
        return add_item(o, child(child(job, "target", false), o->member, true), text);
    case KIND_TAG:
        return set_tag(o, child(job, "target", false), text);
    default:
        return set_once(o, child(job, "target", false), o->member, json_true());
    }
}

static int apply(const struct send_option *o, const char *text, struct send_args *args)
{
    switch (o->kind) {
    case KIND_CONFIG:
        args->config = text;
        return CLI_OK;
    case KIND_QUEUE:
        args->queue = text;
        return *text ? CLI_OK : refuse(o, "must not be empty");
    case KIND_WAIT:
        args->wait = true;
        return CLI_OK;
    case KIND_TIMEOUT:
        return set_timeout(o, args, text);
    case KIND_HELP:
        args->help = true;
        return CLI_OK;
    default:
        return apply_job(o, text, args->job);
    }
}

/* --- the whole ------------------------------------------------------------------------------- */

static int check_whole(int argc, char **argv, struct send_args *args)
{
    bool dash = argc - optind == 1 && strcmp(argv[optind], "-") == 0;
    if (argc > optind && !dash)
        return cli_usage("send", "unexpected argument \"%s\"", argv[optind]);
    args->lines = dash;
    if (dash && json_object_size(args->job))
        return cli_usage("send", "-: takes no job options beside it");
    if (!dash && !json_object_size(args->job))
        return cli_usage("send", "--code or --message is missing (or - for the standard input)");
    if (args->timeout_s && !args->wait)
        return cli_usage("send", "--timeout needs --wait");
    if (!args->timeout_s)
        args->timeout_s = TIMEOUT_DEFAULT_S;
    return CLI_OK;
}

int send_args_parse(int argc, char **argv, struct send_args *out)
{
    struct option options[OPTIONS + 1] = {{0}};
    int c, index = 0, code = CLI_OK;
    *out = (struct send_args){.job = json_object()};
    for (size_t i = 0; i < OPTIONS; i++) {
        options[i].name = table[i].name;
        options[i].has_arg = takes_value(table[i].kind) ? required_argument : no_argument;
    }
    optind = 0; /* forgets what an earlier parsing left half-read */
    while (!code && (c = getopt_long(argc, argv, "c:h", options, &index)) != -1) {
        if (c == 'c')
            out->config = optarg;
        else if (c == 'h')
            out->help = true;
        else
            code = c == 0 ? apply(&table[index], optarg, out) : CLI_USAGE;
    }
    return code || out->help ? code : check_whole(argc, argv, out);
}

void send_args_free(struct send_args *args)
{
    json_decref(args->job);
}

void send_args_help(FILE *out)
{
    fputs(help, out);
}
