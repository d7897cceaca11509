/* SPDX-License-Identifier: MIT */
#include "mock/world/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *outcome_name(enum record_outcome outcome)
{
    static const char *const names[] = {"pending",   "pushed",  "suppressed", "refused",
                                        "throttled", "faulted", "done"};
    return names[outcome];
}

static void add_number(struct buf *out, const char *name, uint64_t n)
{
    buf_printf(out, "\"%s\":%" PRIu64 ",", name, n);
}

static void add_report_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "\"%s\":", name);
    if (text_is_utf8(text, strlen(text)))
        buf_json_or_null(out, *text ? text : NULL);
    else
        buf_puts(out, "\"(not UTF-8)\"");
    buf_putc(out, ',');
}

static void drop_comma(struct buf *out)
{
    if (out->len && out->data[out->len - 1] == ',')
        out->data[--out->len] = '\0';
}

static void add_params(struct buf *out, const struct record_call *c)
{
    buf_puts(out, "\"parameters\":{");
    for (const char *p = c->params; p && p < c->params + c->params_len;) {
        const char *value = p + strlen(p) + 1;
        buf_json(out, p, strlen(p));
        buf_putc(out, ':');
        if (text_is_utf8(value, strlen(value)))
            buf_json(out, value, strlen(value));
        else
            buf_puts(out, "null");
        buf_putc(out, ',');
        p = value + strlen(value) + 1;
    }
    drop_comma(out);
    buf_puts(out, "},");
}

static void add_message_id(struct buf *out, const struct record_call *c, int task)
{
    if (task < c->ids.count)
        buf_printf(out, "\"message_id\":\"%" PRIu64 "\",", c->ids.first + (uint64_t)task);
    else
        buf_puts(out, "\"message_id\":null,");
}

static void add_answer(struct buf *out, const struct record_call *c)
{
    buf_printf(out, "\"answered\":%s,\"status\":%d,", c->answered ? "true" : "false", c->status);
    buf_printf(out, "\"answered_ms\":%" PRId64 ",", c->answered_ms);
    buf_printf(out, "\"held\":%s,", c->held ? "true" : "false");
    add_report_text(out, "code", c->code);
    add_report_text(out, "fault", c->fault ? c->fault : "");
    add_report_text(out, "request_id", c->request_id);
}

