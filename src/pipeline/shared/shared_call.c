/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shared_call.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { VALUE_MAX = 2 << 20 };

struct call *shared_call_new(const struct grouping_call *call)
{
    struct call *c = mem_zalloc(sizeof *c);
    snprintf(c->id, sizeof c->id, "%s", call->id);
    c->mass = call->mass;
    c->tasks = call->tasks;
    c->compared = -1;
    c->members = mem_zalloc(call->n * sizeof *c->members);
    c->ids = mem_zalloc(call->tasks * sizeof *c->ids);
    return c;
}

void shared_add(struct call *c, struct flight *f, unsigned task)
{
    f->call = c;
    memcpy(f->env.call, c->id, sizeof c->id);
    f->env.task = task;
    f->env.tasks = (unsigned)c->tasks;
    c->members[c->n++] = (struct call_member){.flight = f, .task = task};
    c->held++;
}

void shared_leave(struct call *c)
{
    if (--c->held)
        return;
    mem_free(c->another);
    mem_free(c->members);
    mem_free(c->ids);
    mem_free(c);
}

/* One past the last member of a task; its first stands for it. */
static size_t end_of_task(const struct call *c, size_t from)
{
    size_t to = from + 1;
    while (to < c->n && c->members[to].task == c->members[from].task)
        to++;
    return to;
}

static void lower_to(int64_t *ms, int64_t to_ms)
{
    if (to_ms < *ms)
        *ms = to_ms;
}

static struct plan *plan_of(const struct call *c, size_t i)
{
    return &c->members[i].flight->plan;
}

void shared_close(struct call *c)
{
    for (size_t from = 0; from < c->n; from = end_of_task(c, from))
        for (size_t i = from; i < end_of_task(c, from); i++)
            lower_to(&plan_of(c, from)->expire_time_ms, plan_of(c, i)->expire_time_ms);
    for (size_t i = 0; i < c->n; i++)
        lower_to(&plan_of(c, 0)->send_by_ms, plan_of(c, i)->send_by_ms);
}

void shared_forget(struct flight *f)
{
    f->env.call[0] = '\0';
    f->env.task = f->env.tasks = 0;
}

/* --- parameters ------------------------------------------------------------------------------ */

static void join_ids(const struct call *c, size_t from, size_t to, struct buf *value)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buf_putc(value, ',');
        buf_puts(value, plan_of(c, i)->calls[0].target_value);
    }
}

/* Few: what one expression holds. */
static void add_tag_once(struct job_list *tags, const char *tag)
{
    for (size_t i = 0; i < tags->n; i++)
        if (strcmp(tags->v[i], tag) == 0)
            return;
    tags->v[tags->n++] = tag;
}

/* The tags of all, each once, in an array to be freed. */
static struct job_list tags_of_all(const struct call *c, size_t from, size_t to)
{
    size_t most = 0;
    for (size_t i = from; i < to; i++)
        most += c->members[i].flight->job.tags.n;
    struct job_list all = {mem_alloc(most * sizeof *all.v), 0};
    for (size_t i = from; i < to; i++) {
        const struct job_list *tags = &c->members[i].flight->job.tags;
        for (size_t k = 0; k < tags->n; k++)
            add_tag_once(&all, tags->v[k]);
    }
    return all;
}

static bool join_tags(const struct call *c, size_t from, size_t to, struct buf *value,
                      struct err *e)
{
    const struct flight *first = c->members[from].flight;
    struct job job = first->job;
    struct target target;
    struct target_limits limits = first->config->limits;
    job.tags = tags_of_all(c, from, to);
    begun_limits(&first->env.begun, &limits);
    bool ok = target_build(&job, &limits, &target, e);
    if (ok && target.n != 1)
        ok = err_set(e, "tags: %zu of %zu jobs take %zu calls", job.tags.n, to - from, target.n);
    if (ok)
        buf_puts(value, target.values[0]);
    target_free(&target);
    mem_free(job.tags.v);
    return ok;
}

