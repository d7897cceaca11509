/* SPDX-License-Identifier: MIT
 * pushbridge queue: lists the queues, looks at the first ready jobs. */
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "cli/tool.h"
#include "job/envelope.h"
#include "job/written/numbers.h"

enum { PEEK_DEFAULT = 10, PAGE = 64 };

enum { VERB_LS, VERB_PEEK };
static const struct args_verb verbs[] = {
    {"ls", "[-c FILE] [--json]", "", 0, 0, "count the jobs of every configured queue", NULL},
    {"peek", "[-c FILE] [--claimed] [--limit N]", "[QUEUE]", 0, 1,
     "show the first ready jobs of QUEUE, else of the first queue", NULL},
};

struct queue_args {
    struct cli_args common;
    int64_t limit;
    bool claimed, json;
};

/* --- ls -------------------------------------------------------------------------------------- */

static const char *const count_names[] = {"ready",  "inbox",   "leased", "delayed",
                                          "parked", "results", "dead",   "sent"};
enum { COUNTS = sizeof count_names / sizeof *count_names };

static void print_counts(const char *name, const int64_t numbers[COUNTS])
{
    tool_cell(stdout, name, 24);
    for (size_t i = 0; i < COUNTS; i++)
        printf("%9" PRId64, numbers[i]);
    putchar('\n');
}

