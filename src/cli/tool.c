/* SPDX-License-Identifier: MIT */
#include "cli/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/visible.h"
#include "redis/redis_reader.h"

/* In a cluster to the owner of a queue's slot, the first that can be reached: the others are none
 * the worse for a shard that is away. */
static struct link *open_any(const struct config *config, const char *const *names, size_t n,
                             int *code)
{
    struct config one = *config;
    struct link *link = NULL;
    struct err e;
    if (config->redis.topology != TOPOLOGY_CLUSTER)
        n = 1;
    for (size_t i = 0; !link && i < n; i++) {
        one.redis.slot = cluster_slot(names[i], strlen(names[i]));
        link = link_try(&one, code, &e);
    }
    if (!link)
        cli_line(stderr, "pushbridge: %s", e.text);
    return link;
}

static bool open_tool(struct tool *t, const struct config *config, const char *queue, int *code)
{
    const char *const *names = queue ? &queue : (const char *const *)config->queue_names;
    *t = (struct tool){.config = config,
                       .link = open_any(config, names, queue ? 1 : config->nqueues, code)};
    if (!t->link)
        return false;
    t->n = queue ? 1 : config->nqueues;
    for (size_t i = 0; i < t->n; i++)
        t->queues[i] = link_queue(t->link, config, queue ? queue : config->queue_names[i]);
    return true;
}

struct queue *tool_first(struct tool *t)
{
    const char *name = t->config->queue_names[0];
    if (strcmp(queue_name(t->queues[0]), name) == 0)
        return t->queues[0];
    if (!t->first)
        t->first = link_queue(t->link, t->config, name);
    return t->first;
}

static void close_tool(struct tool *t)
{
    if (t->first)
        queue_free(t->first);
    for (size_t i = 0; i < t->n; i++)
        queue_free(t->queues[i]);
    link_close(t->link);
}

int tool_run(const struct config *config, const char *queue,
             int (*fn)(struct tool *t, const void *args), const void *args)
{
    struct tool t;
    int code = CLI_FAILED;
    if (!open_tool(&t, config, queue, &code))
        return code;
    code = fn(&t, args);
    close_tool(&t);
    return code;
}

/* --- questions ------------------------------------------------------------------------------- */

static struct tool_text *add_row(struct tool_rows *r, const char *p, size_t len)
{
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->v = mem_resize(r->v, r->cap * sizeof *r->v);
    }
    r->v[r->n] = (struct tool_text){.p = mem_dup(p, len), .len = len};
    return &r->v[r->n++];
}

static void add_reply(struct tool_rows *r, const redisReply *reply)
{
    char number[24];
    switch (reply->type) {
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++)
            add_reply(r, reply->element[i]);
        break;
    case REDIS_REPLY_INTEGER:
        add_row(r, number, (size_t)snprintf(number, sizeof number, "%lld", reply->integer));
        break;
    case REDIS_REPLY_ERROR:
        add_row(r, reply->str, reply->len)->large = redis_reply_is_large(reply);
        break;
    default:
        add_row(r, reply->str ? reply->str : "", reply->str ? (size_t)reply->len : 0);
    }
}

struct asking {
    struct tool_rows *rows;
    bool done;
};

static void on_rows(void *arg, const redisReply *reply)
{
    struct asking *a = arg;
    a->rows->ok = reply != NULL;
    if (reply)
        add_reply(a->rows, reply);
    a->done = true;
}

struct tool_rows tool_peek(struct tool *t, struct queue *q, const struct queue_question *question)
{
    struct tool_rows rows = {0};
    struct asking a = {.rows = &rows};
    queue_peek(q, question, on_rows, &a);
    link_run(t->link, &a.done);
    if (!rows.ok)
        cli_line(stderr, "pushbridge: no answer from Redis about queue %s", queue_name(q));
    return rows;
}

void tool_rows_free(struct tool_rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        mem_free(r->v[i].p);
    mem_free(r->v);
    *r = (struct tool_rows){0};
}

int64_t tool_length(struct tool *t, struct queue *q, enum queue_list list, const char *name)
{
    struct tool_rows r =
        tool_peek(t, q, &(struct queue_question){.what = PEEK_LENGTH, .list = list, .name = name});
    int64_t n = r.ok && r.n == 1 ? number_read(r.v[0].p) : -1;
    tool_rows_free(&r);
    return n;
}

struct tool_rows tool_page(struct tool *t, struct queue *q, enum queue_list list, const char *name,
                           int64_t from, int64_t n)
{
    return tool_peek(t, q,
                     &(struct queue_question){
                         .what = PEEK_PAGE, .list = list, .name = name, .from = from, .n = n});
}