static bool join_targets(const struct call *c, size_t from, size_t to, struct params *out,
                         struct err *e)
{
    struct buf value;
    bool ok = true;
    buf_init(&value, VALUE_MAX);
    if (plan_of(c, from)->calls[0].kind == TARGET_TAG)
        ok = join_tags(c, from, to, &value, e);
    else
        join_ids(c, from, to, &value);
    if (ok)
        params_set_copy(out, "TargetValue", buf_text(&value));
    buf_free(&value);
    return ok;
}

/* As its first job asks, for the targets of all and till the earliest deadline. */
static bool task_params(const struct call *c, size_t from, size_t to, struct params *out,
                        struct err *e)
{
    const struct flight *first = c->members[from].flight;
    params_init(out);
    if (!call_lone_params(&first->lone, out, e))
        return false;
    if (to - from == 1)
        return true;
    request_set_expiry(&first->plan, out);
    return join_targets(c, from, to, out, e);
}

static bool mass_params(const struct call *c, struct params *out, struct err *e)
{
    params_set(out, "AppKey", call_leader(c)->app->app.app_key);
    for (size_t from = 0, to; from < c->n; from = to) {
        struct params task;
        to = end_of_task(c, from);
        bool ok = task_params(c, from, to, &task, e);
        if (ok)
            request_add_task(out, c->members[from].task + 1, &task);
        params_free(&task);
        if (!ok)
            return false;
    }
    return true;
}

bool shared_params(const struct call *c, struct params *out, struct err *e)
{
    return c->mass ? mass_params(c, out, e) : task_params(c, 0, c->n, out, e);
}

/* A task's number instead of the last four digits. */
static void put_task(unsigned task, char out[5])
{
    const unsigned char bytes[] = {(unsigned char)(task >> 8), (unsigned char)task};
    text_hex(bytes, sizeof bytes, out);
}

static void name_mass_tasks(const struct call *c, const char *token, struct params *params)
{
    char key[TOKEN_SIZE], prefix[TASK_PREFIX_SIZE];
    for (size_t from = 0, to; from < c->n; from = to) {
        const struct call_member *m = &c->members[from];
        to = end_of_task(c, from);
        const char *uid = to - from == 1 ? m->flight->env.uid : "";
        request_job_key(uid, token, key);
        if (strcmp(key, uid) != 0)
            put_task(m->task, key + 28);
        request_task_prefix(m->task + 1, prefix);
        params_append_copy(params, prefix, "JobKey", key);
    }
}

void shared_name_tasks(const struct call *c, const char *token, struct params *params)
{
    char key[TOKEN_SIZE];
    if (c->mass) {
        name_mass_tasks(c, token, params);
        return;
    }
    request_job_key(NULL, token, key);
    params_append_copy(params, "", "JobKey", key);
}

/* --- cutting --------------------------------------------------------------------------------- */

size_t shared_half(const struct call *c)
{
    const struct call_member *m = c->members;
    size_t half = c->n / 2;
    if (m[0].task == m[c->n - 1].task)
        return half;
    while (half > 1 && m[half].task == m[half - 1].task)
        half--;
    return half > 1 || m[0].task != m[1].task ? half : end_of_task(c, 0);
}

/* One letter a step: no call of a batch is cut so often that it does not fit. */
void shared_half_id(const struct call *c, unsigned which, char id[GROUPING_ID_SIZE])
{
    size_t len = strlen(c->id);
    assert(len < GROUPING_ID_SIZE - 1);
    memcpy(id, c->id, len);
    id[len] = which ? 'b' : 'a';
    id[len + 1] = '\0';
}

void shared_write(const struct call *c, size_t from, size_t n, const char *id, struct buf *out)
{
    struct grouping *g = mem_zalloc(sizeof *g);
    const struct call_member *m = &c->members[from];
    assert(n > 1);
    grouping_begin(g, id, m[n - 1].task > m[0].task);
    for (size_t i = 0; i < n; i++)
        grouping_add(g, (unsigned)i, m[i].task - m[0].task);
    grouping_write(g, out);
    mem_free(g);
}
