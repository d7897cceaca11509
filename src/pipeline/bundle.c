/* SPDX-License-Identifier: MIT */
#include "pipeline/bundle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { VALUE_MAX = 2 << 20 };

struct bundle *bundle_new(const struct grouping_call *call)
{
    struct bundle *b = mem_zalloc(sizeof *b);
    snprintf(b->id, sizeof b->id, "%s", call->id);
    b->mass = call->mass;
    b->tasks = call->tasks;
    b->members = mem_zalloc(call->n * sizeof *b->members);
    b->ids = mem_zalloc(call->tasks * sizeof *b->ids);
    return b;
}

void bundle_add(struct bundle *b, struct flight *f, unsigned task)
{
    f->bundle = b;
    f->task = task;
    memcpy(f->env.call, b->id, sizeof b->id);
    f->env.task = task;
    f->env.tasks = (unsigned)b->tasks;
    b->members[b->n++] = f;
    b->held++;
}

void bundle_leave(struct flight *f)
{
    struct bundle *b = f->bundle;
    if (!b || --b->held)
        return;
    mem_free(b->members);
    mem_free(b->ids);
    mem_free(b);
}

/* One past the last member of a task; its first stands for it. */
static size_t task_end(const struct bundle *b, size_t from)
{
    size_t to = from + 1;
    while (to < b->n && b->members[to]->task == b->members[from]->task)
        to++;
    return to;
}

static void lower(int64_t *ms, int64_t to_ms)
{
    if (to_ms < *ms)
        *ms = to_ms;
}

void bundle_close(struct bundle *b)
{
    for (size_t from = 0; from < b->n; from = task_end(b, from))
        for (size_t i = from; i < task_end(b, from); i++)
            lower(&b->members[from]->plan.expire_time_ms, b->members[i]->plan.expire_time_ms);
    for (size_t i = 0; i < b->n; i++)
        lower(&b->members[0]->plan.send_by_ms, b->members[i]->plan.send_by_ms);
}

size_t bundle_members(struct flight *f, struct flight ***out)
{
    if (f->bundle) {
        *out = f->bundle->members;
        return f->bundle->n;
    }
    f->self = f;
    *out = &f->self;
    return 1;
}

enum limit_action bundle_action(const struct flight *f)
{
    return f->bundle && f->bundle->mass ? LIMIT_MASSPUSH : LIMIT_PUSH;
}

bool bundle_is_open(const struct flight *f)
{
    return f->env.unanswered != 0;
}

void bundle_forget(struct flight *f)
{
    f->env.call[0] = '\0';
    f->env.task = f->env.tasks = 0;
}

/* --- the call -------------------------------------------------------------------------------- */

static void join_ids(const struct bundle *b, size_t from, size_t to, struct buf *value)
{
    for (size_t i = from; i < to; i++) {
        if (i > from)
            buf_putc(value, ',');
        buf_puts(value, b->members[i]->plan.calls[0].target_value);
    }
}

/* Few: what one expression holds. */
static void add_tag(struct job_list *tags, const char *tag)
{
    for (size_t i = 0; i < tags->n; i++)
        if (strcmp(tags->v[i], tag) == 0)
            return;
    tags->v[tags->n++] = tag;
}

/* One of the tags of all, each once. */
static bool join_tags(const struct bundle *b, size_t from, size_t to, struct buf *value,
                      struct err *e)
{
    const struct flight *first = b->members[from];
    struct job job = first->job;
    size_t most = 0;
    for (size_t i = from; i < to; i++)
        most += b->members[i]->job.tags.n;
    const char **tags = mem_alloc(most * sizeof *tags);
    job.tags = (struct job_list){tags, 0};
    for (size_t i = from; i < to; i++)
        for (size_t k = 0; k < b->members[i]->job.tags.n; k++)
            add_tag(&job.tags, b->members[i]->job.tags.v[k]);
    struct target target;
    struct target_limits limits = first->config->limits;
    begun_limits(&first->env.begun, &limits);
    bool ok = target_build(&job, &limits, &target, e);
    if (ok && target.n != 1)
        ok = err_set(e, "tags: %zu of %zu jobs take %zu calls", job.tags.n, to - from, target.n);
    if (ok)
        buf_puts(value, target.values[0]);
    target_free(&target);
    mem_free(tags);
    return ok;
}

/* What the job of one flight asks for. */
static bool own_params(const struct flight *f, struct params *out, struct err *e)
{
    if (!f->made)
        return request_params(&f->job, &f->app->app, &f->plan, &f->plan.calls[f->next],
                              (size_t)f->config->payload_max, out, e);
    params_borrow(out, f->made);
    return true;
}

