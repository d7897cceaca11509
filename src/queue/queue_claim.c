/* SPDX-License-Identifier: MIT
 * Claiming: one script takes due batches, parked, inbox and ready jobs; its reply becomes leases
 * and members. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/number.h"

enum { CLOCK_BACK_MS = 24 * 3600 * 1000 };

struct claiming {
    int64_t sent_boot_ms;
    char fence[QUEUE_ID_SIZE];
    struct queue_lists lists; /* that were named */
};

int64_t queue_ready_left(const struct queue *q)
{
    return q->ready_left;
}

bool queue_suspects(const struct queue *q)
{
    return q->suspects;
}

bool queue_claiming(const struct queue *q)
{
    return q->claiming;
}

/* --- members --------------------------------------------------------------------------------- */

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
    return !v.oversize || queue_member_oversize(lease, m);
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

static enum claim_end end_of(int64_t taken)
{
    return taken == CLAIM_TAKEN_HELD ? CLAIM_HELD : taken < 0 ? CLAIM_FORGOTTEN : CLAIM_ANSWERED;
}

static void on_claimed(struct queue *q, void *ctx, redisReply *reply)
{
    const struct claiming *asked = ctx;
    if (!queue_answered_array(q, "claim", reply, CLAIM_REPLY_FIXED)) {
        queue_claim_done(q, CLAIM_UNANSWERED, 0);
        return;
    }
    struct queue_claimed *c = mem_zalloc(sizeof *c + reply->elements * sizeof *c->leases);
    int64_t taken = queue_reply_int(reply, CLAIM_REPLY_TAKEN);
    c->end = end_of(taken);
    c->ready = c->end == CLAIM_ANSWERED ? (unsigned)taken : 0;
    q->suspects = queue_reply_int(reply, CLAIM_REPLY_SUSPECTS) == 1;
    q->ready_left = queue_reply_int(reply, CLAIM_REPLY_LEFT);
    queue_lists_read(q, &asked->lists, reply->element[CLAIM_REPLY_LENGTHS]);
    for (size_t i = CLAIM_REPLY_FIXED; i < reply->elements; i++) {
        if (queue_is_batch(reply->element[i]))
            c->leases[c->n++] = hand_out(q, asked, reply->element[i]);
        else
            log_error("event=batch_unreadable queue=%s", log_value(q->name));
    }
    if (c->n && q->opts.wait_replicas) {
        queue_replicas_wait(q, c);
        return;
    }
    if (q->opts.wait_replicas)
        queue_health_note(q, "wait_replicas", NULL); /* nothing came, so nothing has to be kept */
    queue_leases_release(c->leases, c->n, true);
    enum claim_end end = c->end;
    unsigned ready = c->ready;
    mem_free(c);
    queue_claim_done(q, end, ready);
}

/* --- the call -------------------------------------------------------------------------------- */

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
    size_t n = queue_lists_name(q, ask, &c->lists, unparks, keys), nkeys = c->lists.n;
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