static void print_counts_json(const char *name, const int64_t numbers[COUNTS])
{
    json_t *line = json_pack("{s:s}", "queue", name);
    for (size_t i = 0; i < COUNTS; i++)
        json_object_set_new(line, count_names[i], json_integer(numbers[i]));
    cli_json(stdout, line, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static int list_queues(struct tool *t, bool json)
{
    if (!json)
        puts("QUEUE                        READY    INBOX   LEASED  DELAYED   PARKED  RESULTS"
             "     DEAD     SENT");
    for (size_t i = 0; i < t->n; i++) {
        struct queue_counts c;
        if (!tool_count(t, t->queues[i], &c))
            return CLI_FAILED;
        const int64_t numbers[COUNTS] = {c.ready,  c.inbox,   c.leased,    c.delayed,
                                         c.parked, c.results, c.dead_list, c.sent};
        (json ? print_counts_json : print_counts)(queue_name(t->queues[i]), numbers);
    }
    return CLI_OK;
}

/* --- peek ------------------------------------------------------------------------------------ */

static const char *job_text(const json_t *job, const char *name)
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

static void put_job_tags(struct buf *out, const json_t *job)
{
    const json_t *tags = json_object_get(job, "tags");
    const char *school = job_text(job, "school");
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
        put_job_tags(&text, job);
    tool_cell(stdout, buf_text(&text), 40);
    buf_free(&text);
}

static const char peek_head[] = "ID                       APP        CODE       AGE   AUDIENCE"
                                "                                 BYTES";

static void print_call(const struct envelope *v)
{
    if (!v->call[0])
        return;
    fputs("  call ", stdout);
    tool_cell(stdout, v->call, 0);
    printf(", task %u of %u", v->task + 1, v->tasks);
}

/* uid: for a job without an id, NULL where none is known yet. */
static void print_job(const char *bytes, size_t len, const char *uid, int64_t now_ms)
{
    char age[TOOL_AGE_SIZE] = "";
    json_t *job = numbers_load(bytes, len, JSON_ALLOW_NUL, NULL);
    int64_t since_ms = job_enqueued_at_ms(json_object_get(job, "enqueued_at"));
    const char *id = job_text(job, "id");
    if (!json_is_object(job)) {
        printf("no JSON object, %zu bytes", len);
        json_decref(job);
        return;
    }
    if (since_ms != JOB_ABSENT)
        tool_age(now_ms - number_bounded(since_ms), age);
    tool_cell(stdout, id ? id : uid, 24);
    tool_cell(stdout, job_text(job, "app"), 10);
    tool_cell(stdout, job_text(job, "message") ? "(text)" : job_text(job, "code"), 10);
    tool_cell(stdout, age, 5);
    print_audience(job);
    printf("%zu", len);
    json_decref(job);
}

static int peek_ready(struct tool *t, int64_t limit)
{
    struct queue *q = t->queues[0];
    int64_t n = 0;
    bool more = true;
    cli_line(stdout, "AT     %s", peek_head);
    while (more && n < limit) {
        int64_t ask = limit - n < PAGE ? limit - n : PAGE;
        struct tool_rows page = tool_page(t, q, QUEUE_READY, NULL, n, ask);
        bool ok = page.ok;
        for (size_t i = 0; i < page.n; i++) {
            printf("%-6" PRId64 " ", n + (int64_t)i);
            if (page.v[i].large)
                fputs(page.v[i].p, stdout);
            else
                print_job(page.v[i].p, page.v[i].len, NULL, queue_now_ms(q));
            putchar('\n');
        }
        n += (int64_t)page.n;
        more = (int64_t)page.n == ask;
        tool_rows_free(&page);
        if (!ok)
            return CLI_FAILED;
    }
    return CLI_OK;
}

struct peeking {
    struct queue *queue;
    int64_t left;
};

static bool print_member(void *arg, const char *field, const struct tool_text *text)
{
    struct peeking *p = arg;
    struct queue_value value;
    struct envelope v = {0};
    struct err e;
    tool_cell(stdout, field, 20);
    if (text->large || !queue_value_read(text->p, text->len, &value)) {
        fputs(text->large ? text->p : "unreadable", stdout);
    } else if (value.oversize) {
        fputs("longer than queue.job_max_bytes", stdout);
    } else {
        if (!value.envelope_len || !envelope_read(value.envelope, value.envelope_len, &v, &e))
            v = (struct envelope){0};
        print_job(value.bytes, value.len, *v.uid ? v.uid : NULL, queue_now_ms(p->queue));
        print_call(&v);
    }
    putchar('\n');
    envelope_free(&v);
    return --p->left > 0;
}

static int peek_claimed(struct tool *t, int64_t limit)
{
    struct peeking p = {t->queues[0], limit};
    cli_line(stdout, "MEMBER               %s  CALL", peek_head);
    return tool_each_member(t, p.queue, print_member, &p) ? CLI_OK : CLI_FAILED;
}

static int act_queue(struct tool *t, const void *args)
{
    const struct queue_args *a = args;
    if (a->common.given.verb == &verbs[VERB_LS])
        return list_queues(t, a->json);
    int64_t limit = a->limit ? a->limit : PEEK_DEFAULT;
    if (!tool_clock(t, t->queues[0]))
        return CLI_FAILED;
    return a->claimed ? peek_claimed(t, limit) : peek_ready(t, limit);
}

static int run_queue(void *args, struct config *config)
{
    const struct args *given = args;
    return tool_run(config, given->nwords ? given->words[0] : NULL, act_queue, args);
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_FLAG("claimed", struct queue_args, claimed,
                  "instead of ready jobs those that workers hold or that wait for a retry, in no "
                  "order, and which of them wait together for the call that they share"),
     .verbs = 1u << VERB_PEEK},
    {ARGS_IS_NUMBER("limit", "N", struct queue_args, limit, 1, INT64_MAX, "so many jobs (10)"),
     .verbs = 1u << VERB_PEEK},
    {ARGS_IS_FLAG("json", struct queue_args, json, "one JSON object a line"),
     .verbs = 1u << VERB_LS},
};
static const struct args_command queue_args = {
    .name = "queue",
    .title = "list the queues, look at the first ready jobs",
    .about = "Takes nothing. Ids of devices, accounts and aliases are masked.",
    ARGS_VERBS(verbs),
    ARGS_OPTIONS(options),
    .size = sizeof(struct queue_args),
};
const struct cli_command cmd_queue = {&queue_args, CLI_NEEDS_TOOL, run_queue};
