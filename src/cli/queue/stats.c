/* SPDX-License-Identifier: MIT */
#include "cli/queue/stats.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cli/fleet/stats_fleet.h"
#include "job/letter.h"
#include "job/written/numbers.h"

enum { PAGE = 100 };

static void set_int(json_t *object, const char *name, int64_t value)
{
    json_object_set_new(object, name, json_integer(value));
}

/* --- one queue ------------------------------------------------------------------------------- */

/* Since when the first ready job waits, where it says so. */
static json_t *oldest_json(struct tool *t, struct queue *q)
{
    struct tool_rows r = tool_page(t, q, QUEUE_READY, NULL, 0, 1);
    json_t *job = r.n ? numbers_load(r.v[0].p, r.v[0].len, JSON_ALLOW_NUL, NULL) : NULL;
    const json_t *at = json_object_get(job, "enqueued_at");
    int64_t at_ms = job_enqueued_at_ms(at);
    int64_t age_ms = queue_now_ms(q) - number_bounded(at_ms);
    json_t *value = at_ms != JOB_ABSENT ? json_integer(age_ms > 0 ? age_ms : 0) : json_null();
    json_decref(job);
    tool_rows_free(&r);
    return value;
}

static json_t *parked_json(struct tool *t, struct queue *q)
{
    struct tool_rows apps = tool_peek(t, q, &(struct queue_question){.what = PEEK_APPS});
    json_t *all = json_object();
    for (size_t i = 0; i < apps.n; i++) {
        int64_t n = tool_length(t, q, QUEUE_PARKED, apps.v[i].p);
        if (n > 0)
            set_int(all, apps.v[i].p, n);
    }
    tool_rows_free(&apps);
    return all;
}

static json_t *counters_json(struct tool *t, struct queue *q)
{
    struct tool_rows r = tool_peek(t, q, &(struct queue_question){.what = PEEK_COUNTERS});
    json_t *all = json_object();
    for (size_t i = 0; i + 1 < r.n; i += 2)
        set_int(all, r.v[i].p, number_read(r.v[i + 1].p));
    json_object_del(all, "delayed"); /* a number of now, shown above */
    tool_rows_free(&r);
    return all;
}

/* Members of the worker's own words come beside the two that Redis knows. */
static json_t *worker_json(const char *name, int64_t seen_ms, const char *stat)
{
    json_t *w = stat ? json_loads(stat, 0, NULL) : NULL;
    if (!json_is_object(w)) {
        json_decref(w);
        w = json_object();
    }
    json_object_set_new(w, "name", json_string(name));
    set_int(w, "seen_ms", seen_ms);
    return w;
}

struct workers {
    struct tool *tool;
    struct queue *queue;
    json_t *alive;
    int64_t gone;
};

static void add_alive(struct workers *w, const char *name, int64_t seen_ms)
{
    struct tool_rows stat =
        tool_peek(w->tool, w->queue, &(struct queue_question){.what = PEEK_STAT, .name = name});
    json_array_append_new(
        w->alive, worker_json(name, seen_ms > 0 ? seen_ms : 0, stat.n ? stat.v[0].p : NULL));
    tool_rows_free(&stat);
}

/* A heartbeat holds for one lease; its end is what Redis keeps. */
static bool add_worker(void *arg, const char *name, const char *heartbeat)
{
    struct workers *w = arg;
    int64_t now = queue_now_ms(w->queue), end_ms = number_whole(strtod(heartbeat, NULL));
    if (end_ms >= now)
        add_alive(w, name, now - (end_ms - w->tool->config->lease_ms));
    else
        w->gone++;
    return true;
}

/* Page after page: a crash loop leaves a name each time, for an hour. */
static void add_workers(struct tool *t, struct queue *q, json_t *out)
{
    struct workers w = {t, q, json_array(), 0};
    tool_each_worker(t, q, add_worker, &w);
    json_object_set_new(out, "workers", w.alive);
    set_int(out, "workers_gone", w.gone);
}

/* One that Redis refuses to count, or whose server does not answer, is shown with the reason; the
 * others are none the worse for it. */
static json_t *uncounted(const struct queue *q, json_t *out)
{
    const char *error = queue_last_error(q), *down = queue_down_why(q);
    if (*error && !*down)
        json_object_set_new(out, "refused", json_string(error));
    else
        json_object_set_new(out, "unanswered", json_string(*down ? down : "no answer"));
    return out;
}

static json_t *take_queue(struct tool *t, struct queue *q)
{
    struct queue_counts c;
    json_t *out = json_object();
    json_object_set_new(out, "queue", json_string(queue_name(q)));
    if (!tool_count(t, q, &c))
        return uncounted(q, out);
    set_int(out, "ready", c.ready);
    json_object_set_new(out, "oldest_ms", oldest_json(t, q));
    set_int(out, "inbox", c.inbox);
    set_int(out, "leased", c.leased);
    set_int(out, "delayed", c.delayed);
    json_object_set_new(out, "parked", parked_json(t, q));
    set_int(out, "results", c.results);
    json_object_set_new(out, "counters", counters_json(t, q));
    add_workers(t, q, out);
    return out;
}

