/* SPDX-License-Identifier: MIT
 * The ends of members: collected within a moment, sent as few pipelined scripts, and sent again
 * until Redis confirms. One that had run already is then answered as stale, which is harmless. */
#include "queue/queue_core.h"

/* One script for what ends within a moment costs Redis a fraction of one for each. Nothing is
 * waited for when no claimed job is left that could join, and a mark is awaited by a call. */
enum { GATHER_MS = 5, GATHER_MAX = 64 };

#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"

/* What one call of the script carries: up to QUEUE_FINISH_ITEMS, or one call's members. */
struct batch {
    size_t n;
    struct queue_item *items[QUEUE_CLAIM_MAX];
};

void queue_finish_free(struct queue *q)
{
    struct queue_items *const lists[] = {&q->items, &q->items_sent};
    for (size_t i = 0; i < 2; i++) {
        struct queue_item *item;
        while ((item = TAILQ_FIRST(lists[i]))) {
            TAILQ_REMOVE(lists[i], item, link);
            queue_item_free(item);
        }
    }
}

size_t queue_unconfirmed(const struct queue *q)
{
    return q->unconfirmed;
}

/* --- answers --------------------------------------------------------------------------------- */

/* The members that an item ends: a mark none, a regrouping several. */
static size_t ended_by(const struct queue_item *item)
{
    return item->mark_fn ? 0 : item->nmembers ? item->nmembers : 1;
}

/* For a mark the answer may be an earlier text. */
static void report_item(const struct queue_item *item, const redisReply *answer)
{
    bool other = answer->type == REDIS_REPLY_STRING;
    bool done =
        other || (answer->type == REDIS_REPLY_INTEGER && answer->integer == FINISH_ANSWER_DONE);
    enum queue_done how = done ? QUEUE_DONE : QUEUE_STALE;
    if (!item->mark_fn)
        item->fn(item->arg, how);
    else if (!done)
        item->mark_fn(item->arg, how, NULL, 0);
    else
        item->mark_fn(item->arg, how, other ? answer->str : item->value,
                      other ? (size_t)answer->len : item->len);
}

static void confirm_item(struct queue *q, struct queue_item *item, const redisReply *answer)
{
    struct queue_lease *lease = item->lease;
    TAILQ_REMOVE(&q->items_sent, item, link);
    q->unconfirmed--;
    report_item(item, answer);
    if (item->mark_fn)
        queue_lease_unref(lease);
    for (size_t n = ended_by(item); n; n--)
        queue_lease_member_done(lease);
    queue_item_free(item);
}

/* Back to the head of what is to be sent, in the old order. */
static void put_batch_back(struct queue *q, const struct batch *b)
{
    for (size_t i = b->n; i-- > 0;) {
        TAILQ_REMOVE(&q->items_sent, b->items[i], link);
        TAILQ_INSERT_HEAD(&q->items, b->items[i], link);
    }
    if (!q->flush_paused) {
        q->flush_paused = true;
        timer_once(q->flush_timer, queue_backoff_next(q));
    }
}

static void on_batch_finished(struct queue *q, void *ctx, redisReply *reply)
{
    const struct batch *b = ctx;
    if (!queue_answered(q, "finish", reply) || reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != FINISH_REPLY_FIXED + b->n) {
        put_batch_back(q, b);
        return;
    }
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    metrics_add(METRIC_RESULTS_TRIMMED, queue_reply_int(reply, FINISH_REPLY_TRIMMED));
    for (size_t i = 0; i < b->n; i++)
        confirm_item(q, b->items[i], reply->element[FINISH_REPLY_ANSWER + i]);
}

/* --- sending --------------------------------------------------------------------------------- */

/* The next items that must not be parted. */
struct run {
    size_t n, weight, bytes;
};

static struct run next_run(const struct queue *q)
{
    struct run r = {0};
    const struct queue_item *item = TAILQ_FIRST(&q->items);
    for (bool more = true; item && more && r.n < QUEUE_CLAIM_MAX; item = TAILQ_NEXT(item, link)) {
        r.n++;
        r.weight += item->nmembers ? item->nmembers : 1;
        r.bytes += item->len;
        for (size_t i = 0; i < item->nmembers; i++)
            r.bytes += item->members[i].len;
        more = item->with_next;
    }
    return r;
}

static bool fits_batch(const struct run *have, const struct run *more)
{
    return have->n == 0 || (have->weight + more->weight <= QUEUE_FINISH_ITEMS &&
                            have->bytes + more->bytes <= QUEUE_FINISH_BYTES);
}

