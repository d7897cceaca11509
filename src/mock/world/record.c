/* SPDX-License-Identifier: MIT */
#include "mock/world/record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/text.h"

static int task_count(const struct request *q)
{
    return q->tasks.count ? q->tasks.count : 1;
}

static const struct fields *task_fields(const struct request *q, int task)
{
    return q->tasks.count ? &q->tasks.list[task] : &q->fields;
}

static void digest_target(const struct fields *f, char out[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    const char *value = fields_get(f, "TargetValue");
    out[0] = '\0';
    if (value && EVP_Digest(value, strlen(value), digest, NULL, EVP_sha256(), NULL))
        text_hex(digest, 16, out);
}

/* Secrets stay out: what identifies and proves the caller is not remembered. */
static bool is_remembered(const struct request *q, const char *name)
{
    return !request_name_is_common(q, name);
}

static size_t params_size(const struct request *q)
{
    size_t sum = 0;
    for (size_t i = 0; i < q->fields.count; i++) {
        const struct field *f = &q->fields.items[i];
        if (is_remembered(q, f->name))
            sum += strlen(f->name) + strlen(f->value) + 2;
    }
    return sum;
}

/* Notes which part of the parameters is the task's. */
static void note_task_param(struct record_call *c, const char *name, size_t from, size_t to)
{
    const char *rest;
    int number = c->mass ? tasks_number(name, &rest) : 0;
    struct record_task *task = number ? &c->tasks[number - 1] : NULL;
    if (!task)
        return;
    if (!task->params_len)
        task->params_at = from;
    task->params_len = to - task->params_at;
}

static void copy_params(struct record_call *c, const struct request *q)
{
    c->params_len = params_size(q);
    c->params = c->params_len ? mem_alloc(c->params_len) : NULL;
    char *at = c->params;
    for (size_t i = 0; i < q->fields.count; i++) {
        const struct field *f = &q->fields.items[i];
        if (!is_remembered(q, f->name))
            continue;
        assert(at); /* it counts among params_size */
        char *from = at;
        at = stpcpy(at, f->name) + 1;
        at = stpcpy(at, f->value) + 1;
        note_task_param(c, f->name, (size_t)(from - c->params), (size_t)(at - c->params));
    }
    c->only.params_len = c->params_len;
}

static struct record_call *record_slot(const struct record *m, uint64_t seq)
{
    return &m->ring[seq % m->ring_max];
}

static size_t bytes_of(const struct record_call *c)
{
    return c->params_len + (c->mass ? (size_t)c->task_count * sizeof(*c->tasks) : 0);
}

static void forget_oldest(struct record *m)
{
    struct record_call *c = record_slot(m, m->oldest_seq++);
    m->params_bytes -= bytes_of(c);
    mem_free(c->params);
    if (c->mass)
        mem_free(c->tasks);
    *c = (struct record_call){0};
}

static uint64_t count_arrival(struct table *t, const char *key, uint64_t seq, bool overlapped)
{
    if (!key || !*key)
        return 0;
    struct record_counts *n = table_put(t, key);
    uint64_t earlier = n->last_seq;
    n->calls++;
    n->concurrent += overlapped;
    n->last_seq = seq;
    return earlier;
}

static void count_outcome(struct table *t, const char *key, bool pushed)
{
    struct record_counts *n = key ? table_get(t, key) : NULL;
    if (n && pushed)
        n->pushes++;
    else if (n)
        n->suppressed++;
}

/* A JobKey may belong to several pushes, one per part; only the same part twice is a duplicate. */
static void count_piece(struct record *m, const char *app, const struct fields *task,
                        const struct record_task *noted)
{
    const char *job = fields_get(task, "JobKey"), *target = fields_get(task, "Target");
    char key[200], digest[33];
    if (!job)
        return;
    if (noted)
        memcpy(digest, noted->target_digest, sizeof(digest));
    else
        digest_target(task, digest); /* the ring has moved on meanwhile */
    snprintf(key, sizeof(key), "%.64s %.24s %.16s %s", job, app ? app : "", target ? target : "",
             digest);
    ((struct record_piece *)table_put(&m->pieces, key))->pushes++;
}

void record_init(struct record *m, size_t calls_max)
{
    *m = (struct record){.ring_max = calls_max, .next_seq = 1, .oldest_seq = 1};
    m->ring = mem_zalloc(calls_max * sizeof(*m->ring));
    table_init(&m->tokens, RECORD_NAMES_MAX, sizeof(struct record_counts));
    table_init(&m->jobs, RECORD_NAMES_MAX, sizeof(struct record_counts));
    table_init(&m->pieces, RECORD_NAMES_MAX, sizeof(struct record_piece));
}

void record_clear(struct record *m)
{
    while (m->oldest_seq < m->next_seq)
        forget_oldest(m);
    table_clear(&m->tokens);
    table_clear(&m->jobs);
    table_clear(&m->pieces);
    m->calls = m->pushes = m->suppressed = m->concurrent = m->refused = 0;
    m->throttled = m->faulted = m->done = m->connections = m->answered = m->tasks = 0;
}

void record_free(struct record *m)
{
    record_clear(m);
    table_free(&m->tokens);
    table_free(&m->jobs);
    table_free(&m->pieces);
    mem_free(m->ring);
}

static void note_tasks(struct record *m, struct record_call *c, const struct request *q)
{
    for (int i = 0; i < c->task_count; i++) {
        const struct fields *task = task_fields(q, i);
        digest_target(task, c->tasks[i].target_digest);
        c->tasks[i].earlier_of_job =
            count_arrival(&m->jobs, fields_get(task, "JobKey"), c->seq, c->concurrent);
    }
}

uint64_t record_arrival(struct record *m, const struct request *q, int64_t now_ms, bool overlapped)
{
    if (m->next_seq - m->oldest_seq >= m->ring_max)
        forget_oldest(m);
    uint64_t seq = m->next_seq++;
    struct record_call *c = record_slot(m, seq);
    *c = (struct record_call){.seq = seq, .at_ms = now_ms, .v3 = q->v3, .concurrent = overlapped};
    c->get = strcmp(q->method, "GET") == 0;
    snprintf(c->action, sizeof(c->action), "%s", q->action ? q->action : "");
    c->mass = q->tasks.count > 0;
    c->task_count = task_count(q);
    c->tasks = c->mass ? mem_zalloc((size_t)c->task_count * sizeof(*c->tasks)) : &c->only;
    copy_params(c, q);
    m->params_bytes += bytes_of(c);
    while (m->params_bytes > RECORD_BYTES_MAX && m->oldest_seq < seq)
        forget_oldest(m);
    m->calls++;
    m->concurrent += overlapped;
    c->earlier_of_token =
        count_arrival(&m->tokens, fields_get(&q->fields, "IdempotentToken"), seq, overlapped);
    note_tasks(m, c, q);
    return seq;
}

struct record_call *record_find(const struct record *m, uint64_t seq)
{
    return seq >= m->oldest_seq && seq < m->next_seq ? record_slot(m, seq) : NULL;
}

void record_outcome(struct record *m, uint64_t seq, const struct request *q,
                    enum record_outcome outcome)
{
    struct record_call *c = record_find(m, seq);
    if (c)
        c->outcome = outcome;
    m->pushes += outcome == RECORD_PUSHED;
    m->suppressed += outcome == RECORD_SUPPRESSED;
    m->refused += outcome == RECORD_REFUSED;
    m->throttled += outcome == RECORD_THROTTLED;
    m->faulted += outcome == RECORD_FAULTED;
    m->done += outcome == RECORD_DONE;
    if (outcome != RECORD_PUSHED && outcome != RECORD_SUPPRESSED)
        return;
    bool pushed = outcome == RECORD_PUSHED;
    count_outcome(&m->tokens, fields_get(&q->fields, "IdempotentToken"), pushed);
    for (int i = 0; i < task_count(q); i++) {
        count_outcome(&m->jobs, fields_get(task_fields(q, i), "JobKey"), pushed);
        if (pushed)
            count_piece(m, fields_get(&q->fields, "AppKey"), task_fields(q, i),
                        c ? &c->tasks[i] : NULL);
        m->tasks += pushed;
    }
}

bool record_is_push(const struct record_call *c)
{
    return c->outcome == RECORD_PUSHED && strcmp(c->action, "ContinuouslyPush") != 0;
}

struct record_task *record_find_message(const struct record *m, uint64_t message_id,
                                        struct record_call **call)
{
    for (uint64_t seq = m->next_seq; seq-- > m->oldest_seq;) {
        struct record_call *c = record_slot(m, seq);
        if (!record_is_push(c) || message_id < c->ids.first ||
            message_id - c->ids.first >= (uint64_t)c->task_count)
            continue;
        *call = c;
        return &c->tasks[message_id - c->ids.first];
    }
    return NULL;
}

const char *record_param(const struct record_call *c, const char *name)
{
    for (const char *p = c->params; p && p < c->params + c->params_len;) {
        const char *value = p + strlen(p) + 1;
        if (strcmp(p, name) == 0)
            return value;
        p = value + strlen(value) + 1;
    }
    return "";
}

const char *record_task_param(const struct record_call *c, int task, const char *name)
{
    const struct record_task *t = &c->tasks[task];
    const char *rest, *from = c->params + t->params_at;
    if (!c->mass)
        return record_param(c, name);
    for (const char *p = from; t->params_len && p < from + t->params_len;) {
        const char *value = p + strlen(p) + 1;
        if (tasks_number(p, &rest) && strcmp(rest, name) == 0)
            return value;
        p = value + strlen(value) + 1;
    }
    return "";
}
