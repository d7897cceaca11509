/* SPDX-License-Identifier: MIT */
#include "mock/record.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "base/text.h"

static void digest_target(const struct request *q, char out[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    const char *value = fields_get(&q->fields, "TargetValue");
    out[0] = '\0';
    if (value && EVP_Digest(value, strlen(value), digest, NULL, EVP_sha256(), NULL))
        text_hex(digest, 16, out);
}

/* Secrets stay out: what identifies and proves the caller is not remembered. */
static bool is_remembered(const struct request *q, const char *name)
{
    return !request_name_is_common(q, name);
}

static void copy_params(struct record_call *c, const struct request *q)
{
    const struct fields *f = &q->fields;
    for (size_t i = 0; i < f->count; i++)
        if (is_remembered(q, f->items[i].name))
            c->params_len += strlen(f->items[i].name) + strlen(f->items[i].value) + 2;
    if (!c->params_len)
        return;
    c->params = mem_alloc(c->params_len);
    char *at = c->params;
    for (size_t i = 0; i < f->count; i++)
        if (is_remembered(q, f->items[i].name)) {
            at = stpcpy(at, f->items[i].name) + 1;
            at = stpcpy(at, f->items[i].value) + 1;
        }
}

static struct record_call *slot_of(const struct record *m, uint64_t seq)
{
    return &m->ring[seq % m->ring_max];
}

static void forget_oldest(struct record *m)
{
    struct record_call *c = slot_of(m, m->oldest_seq++);
    m->params_bytes -= c->params_len;
    mem_free(c->params);
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

/* A JobKey may belong to several calls, one per part; only the same part twice is a duplicate. */
static void count_piece(struct record *m, const struct request *q)
{
    const char *job = fields_get(&q->fields, "JobKey"), *app = fields_get(&q->fields, "AppKey");
    const char *target = fields_get(&q->fields, "Target");
    char key[200], digest[33];
    if (!job)
        return;
    digest_target(q, digest);
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
    m->throttled = m->faulted = m->done = m->connections = m->answered = 0;
}

void record_free(struct record *m)
{
    record_clear(m);
    table_free(&m->tokens);
    table_free(&m->jobs);
    table_free(&m->pieces);
    mem_free(m->ring);
}

uint64_t record_arrival(struct record *m, const struct request *q, int64_t now_ms, bool overlapped)
{
    if (m->next_seq - m->oldest_seq >= m->ring_max)
        forget_oldest(m);
    uint64_t seq = m->next_seq++;
    struct record_call *c = slot_of(m, seq);
    *c = (struct record_call){.seq = seq, .at_ms = now_ms, .v3 = q->v3, .concurrent = overlapped};
    c->get = strcmp(q->method, "GET") == 0;
    snprintf(c->action, sizeof(c->action), "%s", q->action ? q->action : "");
    copy_params(c, q);
    digest_target(q, c->target_digest);
    m->params_bytes += c->params_len;
    while (m->params_bytes > RECORD_BYTES_MAX && m->oldest_seq < seq)
        forget_oldest(m);
    m->calls++;
    m->concurrent += overlapped;
    c->earlier_of_token =
        count_arrival(&m->tokens, fields_get(&q->fields, "IdempotentToken"), seq, overlapped);
    c->earlier_of_job = count_arrival(&m->jobs, fields_get(&q->fields, "JobKey"), seq, overlapped);
    return seq;
}

struct record_call *record_find(const struct record *m, uint64_t seq)
{
    return seq >= m->oldest_seq && seq < m->next_seq ? slot_of(m, seq) : NULL;
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
    count_outcome(&m->jobs, fields_get(&q->fields, "JobKey"), pushed);
    if (pushed)
        count_piece(m, q);
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