bool bundle_keep_params(struct flight *f)
{
    struct err e;
    struct params *made = mem_alloc(sizeof *made);
    params_init(made);
    if (own_params(f, made, &e)) {
        f->made = made;
        return true;
    }
    params_free(made);
    mem_free(made);
    return false;
}

static bool join_targets(const struct bundle *b, size_t from, size_t to, struct params *out,
                         struct err *e)
{
    struct buf value;
    bool ok = true;
    buf_init(&value, VALUE_MAX);
    if (b->members[from]->plan.calls[0].kind == TARGET_TAG)
        ok = join_tags(b, from, to, &value, e);
    else
        join_ids(b, from, to, &value);
    if (ok)
        params_set_copy(out, "TargetValue", buf_text(&value));
    buf_free(&value);
    return ok;
}

/* As its first job asks, for the targets of all and till the earliest deadline. */
static bool task_params(const struct bundle *b, size_t from, size_t to, struct params *out,
                        struct err *e)
{
    const struct flight *first = b->members[from];
    params_init(out);
    if (!own_params(first, out, e))
        return false;
    if (to - from == 1)
        return true;
    request_set_expiry(&first->plan, out);
    return join_targets(b, from, to, out, e);
}

static bool mass_params(const struct bundle *b, struct params *out, struct err *e)
{
    params_set(out, "AppKey", b->members[0]->app->app.app_key);
    for (size_t from = 0, to; from < b->n; from = to) {
        struct params task;
        to = task_end(b, from);
        bool ok = task_params(b, from, to, &task, e);
        if (ok)
            request_add_task(out, b->members[from]->task + 1, &task);
        params_free(&task);
        if (!ok)
            return false;
    }
    return true;
}

bool bundle_params(const struct flight *f, struct params *out, struct err *e)
{
    const struct bundle *b = f->bundle;
    params_init(out);
    if (b && b->mass)
        return mass_params(b, out, e);
    if (b)
        return task_params(b, 0, b->n, out, e);
    return own_params(f, out, e);
}

/* A task's number instead of the last four digits. */
static void put_task(unsigned task, char out[5])
{
    const unsigned char bytes[] = {(unsigned char)(task >> 8), (unsigned char)task};
    text_hex(bytes, sizeof bytes, out);
}

static void set_job_keys(const struct bundle *b, const char *token, struct params *params)
{
    char key[TOKEN_SIZE], prefix[TASK_PREFIX_SIZE];
    if (!b->mass) {
        request_job_key(NULL, token, key);
        params_append_copy(params, "", "JobKey", key);
        return;
    }
    for (size_t from = 0, to; from < b->n; from = to) {
        const struct flight *f = b->members[from];
        to = task_end(b, from);
        const char *uid = to - from == 1 ? f->env.uid : "";
        request_job_key(uid, token, key);
        if (strcmp(key, uid) != 0)
            put_task(f->task, key + 28);
        request_task_prefix(f->task + 1, prefix);
        params_append_copy(params, prefix, "JobKey", key);
    }
}

void bundle_name_call(const struct flight *f, struct params *params)
{
    char token[TOKEN_SIZE], key[TOKEN_SIZE];
    const struct bundle *b = f->bundle;
    request_token(params, b ? b->id : f->env.uid, f->env.gen, f->plan.calls[f->next].part, token);
    params_append_copy(params, "", "IdempotentToken", token);
    if (b) {
        set_job_keys(b, token, params);
        return;
    }
    request_job_key(f->env.id_given ? f->env.uid : NULL, token, key);
    params_set_copy(params, "JobKey", key);
}

size_t bundle_half(const struct bundle *b)
{
    size_t half = b->n / 2;
    if (b->members[0]->task == b->members[b->n - 1]->task)
        return half;
    while (half > 1 && b->members[half]->task == b->members[half - 1]->task)
        half--;
    return half > 1 || b->members[0]->task != b->members[1]->task ? half : task_end(b, 0);
}

/* One letter a step: no call of a batch is cut so often that it does not fit. */
void bundle_half_id(const struct bundle *b, unsigned which, char id[GROUPING_ID_SIZE])
{
    size_t len = strlen(b->id);
    assert(len < GROUPING_ID_SIZE - 1);
    memcpy(id, b->id, len);
    id[len] = which ? 'b' : 'a';
    id[len + 1] = '\0';
}

bool bundle_write(const struct bundle *b, size_t from, size_t n, const char *id, struct buf *out)
{
    if (n < 2)
        return false;
    struct grouping *g = mem_zalloc(sizeof *g);
    unsigned first = b->members[from]->task;
    bool mass = b->members[from + n - 1]->task > first;
    grouping_begin(g, id, mass);
    for (size_t i = 0; i < n; i++)
        grouping_add(g, (unsigned)i, b->members[from + i]->task - first);
    grouping_write(g, out);
    mem_free(g);
    return true;
}