/* --- dead letters ---------------------------------------------------------------------------- */

static void count_reason(json_t *reasons, const struct tool_text *text)
{
    struct letter l;
    const char *name = letter_read(text->p, text->len, &l, NULL) ? l.reason : "unreadable";
    set_int(reasons, name, json_integer_value(json_object_get(reasons, name)) + 1);
    letter_free(&l);
}

static json_t *take_dead(struct tool *t, struct queue *q)
{
    int64_t length = tool_length(t, q, QUEUE_DEAD, NULL), scanned = 0;
    int64_t from = length > STATS_DEAD_SCANNED ? length - STATS_DEAD_SCANNED : 0;
    json_t *reasons = json_object();
    bool more = length > 0;
    while (more) {
        struct tool_rows page = tool_page(t, q, QUEUE_DEAD, NULL, from + scanned, PAGE);
        for (size_t i = 0; i < page.n; i++)
            count_reason(reasons, &page.v[i]);
        scanned += (int64_t)page.n;
        more = page.n == PAGE && scanned < STATS_DEAD_SCANNED;
        tool_rows_free(&page);
    }
    json_t *out = json_object();
    json_object_set_new(out, "list", json_string(queue_dead_list(q)));
    set_int(out, "length", length);
    set_int(out, "scanned", scanned);
    json_object_set_new(out, "reasons", reasons);
    return out;
}

static bool has_dead_list(const json_t *dead, const char *list)
{
    for (size_t i = 0; i < json_array_size(dead); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(dead, i), "list")), list) == 0)
            return true;
    return false;
}

/* --- rates ----------------------------------------------------------------------------------- */

static double counter_rate(const json_t *now, const json_t *before, const char *name, int64_t ms)
{
    const json_t *a = json_object_get(json_object_get(before, "counters"), name);
    const json_t *b = json_object_get(json_object_get(now, "counters"), name);
    return (double)(json_integer_value(b) - json_integer_value(a)) * 1000 / (double)ms;
}

static void add_rates(json_t *stats, const json_t *before)
{
    int64_t ms = json_integer_value(json_object_get(stats, "at")) -
                 json_integer_value(json_object_get(before, "at"));
    json_t *queues = json_object_get(stats, "queues");
    const json_t *earlier = json_object_get(before, "queues");
    for (size_t i = 0; ms > 0 && i < json_array_size(queues); i++) {
        json_t *q = json_array_get(queues, i);
        const json_t *was = json_array_get(earlier, i);
        json_object_set_new(q, "rate",
                            json_pack("{s:f, s:f}", "sent", counter_rate(q, was, "sent", ms),
                                      "dead", counter_rate(q, was, "dead", ms)));
    }
}

/* By the first server that says it; 0: none does. */
static int64_t any_clock(struct tool *t)
{
    for (size_t i = 0; i < t->n; i++)
        if (tool_clock(t, t->queues[i]))
            return queue_now_ms(t->queues[i]);
    return 0;
}

json_t *stats_take(struct tool *t, const json_t *before)
{
    int64_t at = any_clock(t);
    if (!at)
        return NULL;
    json_t *queues = json_array(), *dead = json_array();
    for (size_t i = 0; i < t->n; i++) {
        json_t *q = take_queue(t, t->queues[i]);
        if (!json_object_get(q, "unanswered") &&
            !has_dead_list(dead, queue_dead_list(t->queues[i])))
            json_array_append_new(dead, take_dead(t, t->queues[i]));
        json_array_append_new(queues, q);
    }
    json_t *out =
        json_pack("{s:I, s:o, s:o}", "at", (json_int_t)at, "queues", queues, "dead", dead);
    stats_fleet_take(t, out);
    if (before)
        add_rates(out, before);
    return out;
}

/* --- one screen ------------------------------------------------------------------------------ */

static long long int_member(const json_t *object, const char *name)
{
    return number_bounded(json_integer_value(json_object_get(object, name)));
}

