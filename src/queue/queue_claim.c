/* SPDX-License-Identifier: MIT
 * Claiming: one script takes due batches, parked, inbox and ready jobs; its reply becomes leases
 * and members. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "base/number.h"

enum { CLOCK_BACK_MS = 24 * 3600 * 1000 };

struct claiming {
    int64_t sent_boot_ms;
    char fence[QUEUE_ID_SIZE];
    unsigned char lists[QUEUE_APPS_MAX]; /* which apps' parked lists were named, in their order */
    size_t nlists;
};

int64_t queue_ready_left(const struct queue *q)
{
    return q->ready_left;
}

int64_t queue_parked(const struct queue *q, const char *app)
{
    for (size_t i = 0; i < q->napps; i++)
        if (strcmp(q->apps[i], app) == 0)
            return q->parked[i];
    return 0;
}

int64_t queue_parked_all(const struct queue *q)
{
    int64_t n = 0;
    for (size_t i = 0; i < q->napps; i++)
        n += q->parked[i];
    return n;
}

bool queue_suspects(const struct queue *q)
{
    return q->suspects;
}

bool queue_claiming(const struct queue *q)
{
    return q->claiming;
}

static void claim_done(struct queue *q, enum claim_end end, unsigned ready)
{
    q->claiming = false;
    q->claim_fn(q->claim_arg, NULL, end, ready);
}

/* --- members --------------------------------------------------------------------------------- */

/* "!<length> <key>[ <envelope>]" instead of an envelope: the bytes are not here. */
static bool read_oversize(struct queue_lease *lease, struct queue_member *m)
{
    const char *end = m->envelope + m->envelope_len;
    const char *key = memchr(m->envelope, ' ', m->envelope_len);
    if (!key || memchr(m->envelope, '\0', (size_t)(key - m->envelope)))
        return false;
    const char *stop = memchr(key + 1, ' ', (size_t)(end - key - 1));
    const char *rest = stop ? stop + 1 : end;
    m->oversize = true;
    m->len = (size_t)strtoull(m->envelope + 1, NULL, 10);
    queue_lease_add_oversize(lease, m->pos, m->envelope,
                             (size_t)((stop ? stop : end) - m->envelope));
    m->envelope = rest;
    m->envelope_len = (size_t)(end - rest);
    return true;
}

/* A number that ends in a space; NULL when there is none before end. */
static const char *read_value_number(const char *p, const char *end, size_t *out)
{
    size_t n = 0, digits = 0;
    for (; p < end && *p >= '0' && *p <= '9' && digits < 10; p++, digits++)
        n = 10 * n + (size_t)(*p - '0');
    *out = n;
    return digits && p < end && *p == ' ' ? p + 1 : NULL;
}

/* "<crashes> <envelope length> <envelope><bytes>" */
bool queue_value_read(const char *value, size_t len, struct queue_value *out)
{
    const char *end = value + len;
    size_t crashes, envelope_len;
    const char *p = read_value_number(value, end, &crashes);
    p = p ? read_value_number(p, end, &envelope_len) : NULL;
    if (!p || envelope_len > (size_t)(end - p))
        return false;
    *out = (struct queue_value){.crashes = (unsigned)crashes,
                                .oversize = envelope_len && *p == '!',
                                .envelope = p,
                                .envelope_len = envelope_len,
                                .bytes = p + envelope_len,
                                .len = (size_t)(end - p) - envelope_len};
    return true;
}

static bool read_claimed_member(struct queue_lease *lease, const redisReply *value,
                                struct queue_member *m)
{
    struct queue_value v;
    if (!queue_value_read(value->str, (size_t)value->len, &v))
        return false;
    m->crashes += v.crashes;
    m->envelope = v.envelope;
    m->envelope_len = v.envelope_len;
    m->bytes = v.bytes;
    m->len = v.len;
    return !v.oversize || read_oversize(lease, m);
}

static void read_members(struct queue_lease *lease, const redisReply *batch,
                         struct queue_member *members)
{
    for (size_t i = CLAIM_BATCH_FIXED; i + 1 < batch->elements; i += 2) {
        const redisReply *value = batch->element[i + 1];
        struct queue_member *m = &members[(i - CLAIM_BATCH_FIXED) / 2];
        const struct queue_member raw = {
            .pos = (unsigned)queue_reply_int(batch, i),
            .taken_over = queue_reply_int(batch, CLAIM_BATCH_OVER) == 1,
            .crashes = (unsigned)queue_reply_int(batch, CLAIM_BATCH_CRASHES),
            .envelope = "",
            .bytes = value->str,
            .len = (size_t)value->len};
        *m = raw;
        if (read_claimed_member(lease, value, m))
            continue;
        *m = raw;
        log_error("event=member_unreadable queue=%s batch=%s pos=%u", log_value(lease->queue->name),
                  lease->id, m->pos);
    }
}

