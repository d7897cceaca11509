/* SPDX-License-Identifier: MIT */
#include "job/coalesce.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/minmax.h"

/* Twice the most members, a power of two: the tables below are never more than half full. */
enum { TABLE = 2 * GROUPING_MEMBERS_MAX, NONE = GROUPING_MEMBERS_MAX };
enum { APART = 1000003 }; /* places of one value in the table, task by task: any odd number */

struct task {
    const struct coalesce_item *first;
    unsigned member, last; /* indices of its first and last item; the rest by next[] */
    size_t n, values;
    size_t bytes;
    int64_t earliest_ms, latest_ms;
    bool placed;
};

/* A value that a task holds already. */
struct held {
    const char *value;
    unsigned task;
};

struct plan_of_batch {
    const struct coalesce_item *items;
    const struct coalesce_rules *rules;
    struct task tasks[GROUPING_MEMBERS_MAX];
    size_t ntasks;
    unsigned next[GROUPING_MEMBERS_MAX]; /* item after item within a task */
    unsigned newest[TABLE];              /* by content: its newest task */
    struct held *held;
    size_t nheld; /* a power of two */
};

/* --- values ---------------------------------------------------------------------------------- */

static struct held *held_at(struct plan_of_batch *b, unsigned task, const char *value)
{
    size_t at = (size_t)hash_keyed(&b->rules->key, value, strlen(value)) + task * APART;
    for (;; at++) {
        struct held *h = &b->held[at & (b->nheld - 1)];
        if (!h->value || (h->task == task && strcmp(h->value, value) == 0))
            return h;
    }
}

static size_t hold_values(struct plan_of_batch *b, unsigned task, const struct job_list *values)
{
    size_t added = 0;
    for (size_t i = 0; i < values->n; i++) {
        struct held *h = held_at(b, task, values->v[i]);
        added += !h->value;
        *h = (struct held){values->v[i], task};
    }
    return added;
}

static size_t shared(struct plan_of_batch *b, unsigned task, const struct job_list *values)
{
    size_t n = 0;
    for (size_t i = 0; i < values->n; i++)
        n += held_at(b, task, values->v[i])->value != NULL;
    return n;
}

static void make_table(struct plan_of_batch *b, size_t n)
{
    size_t values = 0;
    for (size_t i = 0; i < n; i++)
        if (b->items[i].values->n <= COALESCE_IDS_MAX)
            values += b->items[i].values->n;
    for (b->nheld = 16; b->nheld < 2 * values;)
        b->nheld *= 2;
    b->held = mem_zalloc(b->nheld * sizeof *b->held);
}

/* --- tasks ----------------------------------------------------------------------------------- */

static size_t most_values(const struct coalesce_rules *r, enum target_kind kind)
{
    switch (kind) {
    case TARGET_DEVICE:
        return r->devices;
    case TARGET_ACCOUNT:
        return r->accounts;
    case TARGET_ALIAS:
        return r->aliases;
    case TARGET_TAG:
        return r->tags;
    case TARGET_IMPLIED:
    case TARGET_ALL:
        break;
    }
    return 0;
}

static bool same_content(const struct coalesce_item *a, const struct coalesce_item *b)
{
    return a->app == b->app && a->kind == b->kind &&
           memcmp(a->content, b->content, sizeof a->content) == 0;
}

/* The slot of the newest task with the item's content, or the empty one where it belongs. */
static unsigned *newest_task(struct plan_of_batch *b, const struct coalesce_item *item)
{
    uint64_t at;
    memcpy(&at, item->content, sizeof at);
    for (at = hash_add(at, &item->app, sizeof item->app);; at++) {
        unsigned *slot = &b->newest[at & (TABLE - 1)];
        if (*slot == NONE || same_content(b->tasks[*slot].first, item))
            return slot;
    }
}

/* Tags of several jobs become one audience; ids that several jobs name are as many pushes. */
static bool fits_task(struct plan_of_batch *b, unsigned t, const struct coalesce_item *item)
{
    const struct task *task = &b->tasks[t];
    int64_t from = min_int(task->earliest_ms, item->deadline_ms);
    int64_t to = max_int(task->latest_ms, item->deadline_ms);
    if (item->values->n > COALESCE_IDS_MAX || task->first->values->n > COALESCE_IDS_MAX ||
        to - from > b->rules->slack_ms || task->bytes + item->bytes > COALESCE_CALL_BYTES)
        return false;
    size_t both = shared(b, t, item->values);
    if (both && item->kind != TARGET_TAG)
        return false;
    return task->values + item->values->n - both <= most_values(b->rules, item->kind);
}

