/* SPDX-License-Identifier: MIT
 * Finishes, marks and regroupings: collected within a loop turn, sent as few pipelined scripts, and
 * sent again until Redis confirms. One that had run already is then answered as stale, which is
 * harmless. */
#include "queue/queue_core.h"

/* One script for what ends within a moment costs Redis a fraction of one for each. Nothing is
 * waited for when no claimed job is left that could join, and a mark is awaited by a call. */
enum { GATHER_MS = 5, GATHER_MAX = 64 };

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"

/* What one call of the script carries: up to QUEUE_FINISH_ITEMS, or one call's members. */
struct batch {
    size_t n;
    struct queue_item *items[QUEUE_CLAIM_MAX];
};

static void item_free(struct queue_item *item)
{
    mem_free(item->app);
    mem_free(item->ref);
    mem_free(item->value);
    for (size_t i = 0; i < item->nmembers; i++)
        mem_free(item->members[i].envelope);
    mem_free(item->members);
    mem_free(item);
}

void queue_finish_free(struct queue *q)
{
    struct queue_items *const lists[] = {&q->items, &q->items_sent};
    for (size_t i = 0; i < 2; i++) {
        struct queue_item *item;
        while ((item = TAILQ_FIRST(lists[i]))) {
            TAILQ_REMOVE(lists[i], item, link);
            item_free(item);
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
    item_free(item);
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

/* The parked lists that a call names. */
struct parked {
    size_t n;
    const char *apps[QUEUE_CLAIM_MAX];
    char *keys[QUEUE_CLAIM_MAX];
};

/* Which of them, from 1, is an app's. */
static size_t parked_list(const struct parked *p, const char *app)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->apps[i], app) != 0)
        i++;
    return i + 1;
}

static void add_parked(const struct queue *q, struct parked *p, const char *app, struct command *c)
{
    if (parked_list(p, app) <= p->n)
        return;
    p->apps[p->n] = app;
    command_more_key(c, p->keys[p->n++] = queue_key(q, "parked", app));
}

/* Begins an item's group of n arguments, its kind among them. */
static void begin_finish_item(struct command *c, const char *kind, size_t n)
{
    command_group_of(c, n);
    command_set(c, FINISH_ARGV_ITEM, kind);
}

static void add_lease(const struct queue_lease *lease, struct command *c)
{
    static const char kind[] = {FINISH_KIND_LEASE, '\0'};
    begin_finish_item(c, kind, FINISH_LEASE_FIXED);
    command_set(c, FINISH_ARGV_ITEM + FINISH_LEASE_BATCH, lease->id);
    command_set(c, FINISH_ARGV_ITEM + FINISH_LEASE_FENCE, lease->fence);
}

static void add_regrouping(const struct queue_item *item, struct command *c)
{
    begin_finish_item(c, item->head, FINISH_REGROUP_FIXED);
    command_set(c, FINISH_ARGV_ITEM + FINISH_REGROUP_ID, item->new_id);
    command_set_int(c, FINISH_ARGV_ITEM + FINISH_REGROUP_AT, item->at_ms);
    command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_REGROUP_GROUPING, item->value, item->len);
    for (size_t i = 0; i < item->nmembers; i++) {
        const struct queue_item_member *m = &item->members[i];
        command_group_of(c, FINISH_MEMBER_FIXED);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_MEMBER_POSITION, m->pos);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_MEMBER_CRASHES, m->crashes);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_MEMBER_ENVELOPE, m->envelope, m->len);
    }
}