/* Takes the next items from the list, as many as one call may carry. */
static struct batch *collect_batch(struct queue *q)
{
    struct batch *b = mem_alloc(sizeof *b);
    b->n = 0;
    struct run have = {0}, more;
    while ((more = next_run(q)).n && fits_batch(&have, &more)) {
        have = (struct run){have.n + more.n, have.weight + more.weight, have.bytes + more.bytes};
        while (b->n < have.n) {
            struct queue_item *item = TAILQ_FIRST(&q->items);
            TAILQ_REMOVE(&q->items, item, link);
            TAILQ_INSERT_TAIL(&q->items_sent, item, link);
            b->items[b->n++] = item;
        }
    }
    return b;
}

static void add_lease(const struct queue_lease *lease, struct command *c)
{
    static const char kind[] = {FINISH_KIND_LEASE, '\0'};
    queue_item_begin(c, kind, FINISH_LEASE_FIXED);
    command_set(c, FINISH_ARGV_ITEM + FINISH_LEASE_BATCH, lease->id);
    command_set(c, FINISH_ARGV_ITEM + FINISH_LEASE_FENCE, lease->fence);
}

static void send_batch(struct queue *q, struct batch *b)
{
    struct queue_parked_keys parked = {0};
    struct command c;
    queue_script(q, &c, SCRIPT_FINISH);
    for (size_t i = 0; i < b->n; i++)
        queue_item_name_list(q, b->items[i], &parked, &c);
    command_set_int(&c, FINISH_ARGV_RESULTS_MAX, q->opts.results_max);
    for (size_t i = 0; i < b->n; i++) {
        if (i == 0 || b->items[i]->lease != b->items[i - 1]->lease)
            add_lease(b->items[i]->lease, &c);
        queue_item_args(b->items[i], &parked, &c);
    }
    queue_send(q, q->cmd, &c, on_batch_finished, b);
    for (size_t i = 0; i < parked.n; i++)
        mem_free(parked.keys[i]);
}

void queue_finish_flush(struct queue *q)
{
    timer_stop(q->flush_timer);
    q->flush_paused = false;
    q->gathered = 0;
    while (redis_is_up(q->cmd) && !q->newer && !TAILQ_EMPTY(&q->items))
        send_batch(q, collect_batch(q));
    if (!TAILQ_EMPTY(&q->items)) {
        q->flush_paused = true;
        timer_once(q->flush_timer, queue_backoff_next(q));
    }
}

void queue_on_flush(void *arg)
{
    queue_finish_flush(arg);
}

void queue_item_add(struct queue_item *item)
{
    struct queue *q = item->lease->queue;
    TAILQ_INSERT_TAIL(&q->items, item, link);
    q->unconfirmed++;
    q->gathered++;
    q->open -= ended_by(item);
    if (q->flush_paused)
        return;
    if (item->mark_fn || q->gathered >= GATHER_MAX || q->open == 0)
        timer_now(q->flush_timer);
    else if (!timer_is_set(q->flush_timer))
        timer_once(q->flush_timer, GATHER_MS);
}

/* --- items ----------------------------------------------------------------------------------- */

struct queue_item *queue_item_new(struct queue_lease *lease, unsigned pos, char kind, void *arg)
{
    struct queue_item *item = mem_zalloc(sizeof *item);
    item->lease = lease;
    item->head[0] = kind;
    text_number(item->head + 1, pos);
    item->arg = arg;
    return item;
}

static char kind_letter(enum queue_end_kind kind)
{
    static const char letters[] = {
        [END_SENT] = FINISH_KIND_SENT, [END_DUPLICATE] = FINISH_KIND_DUPLICATE,
        [END_DEAD] = FINISH_KIND_DEAD, [END_RETRY] = FINISH_KIND_RETRY,
        [END_PARK] = FINISH_KIND_PARK, [END_RETURN] = FINISH_KIND_RETURN};
    return letters[kind];
}

void queue_finish(struct queue_lease *lease, unsigned pos, const struct queue_end *end,
                  queue_done_fn fn, void *arg)
{
    struct queue_item *item = queue_item_new(lease, pos, kind_letter(end->kind), arg);
    item->fn = fn;
    item->with_next = end->with_next;
    if (end->kind == END_SENT || end->kind == END_DUPLICATE || end->kind == END_DEAD)
        queue_item_value(item, end->outcome, end->outcome_len);
    else
        queue_item_keep(item, end, queue_lease_oversize(lease, pos));
    queue_item_add(item);
}