static void join_task(struct plan_of_batch *b, unsigned t, unsigned i)
{
    struct task *task = &b->tasks[t];
    const struct coalesce_item *item = &b->items[i];
    if (task->n)
        b->next[task->last] = i;
    task->last = i;
    task->n++;
    task->bytes += item->bytes;
    if (item->values->n <= COALESCE_IDS_MAX)
        task->values += hold_values(b, t, item->values);
    task->earliest_ms = min_int(task->earliest_ms, item->deadline_ms);
    task->latest_ms = max_int(task->latest_ms, item->deadline_ms);
}

static void add_to_batch(struct plan_of_batch *b, unsigned i)
{
    const struct coalesce_item *item = &b->items[i];
    unsigned *slot = newest_task(b, item);
    if (*slot == NONE || !fits_task(b, *slot, item)) {
        b->tasks[b->ntasks] = (struct task){.first = item,
                                            .member = i,
                                            .earliest_ms = item->deadline_ms,
                                            .latest_ms = item->deadline_ms};
        *slot = (unsigned)b->ntasks++;
    }
    join_task(b, *slot, i);
}

/* --- calls ----------------------------------------------------------------------------------- */

static void begin_call(const char *batch, bool mass, struct grouping *out)
{
    char id[GROUPING_ID_SIZE];
    snprintf(id, sizeof id, "%.32s.%u", batch, (unsigned)out->ncalls);
    grouping_begin(out, id, mass);
}

static void write_task(const struct plan_of_batch *b, struct task *task, unsigned number,
                       struct grouping *out)
{
    unsigned i = task->member;
    task->placed = true;
    for (size_t k = 0; k < task->n; k++, i = b->next[i])
        grouping_add(out, b->items[i].pos, number);
}

/* The tasks of a call-to-be, by their indices. */
struct call_to_be {
    unsigned tasks[GROUPING_MEMBERS_MAX];
    size_t n, bytes;
    int64_t earliest_ms, latest_ms;
};

static void take_along(const struct plan_of_batch *b, struct call_to_be *c, unsigned t)
{
    const struct task *task = &b->tasks[t];
    c->tasks[c->n++] = t;
    c->bytes += task->bytes;
    c->earliest_ms = min_int(c->earliest_ms, task->earliest_ms);
    c->latest_ms = max_int(c->latest_ms, task->latest_ms);
}

static bool goes_along(const struct plan_of_batch *b, const struct call_to_be *c,
                       const struct task *other)
{
    const struct coalesce_item *first = b->tasks[c->tasks[0]].first;
    int64_t from = min_int(c->earliest_ms, other->earliest_ms);
    int64_t to = max_int(c->latest_ms, other->latest_ms);
    return !other->placed && other->first->taskable && other->first->app == first->app &&
           to - from <= b->rules->slack_ms;
}

/* The t-th task, and those behind it that fit into its MassPush. */
static void fill_call(const struct plan_of_batch *b, unsigned t, struct call_to_be *c)
{
    const struct task *task = &b->tasks[t];
    *c = (struct call_to_be){.earliest_ms = task->earliest_ms, .latest_ms = task->latest_ms};
    take_along(b, c, t);
    if (!task->first->taskable)
        return;
    for (unsigned k = t + 1; k < b->ntasks && c->n < b->rules->tasks; k++) {
        if (!goes_along(b, c, &b->tasks[k]))
            continue;
        if (c->bytes + b->tasks[k].bytes > COALESCE_CALL_BYTES)
            break;
        take_along(b, c, k);
    }
}

static void place_task(struct plan_of_batch *b, unsigned t, const char *batch, struct grouping *out)
{
    struct call_to_be c;
    fill_call(b, t, &c);
    if (c.n == 1 && b->tasks[t].n == 1)
        return;
    begin_call(batch, c.n > 1, out);
    for (unsigned i = 0; i < c.n; i++)
        write_task(b, &b->tasks[c.tasks[i]], i, out);
}

void coalesce(const struct coalesce_item *items, size_t n, const struct coalesce_rules *rules,
              const char *batch, struct grouping *out)
{
    assert(n <= GROUPING_MEMBERS_MAX);
    struct plan_of_batch *b = mem_zalloc(sizeof *b);
    b->items = items;
    b->rules = rules;
    for (size_t i = 0; i < TABLE; i++)
        b->newest[i] = NONE;
    make_table(b, n);
    out->ncalls = out->n = 0;
    for (unsigned i = 0; i < n; i++)
        add_to_batch(b, i);
    for (unsigned t = 0; t < b->ntasks; t++)
        if (!b->tasks[t].placed)
            place_task(b, t, batch, out);
    mem_free(b->held);
    mem_free(b);
}