static void add_finish_item(const struct queue_item *item, const struct parked *p,
                            struct command *c)
{
    switch (item->head[0]) {
    case FINISH_KIND_RETRY:
        begin_finish_item(c, item->head, FINISH_RETRY_FIXED);
        command_set(c, FINISH_ARGV_ITEM + FINISH_RETRY_ID, item->new_id);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_RETRY_AT, item->at_ms);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_RETRY_VALUE, item->value, item->len);
        break;
    case FINISH_KIND_PARK:
        begin_finish_item(c, item->head, FINISH_PARK_FIXED);
        command_set_int(c, FINISH_ARGV_ITEM + FINISH_PARK_LIST, (int64_t)parked_list(p, item->app));
        command_set(c, FINISH_ARGV_ITEM + FINISH_PARK_APP, item->app);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_PARK_VALUE, item->value, item->len);
        break;
    case FINISH_KIND_RETURN:
        begin_finish_item(c, item->head, FINISH_RETURN_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_RETURN_BYTES, item->value, item->len);
        command_set(c, FINISH_ARGV_ITEM + FINISH_RETURN_REF, item->ref ? item->ref : "");
        break;
    case FINISH_KIND_MARK:
        begin_finish_item(c, item->head, FINISH_MARK_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_MARK_GROUPING, item->value, item->len);
        break;
    case FINISH_KIND_REGROUP:
        add_regrouping(item, c);
        break;
    default:
        begin_finish_item(c, item->head, FINISH_ENDED_FIXED);
        command_set_bytes(c, FINISH_ARGV_ITEM + FINISH_ENDED_OUTCOME, item->value, item->len);
    }
}

static void send_batch(struct queue *q, struct batch *b)
{
    struct parked parked = {0};
    struct command c;
    queue_script(q, &c, SCRIPT_FINISH);
    for (size_t i = 0; i < b->n; i++)
        if (b->items[i]->app)
            add_parked(q, &parked, b->items[i]->app, &c);
    command_set_int(&c, FINISH_ARGV_RESULTS_MAX, q->opts.results_max);
    for (size_t i = 0; i < b->n; i++) {
        if (i == 0 || b->items[i]->lease != b->items[i - 1]->lease)
            add_lease(b->items[i]->lease, &c);
        add_finish_item(b->items[i], &parked, &c);
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

void queue_item_value(struct queue_item *item, const char *p, size_t len)
{
    item->value = mem_dup(p ? p : "", p ? len : 0);
    item->len = p ? len : 0;
}

void queue_item_wait(struct queue_item *item, int64_t at_ms)
{
    queue_random_id(item->new_id);
    item->new_id[0] = 'w';
    item->at_ms = at_ms;
}

/* "<crashes> <envelope length> <envelope><bytes>"; the reference to bytes that stay in
 * K:oversize stands before the envelope. */
static void set_member_value(struct queue_item *item, const struct queue_end *end, const char *ref)
{
    assert(!end->envelope_len || end->envelope[0] != '!');
    size_t ref_len = ref ? strlen(ref) + (end->envelope_len ? 1 : 0) : 0;
    size_t len = ref ? 0 : end->len;
    char head[48];
    int n = snprintf(head, sizeof head, "%u %zu ", end->crashes, ref_len + end->envelope_len);
    struct buf b;
    buf_init(&b, (size_t)n + ref_len + end->envelope_len + len);
    buf_add(&b, head, (size_t)n);
    if (ref) {
        buf_puts(&b, ref);
        if (end->envelope_len)
            buf_putc(&b, ' ');
    }
    buf_add(&b, end->envelope ? end->envelope : "", end->envelope_len);
    buf_add(&b, end->bytes ? end->bytes : "", len);
    assert(buf_ok(&b));
    item->len = b.len;
    item->value = buf_take(&b);
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
    struct queue *q = lease->queue;
    struct queue_item *item = queue_item_new(lease, pos, kind_letter(end->kind), arg);
    item->fn = fn;
    item->with_next = end->with_next;
    const char *ref = queue_lease_oversize(lease, pos);
    switch (end->kind) {
    case END_SENT:
    case END_DUPLICATE:
    case END_DEAD:
        queue_item_value(item, end->outcome, end->outcome_len);
        break;
    case END_RETRY:
        queue_item_wait(item, end->at_ms);
        set_member_value(item, end, ref);
        break;
    case END_PARK:
        item->app = mem_strdup(end->app);
        queue_app_known(q, end->app);
        set_member_value(item, end, ref);
        break;
    case END_RETURN:
        if (ref)
            item->ref = mem_strdup(strchr(ref, ' ') + 1);
        queue_item_value(item, ref ? NULL : end->bytes, end->len);
        break;
    }
    queue_item_add(item);
}