bool tool_each_worker(struct tool *t, struct queue *q, tool_worker_fn fn, void *arg)
{
    bool ok = true, more = true, wanted = true;
    for (int64_t from = 0; ok && more && wanted; from += QUEUE_PAGE_MAX) {
        struct tool_rows r = tool_peek(
            t, q,
            &(struct queue_question){.what = PEEK_WORKERS, .from = from, .n = QUEUE_PAGE_MAX});
        ok = r.ok;
        more = r.n == 2 * QUEUE_PAGE_MAX;
        for (size_t i = 0; i + 1 < r.n && wanted; i += 2)
            wanted = fn(arg, r.v[i].p, r.v[i + 1].p);
        tool_rows_free(&r);
    }
    return ok;
}

bool tool_each_member(struct tool *t, struct queue *q, tool_member_fn fn, void *arg)
{
    char cursor[32] = "0";
    bool ok = true, wanted = true;
    do {
        struct tool_rows r =
            tool_peek(t, q, &(struct queue_question){.what = PEEK_MEMBERS, .cursor = cursor});
        ok = r.ok && r.n;
        if (ok)
            snprintf(cursor, sizeof cursor, "%.31s", r.v[0].p);
        for (size_t i = 1; i + 1 < r.n && wanted; i += 2)
            wanted = fn(arg, r.v[i].p, &r.v[i + 1]);
        tool_rows_free(&r);
    } while (ok && wanted && strcmp(cursor, "0") != 0);
    return ok;
}

struct counting {
    struct queue_counts *out;
    bool done;
};

static void on_count(void *arg, const struct queue_counts *c)
{
    struct counting *counting = arg;
    *counting->out = *c;
    counting->done = true;
}

bool tool_count(struct tool *t, struct queue *q, struct queue_counts *out)
{
    struct counting c = {.out = out};
    queue_count(q, on_count, &c);
    link_run(t->link, &c.done);
    if (!out->ok)
        cli_line(stderr, "pushbridge: no answer from Redis about queue %s", queue_name(q));
    return out->ok;
}

bool tool_clock(struct tool *t, struct queue *q)
{
    struct tool_rows r = tool_peek(t, q, &(struct queue_question){.what = PEEK_TIME});
    bool ok = r.ok;
    tool_rows_free(&r);
    return ok;
}

/* --- text ------------------------------------------------------------------------------------ */

/* The next character, as it is shown: its text, and the columns that it takes. */
static size_t shown_char(const char *text, char out[CHARS_ESCAPE_SIZE], size_t *columns)
{
    uint32_t code;
    size_t n = chars_read(text, strlen(text), &code);
    char one[5];
    memcpy(one, text, n);
    one[n] = '\0';
    size_t len = visible_copy(out, CHARS_ESCAPE_SIZE, one);
    *columns = chars_is_plain(code) ? 1 : len;
    return n;
}

size_t tool_columns(const char *text)
{
    char shown[CHARS_ESCAPE_SIZE];
    size_t total = 0, columns;
    text = text && *text ? text : "-";
    while (*text) {
        text += shown_char(text, shown, &columns);
        total += columns;
    }
    return total;
}

void tool_cell(FILE *out, const char *text, size_t width)
{
    char shown[CHARS_ESCAPE_SIZE];
    size_t at = 0, columns;
    text = text && *text ? text : "-";
    while (*text) {
        text += shown_char(text, shown, &columns);
        if (width && at + columns > width)
            break;
        fputs(shown, out);
        at += columns;
    }
    for (; at < width; at++)
        putc(' ', out);
    if (width)
        putc(' ', out);
}

void tool_age(int64_t ms, char out[TOOL_AGE_SIZE])
{
    long long s = ms > 0 ? ms / 1000 : 0;
    if (s < 120)
        snprintf(out, TOOL_AGE_SIZE, "%llds", s);
    else if (s < 7200)
        snprintf(out, TOOL_AGE_SIZE, "%lldm", s / 60);
    else if (s < 48 * 3600)
        snprintf(out, TOOL_AGE_SIZE, "%lldh", s / 3600);
    else
        snprintf(out, TOOL_AGE_SIZE, "%lldd", s / 86400);
}

void tool_mask(const char *id, char out[TOOL_MASKED_SIZE])
{
    size_t len = strlen(id);
    if (len < 12)
        snprintf(out, TOOL_MASKED_SIZE, "***");
    else
        snprintf(out, TOOL_MASKED_SIZE, "%.4s***%s", id, id + len - 2);
}