/* --- batches --------------------------------------------------------------------------------- */

static bool is_reply_text(const redisReply *r)
{
    return r->type == REDIS_REPLY_STRING;
}

static bool is_batch(const redisReply *b)
{
    if (b->type != REDIS_REPLY_ARRAY || b->elements < CLAIM_BATCH_FIXED + 2 ||
        (b->elements - CLAIM_BATCH_FIXED) % 2)
        return false;
    static const unsigned texts[] = {CLAIM_BATCH_ID, CLAIM_BATCH_T0, CLAIM_BATCH_DIGEST,
                                     CLAIM_BATCH_GROUPING, CLAIM_BATCH_MARKS};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_reply_text(b->element[texts[i]]))
            return false;
    if (b->element[CLAIM_BATCH_ID]->len != QUEUE_ID_SIZE - 1)
        return false;
    /* With none there twice it has at most as many members as there are positions. */
    bool there[QUEUE_CLAIM_MAX] = {false};
    for (size_t i = CLAIM_BATCH_FIXED; i < b->elements; i += 2) {
        int64_t pos = queue_reply_int(b, i);
        if (pos < 0 || pos >= QUEUE_CLAIM_MAX || there[pos] || !is_reply_text(b->element[i + 1]))
            return false;
        there[pos] = true;
    }
    return true;
}

/* One job, or all that share one call: the text begins with the numbers of calls and members. */
static bool is_one_call(size_t n, const char *grouping)
{
    char head[32];
    snprintf(head, sizeof head, "1 %zu ", n);
    return n == 1 || strncmp(grouping, head, strlen(head)) == 0;
}

/* A time that lies ahead, but for a clock that was set back, is none: the claim's own stands in. */
static int64_t first_claim_ms(const struct queue *q, const char *text)
{
    int64_t t0_ms = number_read(text);
    return t0_ms > 0 && t0_ms <= q->redis_ms + CLOCK_BACK_MS ? t0_ms : q->redis_ms;
}

static struct queue_lease *hand_out(struct queue *q, const struct claiming *c,
                                    const redisReply *batch)
{
    size_t n = (batch->elements - CLAIM_BATCH_FIXED) / 2;
    const redisReply *grouping = batch->element[CLAIM_BATCH_GROUPING];
    struct queue_member *members = mem_alloc(n * sizeof *members);
    struct queue_lease *lease = queue_lease_new(q, batch->element[CLAIM_BATCH_ID]->str, c->fence,
                                                c->sent_boot_ms + q->opts.lease_ms, n);
    lease->held = q->opts.wait_replicas > 0;
    queue_lease_ref(lease);
    read_members(lease, batch, members);
    const struct queue_claim claim = {
        .lease = lease,
        .batch = batch->element[CLAIM_BATCH_ID]->str,
        .t0_ms = first_claim_ms(q, batch->element[CLAIM_BATCH_T0]->str),
        .now_ms = q->redis_ms,
        .digest = batch->element[CLAIM_BATCH_DIGEST]->str,
        .marks = batch->element[CLAIM_BATCH_MARKS]->str,
        .grouping = grouping->str,
        .grouping_len = (size_t)grouping->len,
        .members = members,
        .n = n,
        .suspect = is_one_call(n, grouping->str) && q->opts.crash_limit &&
                   members[0].crashes >= q->opts.crash_limit,
    };
    q->claim_fn(q->claim_arg, &claim, CLAIM_ANSWERED, 0);
    mem_free(members);
    return lease;
}

/* --- replicas -------------------------------------------------------------------------------- */

/* What a claim brought; each lease is held by a reference. */
struct claimed {
    enum claim_end end;
    unsigned ready;
    size_t n;
    struct queue_lease *leases[];
};

/* Without enough replicas a failover could undo the claim while its calls are on the wire, and
 * another worker would claim the same jobs: so they are not sent but given back. */
static void release(struct claimed *c, bool enough)
{
    for (size_t i = 0; i < c->n; i++) {
        c->leases[i]->held = false;
        c->leases[i]->lost |= !enough;
        queue_lease_unref(c->leases[i]);
    }
}

