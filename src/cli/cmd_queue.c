/* SPDX-License-Identifier: MIT
 * pushbridge queue: lists the queues, looks at the first ready jobs. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/tool.h"

enum { PEEK_DEFAULT = 10, PAGE = 64 };

static const char help[] =
    "usage: pushbridge queue ls   [-c FILE] [--json]\n"
    "       pushbridge queue peek [-c FILE] [QUEUE] [--limit N]\n"
    "\n"
    "ls counts the jobs of every configured queue; peek shows the first ready ones (default: 10 "
    "of\n"
    "the first queue) and takes nothing. Ids of devices, accounts and aliases are masked.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --limit N           so many jobs\n"
    "  --json              one JSON object a line\n";

struct queue_args {
    const char *config, *queue;
    int64_t limit;
    bool peek, json, help;
};

static int parse_options(int argc, char **argv, struct queue_args *args)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"limit", required_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            args->config = optarg;
        else if (c == 'l' && args->peek && text_int(optarg, 1, INT64_MAX, &args->limit))
            continue;
        else if (c == 'l')
            return cli_usage("queue", "--limit: is for peek, a number from 1");
        else if (c == 'j' && args->peek)
            return cli_usage("queue", "--json: is for ls");
        else if (c == 'j')
            args->json = true;
        else if (c == 'h')
            args->help = true;
        else
            return CLI_USAGE;
    }
    if (args->peek && optind < argc)
        args->queue = argv[optind++];
    if (optind < argc)
        return cli_usage("queue", "unexpected argument \"%s\"", argv[optind]);
    return CLI_OK;
}

static int parse(int argc, char **argv, struct queue_args *args)
{
    *args = (struct queue_args){.limit = PEEK_DEFAULT};
    const char *action = argc > 1 ? argv[1] : "";
    args->help = strcmp(action, "--help") == 0 || strcmp(action, "-h") == 0;
    args->peek = strcmp(action, "peek") == 0;
    if (args->help)
        return CLI_OK;
    if (!args->peek && strcmp(action, "ls") != 0)
        return cli_usage("queue", "ls or peek is missing (see --help)");
    argv[1] = argv[0]; /* what getopt puts before its messages */
    return parse_options(argc - 1, argv + 1, args);
}

/* --- ls -------------------------------------------------------------------------------------- */

static void print_count(const char *name, const struct queue_counts *c, bool json)
{
    const int64_t numbers[] = {c->ready,  c->inbox,   c->leased,    c->delayed,
                               c->parked, c->results, c->dead_list, c->sent};
    static const char *const names[] = {"ready",  "inbox",   "leased", "delayed",
                                        "parked", "results", "dead",   "sent"};
    if (json) {
        printf("{\"queue\":");
        json_t *text = json_string(name);
        json_dumpf(text, stdout, JSON_ENCODE_ANY);
        json_decref(text);
    } else {
        tool_cell(stdout, name, 24);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (json)
            printf(",\"%s\":%" PRId64, names[i], numbers[i]);
        else
            printf("%9" PRId64, numbers[i]);
    puts(json ? "}" : "");
}

static int list(struct tool *t, bool json)
{
    if (!json)
        puts("QUEUE                        READY    INBOX   LEASED  DELAYED   PARKED  RESULTS"
             "     DEAD     SENT");
    for (size_t i = 0; i < t->n; i++) {
        struct queue_counts c;
        if (!tool_count(t, t->queues[i], &c))
            return CLI_FAILED;
        print_count(queue_name(t->queues[i]), &c, json);
    }
    return CLI_OK;
}

/* --- peek ------------------------------------------------------------------------------------ */

static const char *text_of(const json_t *job, const char *name)
{
    return json_string_value(json_object_get(job, name));
}

static void put_ids(struct buf *out, const char *kind, const json_t *ids)
{
    char masked[TOOL_MASKED_SIZE];
    const char *first = json_string_value(json_array_get(ids, 0));
    tool_mask(first ? first : "", masked);
    buf_printf(out, "%s %s", kind, masked);
    if (json_array_size(ids) > 1)
        buf_printf(out, " and %zu more", json_array_size(ids) - 1);
}

static void put_target(struct buf *out, json_t *target)
{
    const char *kind;
    json_t *value;
    json_object_foreach(target, kind, value)
    {
        if (json_is_array(value))
            put_ids(out, kind, value);
        else if (json_is_string(value))
            buf_printf(out, "%s %s", kind, json_string_value(value));
        else
            buf_puts(out, kind);
    }
}

static void put_tags(struct buf *out, const json_t *job)
{
    const json_t *tags = json_object_get(job, "tags");
    const char *school = text_of(job, "school");
    if (school)
        buf_printf(out, "school %s ", school);
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        buf_puts(out, i ? "," : "tags ");
        buf_puts(out, tag ? tag : "?");
    }
}

static void print_audience(const json_t *job)
{
    struct buf text;
    json_t *target = json_object_get(job, "target");
    buf_init(&text, 200); /* what is longer is cut */
    if (target)
        put_target(&text, target);
    else
        put_tags(&text, job);
    tool_cell(stdout, buf_text(&text), 40);
    buf_free(&text);
}

static void print_job(int64_t place, const struct tool_text *text, int64_t now_ms)
{
    char at[24], age[TOOL_AGE_SIZE] = "";
    json_t *job = json_loadb(text->p, text->len, JSON_ALLOW_NUL, NULL);
    const json_t *since = json_object_get(job, "enqueued_at");
    snprintf(at, sizeof at, "%" PRId64, place);
    tool_cell(stdout, at, 6);
    if (!json_is_object(job)) {
        printf("no JSON object, %zu bytes\n", text->len);
        json_decref(job);
        return;
    }
    if (json_is_integer(since))
        tool_age(now_ms - json_integer_value(since), age);
    tool_cell(stdout, text_of(job, "id"), 24);
    tool_cell(stdout, text_of(job, "app"), 10);
    tool_cell(stdout, text_of(job, "message") ? "(text)" : text_of(job, "code"), 10);
    tool_cell(stdout, age, 5);
    print_audience(job);
    printf("%zu\n", text->len);
    json_decref(job);
}

static int peek(struct tool *t, int64_t limit)
{
    struct queue *q = t->queues[0];
    int64_t n = 0;
    bool more = true;
    if (!tool_clock(t, q))
        return CLI_FAILED;
    puts("AT     ID                       APP        CODE       AGE   AUDIENCE"
         "                                 BYTES");
    while (more && n < limit) {
        int64_t ask = limit - n < PAGE ? limit - n : PAGE;
        struct tool_rows page = tool_page(t, q, QUEUE_READY, NULL, n, ask);
        bool ok = page.ok;
        for (size_t i = 0; i < page.n; i++)
            print_job(n + (int64_t)i, &page.v[i], queue_now_ms(q));
        n += (int64_t)page.n;
        more = (int64_t)page.n == ask;
        tool_rows_free(&page);
        if (!ok)
            return CLI_FAILED;
    }
    return CLI_OK;
}

int cmd_queue(int argc, char **argv)
{
    struct queue_args args;
    struct config config;
    struct tool t;
    int code = parse(argc, argv, &args);
    if (code || args.help) {
        fputs(code ? "" : help, stdout);
        return code;
    }
    if (!cli_load(args.config, false, &config))
        return CLI_CONFIG;
    if (tool_open(&t, &config, args.queue, &code)) {
        code = args.peek ? peek(&t, args.limit) : list(&t, args.json);
        tool_close(&t);
    }
    config_free(&config);
    return code;
}