static void add_task(struct buf *out, const struct record_call *c, int task)
{
    static const char *const names[][2] = {
        {"job_key", "JobKey"}, {"target", "Target"}, {"title", "Title"}, {"body", "Body"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        add_report_text(out, names[i][0], record_task_param(c, task, names[i][1]));
    add_report_text(out, "target_value_digest", c->tasks[task].target_digest);
    add_message_id(out, c, task);
    if (c->tasks[task].cancelled)
        buf_puts(out, "\"cancelled\":true,");
}

static void add_tasks(struct buf *out, const struct record_call *c)
{
    buf_puts(out, "\"tasks\":[");
    for (int i = 0; i < c->task_count; i++) {
        buf_putc(out, '{');
        add_task(out, c, i);
        drop_comma(out);
        buf_puts(out, "},");
    }
    drop_comma(out);
    buf_puts(out, "],");
}

static void add_call(struct buf *out, const struct record_call *c, bool full)
{
    buf_putc(out, '{');
    add_number(out, "seq", c->seq);
    add_report_text(out, "action", c->action);
    buf_printf(out, "\"at_ms\":%" PRId64 ",\"signature\":\"%s\",", c->at_ms, c->v3 ? "v3" : "v1");
    buf_printf(out, "\"method\":\"%s\",\"outcome\":\"%s\",", c->get ? "GET" : "POST",
               outcome_name(c->outcome));
    buf_printf(out, "\"concurrent\":%s,", c->concurrent ? "true" : "false");
    add_answer(out, c);
    add_report_text(out, "app_key", record_param(c, "AppKey"));
    add_report_text(out, "token", record_param(c, "IdempotentToken"));
    if (c->mass)
        add_tasks(out, c);
    else
        add_task(out, c, 0);
    if (full)
        add_params(out, c);
    drop_comma(out);
    buf_puts(out, "},");
}

static void add_counts(struct buf *out, const struct record_counts *n)
{
    static const struct record_counts none;
    n = n ? n : &none;
    add_number(out, "calls", n->calls);
    add_number(out, "pushes", n->pushes);
    add_number(out, "suppressed", n->suppressed);
    add_number(out, "concurrent", n->concurrent);
}

/* The call before this one with the same JobKey, or 0. A call may have several tasks of one job. */
static uint64_t earlier_of_job(const struct record_call *c, const char *job)
{
    uint64_t earlier = 0;
    for (int i = 0; i < c->task_count && !earlier; i++)
        if (strcmp(record_task_param(c, i, "JobKey"), job) == 0 &&
            c->tasks[i].earlier_of_job != c->seq)
            earlier = c->tasks[i].earlier_of_job;
    return earlier;
}

/* One token or one JobKey: its counts, and its calls, the newest first. */
static void report_one(const struct record *m, const char *what, const char *key, bool full,
                       struct buf *out)
{
    bool by_job = strcmp(what, "job") == 0;
    const struct record_counts *n = table_get(by_job ? &m->jobs : &m->tokens, key);
    buf_putc(out, '{');
    add_report_text(out, what, key);
    add_counts(out, n);
    buf_puts(out, "\"list\":[");
    for (uint64_t seq = n ? n->last_seq : 0; seq;) {
        const struct record_call *c = record_find(m, seq);
        if (!c)
            break;
        add_call(out, c, full);
        seq = by_job ? earlier_of_job(c, key) : c->earlier_of_token;
    }
    drop_comma(out);
    buf_puts(out, "]}\n");
}

static void report_list(const struct record *m, const struct report_query *ask, struct buf *out)
{
    uint64_t first = m->oldest_seq;
    if (ask->limit && m->next_seq - first > ask->limit)
        first = m->next_seq - ask->limit;
    buf_puts(out, "\"list\":[");
    for (uint64_t seq = first; seq < m->next_seq; seq++)
        add_call(out, record_find(m, seq), ask->full);
    drop_comma(out);
    buf_puts(out, "],");
}

void report_record(const struct record *m, const struct report_query *ask, uint64_t in_flight,
                   uint64_t held, struct buf *out)
{
    if (ask->job || ask->token) {
        report_one(m, ask->job ? "job" : "token", ask->job ? ask->job : ask->token, ask->full, out);
        return;
    }
    buf_putc(out, '{');
    add_number(out, "calls", m->calls);
    add_number(out, "accepted", m->pushes + m->suppressed);
    add_number(out, "pushes", m->pushes);
    add_number(out, "suppressed", m->suppressed);
    add_number(out, "tasks", m->tasks);
    add_number(out, "concurrent", m->concurrent);
    add_number(out, "tokens", m->tokens.count);
    add_number(out, "jobs", m->jobs.count);
    add_number(out, "refused", m->refused);
    add_number(out, "throttled", m->throttled);
    add_number(out, "faulted", m->faulted);
    add_number(out, "done", m->done);
    add_number(out, "answered", m->answered);
    add_number(out, "in_flight", in_flight);
    add_number(out, "held", held);
    add_number(out, "connections", m->connections);
    if (ask->list)
        report_list(m, ask, out);
    drop_comma(out);
    buf_puts(out, "}\n");
}

static void visit_token(const char *key, void *value, void *arg)
{
    const struct record_counts *n = value;
    if (n->pushes < 2)
        return;
    struct buf *out = arg;
    buf_putc(out, '{');
    add_report_text(out, "token", key);
    add_counts(out, n);
    drop_comma(out);
    buf_puts(out, "},");
}

static void visit_piece(const char *key, void *value, void *arg)
{
    const struct record_piece *piece = value;
    char job[65] = "", app[25] = "", target[17] = "", digest[33] = "";
    if (piece->pushes < 2)
        return;
    sscanf(key, "%64s %24s %16s %32s", job, app, target, digest);
    struct buf *out = arg;
    buf_putc(out, '{');
    add_report_text(out, "job_key", job);
    add_report_text(out, "app_key", app);
    add_report_text(out, "target", target);
    add_report_text(out, "target_value_digest", digest);
    buf_printf(out, "\"pushes\":%" PRIu64 "},", piece->pushes);
}

void report_duplicates(const struct record *m, struct buf *out)
{
    buf_puts(out, "{\"tokens\":[");
    table_each(&m->tokens, visit_token, out);
    drop_comma(out);
    buf_puts(out, "],\"jobs\":[");
    table_each(&m->pieces, visit_piece, out);
    drop_comma(out);
    buf_puts(out, "]}\n");
}