static void on_replicated(struct queue *q, void *ctx, redisReply *reply)
{
    struct claimed *c = ctx;
    bool answered = queue_answered(q, "wait_replicas", reply);
    int64_t replicas = answered && reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0;
    bool enough = replicas >= q->opts.wait_replicas;
    release(c, enough);
    if (enough) {
        claim_done(q, c->end, c->ready);
        return;
    }
    metrics_add_at(METRIC_CLAIMS_UNREPLICATED, metrics_find(SET_QUEUE, q->name), 1);
    log_warn("event=claim_unreplicated queue=%s replicas=%lld wanted=%lld", log_value(q->name),
             (long long)replicas, (long long)q->opts.wait_replicas);
    if (answered)
        queue_health_note(q, "wait_replicas", "too few replicas had a claim in time");
    claim_done(q, CLAIM_UNREPLICATED, 0);
}

static void wait_replicas(struct queue *q, struct claimed *c)
{
    struct command a;
    command_begin(&a);
    command_add(&a, "WAIT");
    command_add_int(&a, q->opts.wait_replicas);
    command_add_int(&a, q->opts.wait_ms);
    queue_send_blocking(q, q->cmd, &a, q->opts.wait_ms, on_replicated, c);
}

static void read_lengths(struct queue *q, const struct claiming *c, const redisReply *reply)
{
    const redisReply *lens = reply->element[CLAIM_REPLY_LENGTHS];
    q->ready_left = queue_reply_int(reply, CLAIM_REPLY_LEFT);
    for (size_t i = 0; i < c->nlists; i++)
        q->parked[c->lists[i]] = lens->type == REDIS_REPLY_ARRAY ? queue_reply_int(lens, i) : 0;
}

static enum claim_end end_of(int64_t taken)
{
    return taken == CLAIM_TAKEN_HELD ? CLAIM_HELD : taken < 0 ? CLAIM_FORGOTTEN : CLAIM_ANSWERED;
}

static void on_claimed(struct queue *q, void *ctx, redisReply *reply)
{
    if (!queue_answered_array(q, "claim", reply, CLAIM_REPLY_FIXED)) {
        claim_done(q, CLAIM_UNANSWERED, 0);
        return;
    }
    struct claimed *c = mem_zalloc(sizeof *c + reply->elements * sizeof *c->leases);
    int64_t taken = queue_reply_int(reply, CLAIM_REPLY_TAKEN);
    c->end = end_of(taken);
    c->ready = c->end == CLAIM_ANSWERED ? (unsigned)taken : 0;
    q->suspects = queue_reply_int(reply, CLAIM_REPLY_SUSPECTS) == 1;
    read_lengths(q, ctx, reply);
    for (size_t i = CLAIM_REPLY_FIXED; i < reply->elements; i++) {
        if (is_batch(reply->element[i]))
            c->leases[c->n++] = hand_out(q, ctx, reply->element[i]);
        else
            log_error("event=batch_unreadable queue=%s", log_value(q->name));
    }
    if (c->n && q->opts.wait_replicas) {
        wait_replicas(q, c);
        return;
    }
    if (q->opts.wait_replicas)
        queue_health_note(q, "wait_replicas", NULL); /* nothing came, so nothing has to be kept */
    release(c, true);
    enum claim_end end = c->end;
    unsigned ready = c->ready;
    mem_free(c);
    claim_done(q, end, ready);
}

/* --- the call -------------------------------------------------------------------------------- */

static size_t place_of_app(const struct queue *q, const char *app)
{
    size_t i = 0;
    while (i < q->napps && strcmp(q->apps[i], app) != 0)
        i++;
    return i;
}

static void add_parked_list(struct queue *q, struct claiming *c, size_t app, char **keys)
{
    keys[c->nlists] = queue_key(q, "parked", q->apps[app]);
    c->lists[c->nlists++] = (unsigned char)app;
}

/* Names of removed apps may be left over: without parked jobs they make room. */
static void forget_empty(struct queue *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->napps; i++) {
        if (!q->parked[i]) {
            mem_free(q->apps[i]);
            continue;
        }
        q->apps[kept] = q->apps[i];
        q->parked[kept++] = q->parked[i];
    }
    q->napps = kept;
}

/* The lists that jobs are taken from first, then the others, whose lengths are asked for. Too many
 * apps: those beyond the bound are not taken from. */
static size_t name_lists(struct queue *q, const struct queue_ask *ask, struct claiming *c,
                         const struct queue_unpark **unparks, char **keys)
{
    bool named[QUEUE_APPS_MAX] = {false};
    size_t n = 0;
    if (q->napps + ask->nunparks > QUEUE_APPS_MAX)
        forget_empty(q);
    for (size_t i = 0; i < ask->nunparks; i++) {
        queue_app_known(q, ask->unparks[i].app);
        size_t app = place_of_app(q, ask->unparks[i].app);
        if (app == q->napps || named[app])
            continue;
        named[app] = true;
        unparks[n++] = &ask->unparks[i];
        add_parked_list(q, c, app, keys);
    }
    for (size_t i = 0; i < q->napps; i++)
        if (!named[i])
            add_parked_list(q, c, i, keys);
    return n;
}