static double real_member(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* "a 1, b 2"; says whether there was anything. */
static bool print_numbers(json_t *object, const char *title, FILE *out)
{
    const char *name;
    json_t *value;
    bool any = false;
    json_object_foreach(object, name, value)
    {
        if (!json_integer_value(value))
            continue;
        fputs(any ? ", " : title, out);
        tool_cell(out, name, 0);
        fprintf(out, " %lld", (long long)json_integer_value(value));
        any = true;
    }
    return any;
}

/* <before>NAME<between>TEXT<after>, for each. */
static void print_texts(json_t *all, const char *before, const char *between, const char *after,
                        FILE *out)
{
    const char *name;
    json_t *text;
    json_object_foreach(all, name, text)
    {
        fputs(before, out);
        tool_cell(out, name, 0);
        fputs(between, out);
        tool_cell(out, json_string_value(text), 0);
        fputs(after, out);
    }
}

static void print_stopped(const json_t *queues, FILE *out)
{
    for (size_t i = 0; i < json_array_size(queues); i++) {
        fputs(i ? ", " : ", takes nothing more of ", out);
        tool_cell(out, json_string_value(json_array_get(queues, i)), 0);
    }
    if (json_array_size(queues))
        fputs(" (its parked lists are full)", out);
}

static void print_worker(const json_t *w, int64_t now_ms, FILE *out)
{
    char up[TOOL_AGE_SIZE], seen[TOOL_AGE_SIZE];
    tool_age(int_member(w, "seen_ms"), seen);
    fputs("    ", out);
    tool_cell(out, json_string_value(json_object_get(w, "name")), 32);
    if (!json_object_get(w, "started")) {
        cli_line(out, "seen %s ago", seen);
        return;
    }
    tool_age(now_ms - int_member(w, "started"), up);
    cli_put(out, "up %s, in flight %lld, sent %lld (%.1f/s), dead %lld, calls %lld", up,
            int_member(w, "in_flight"), int_member(w, "sent"), real_member(w, "rate"),
            int_member(w, "dead"), int_member(w, "calls"));
    print_texts(json_object_get(w, "circuits"), ", circuit of ", " ", "", out);
    print_texts(json_object_get(w, "aside"), ", has set aside ", " (", ")", out);
    print_stopped(json_object_get(w, "parked_stop"), out);
    print_texts(json_object_get(w, "own_trouble"), ", its own trouble with ", " (", ")", out);
    if (json_is_true(json_object_get(w, "memory_full")))
        fputs(", memory full", out);
    putc('\n', out);
}

static void print_places(const json_t *q, FILE *out)
{
    const json_t *age = json_object_get(q, "oldest_ms");
    char text[TOOL_AGE_SIZE];
    tool_cell(out, json_string_value(json_object_get(q, "queue")), 0);
    fprintf(out, "\n  ready %lld", int_member(q, "ready"));
    if (json_is_integer(age)) {
        tool_age(json_integer_value(age), text);
        cli_put(out, " (oldest %s)", text);
    }
    fprintf(out, ", inbox %lld, leased %lld, delayed %lld, results %lld\n", int_member(q, "inbox"),
            int_member(q, "leased"), int_member(q, "delayed"), int_member(q, "results"));
    if (print_numbers(json_object_get(q, "parked"), "  parked: ", out))
        putc('\n', out);
}

static bool print_uncounted(const json_t *q, FILE *out)
{
    const char *refused = json_string_value(json_object_get(q, "refused"));
    const char *unanswered = json_string_value(json_object_get(q, "unanswered"));
    if (!refused && !unanswered)
        return false;
    tool_cell(out, json_string_value(json_object_get(q, "queue")), 0);
    fputs(refused ? "\n  refused by Redis: " : "\n  no answer from Redis: ", out);
    tool_cell(out, refused ? refused : unanswered, 0);
    putc('\n', out);
    return true;
}

static void print_queue(const json_t *q, int64_t now_ms, FILE *out)
{
    const json_t *workers = json_object_get(q, "workers"), *rate = json_object_get(q, "rate");
    if (print_uncounted(q, out))
        return;
    print_places(q, out);
    if (print_numbers(json_object_get(q, "counters"), "  ever: ", out))
        putc('\n', out);
    if (rate)
        fprintf(out, "  now: sent %.1f/s, dead %.1f/s\n", real_member(rate, "sent"),
                real_member(rate, "dead"));
    fprintf(out, "  workers: %zu alive", json_array_size(workers));
    if (int_member(q, "workers_gone"))
        fprintf(out, ", %lld gone", int_member(q, "workers_gone"));
    putc('\n', out);
    for (size_t i = 0; i < json_array_size(workers); i++)
        print_worker(json_array_get(workers, i), now_ms, out);
}

static void print_dead(const json_t *dead, FILE *out)
{
    fputs("dead letters in ", out);
    tool_cell(out, json_string_value(json_object_get(dead, "list")), 0);
    fprintf(out, ": %lld", int_member(dead, "length"));
    bool any = print_numbers(json_object_get(dead, "reasons"), " (", out);
    if (any && int_member(dead, "scanned") < int_member(dead, "length"))
        fprintf(out, "; of the last %lld", int_member(dead, "scanned"));
    fputs(any ? ")\n" : "\n", out);
}

void stats_print(const json_t *stats, FILE *out)
{
    const json_t *queues = json_object_get(stats, "queues"), *dead = json_object_get(stats, "dead");
    int64_t now_ms = int_member(stats, "at");
    for (size_t i = 0; i < json_array_size(queues); i++)
        print_queue(json_array_get(queues, i), now_ms, out);
    stats_fleet_print(stats, out);
    for (size_t i = 0; i < json_array_size(dead); i++)
        print_dead(json_array_get(dead, i), out);
}