static unsigned clamp_to_claim(const struct queue *q, unsigned n)
{
    int64_t by_bytes = QUEUE_CLAIM_BYTES / (q->opts.job_max_bytes > 0 ? q->opts.job_max_bytes : 1);
    return (unsigned)min_int(n, max_int(1, min_int(by_bytes, QUEUE_CLAIM_MAX)));
}

static const char *run_id_of(const struct queue *q)
{
    const char *id = redis_run_id(q->cmd);
    return id[0] ? id : "-";
}

static void set_rules(const struct queue *q, struct command *c, const struct queue_ask *ask)
{
    static const char *const orders[] = {
        [QUEUE_PARKED_FIRST] = "first", [QUEUE_IN_TURN] = "turn", [QUEUE_BESIDE] = "beside"};
    bool lpop_has_count = redis_version(q->cmd) >= 60200;
    command_set_bool(c, CLAIM_ARGV_LPOP_HAS_COUNT, lpop_has_count);
    command_set_int(c, CLAIM_ARGV_CRASH_LIMIT,
                    q->opts.crash_limit ? q->opts.crash_limit : INT32_MAX);
    command_set_bool(c, CLAIM_ARGV_ALONE, ask->alone);
    command_set_bool(c, CLAIM_ARGV_MAY_FORGET, q->opts.may_forget);
    command_set(c, CLAIM_ARGV_ORDER, orders[ask->order]);
    command_set_int(c, CLAIM_ARGV_TURN, ask->turn);
    command_set_bool(c, CLAIM_ARGV_FROM_END, ask->from_end);
    command_set_bool(c, CLAIM_ARGV_NO_DUE, ask->ready_only);
    command_set_int(c, CLAIM_ARGV_MOST, clamp_to_claim(q, ask->most ? ask->most : QUEUE_CLAIM_MAX));
    command_set_int(c, CLAIM_ARGV_WHOLE, ask->whole ? ask->whole : INT32_MAX);
}

static void set_claim(const struct queue *q, struct command *c, const struct queue_ask *ask,
                      const char *id, const char *fence)
{
    command_set_int(c, CLAIM_ARGV_N, clamp_to_claim(q, ask->n));
    command_set(c, CLAIM_ARGV_ID, id);
    command_set(c, CLAIM_ARGV_FENCE, fence);
    command_set_int(c, CLAIM_ARGV_LEASE_MS, q->opts.lease_ms);
    command_set(c, CLAIM_ARGV_WORKER, q->worker);
    command_set(c, CLAIM_ARGV_DIGEST, q->digest);
    command_set(c, CLAIM_ARGV_RUN_ID, run_id_of(q));
    command_set_int(c, CLAIM_ARGV_JOB_MAX, q->opts.job_max_bytes);
    command_set_int(c, CLAIM_ARGV_PARKED_ALL_MAX, ask->parked_max);
}

void queue_claim(struct queue *q, const struct queue_ask *ask, queue_claim_fn fn, void *arg)
{
    assert(!q->claiming && ask->nunparks <= QUEUE_APPS_MAX);
    q->claiming = true;
    q->claim_fn = fn;
    q->claim_arg = arg;
    char *keys[QUEUE_APPS_MAX] = {NULL}, id[QUEUE_ID_SIZE];
    const struct queue_unpark *unparks[QUEUE_APPS_MAX];
    struct claiming *c = mem_zalloc(sizeof *c);
    size_t n = name_lists(q, ask, c, unparks, keys), nkeys = c->nlists;
    queue_random_id(id);
    queue_random_id(c->fence);
    c->sent_boot_ms = clock_boot_ms();
    struct command command;
    queue_script(q, &command, SCRIPT_CLAIM);
    for (size_t i = 0; i < nkeys; i++)
        command_more_key(&command, keys[i]);
    set_claim(q, &command, ask, id, c->fence);
    set_rules(q, &command, ask);
    for (size_t i = 0; i < n; i++) {
        command_group(&command);
        command_set_int(&command, CLAIM_ARGV_LIMIT, clamp_to_claim(q, unparks[i]->limit));
    }
    queue_send(q, q->cmd, &command, on_claimed, c);
    for (size_t i = 0; i < nkeys; i++)
        mem_free(keys[i]);
}
