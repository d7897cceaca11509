/* SPDX-License-Identifier: MIT
 * Taking out: dead letters back into the queue or away, waiting jobs into the dead letters. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "queue/queue_core.h"
#include "queue/queue_tool.h"

/* --- dead letters ---------------------------------------------------------------------------- */

struct moving {
    queue_moved_fn fn;
    void *arg;
    size_t n;
};

static enum queue_removed moved(int64_t answer)
{
    switch (answer) {
    case 1:
        return MOVED_DONE;
    case -1:
        return MOVED_BYTES_GONE;
    case -2:
        return MOVED_TOO_LARGE;
    default:
        return MOVED_GONE;
    }
}

static void on_moved(struct queue *q, void *ctx, redisReply *reply)
{
    const struct moving *m = ctx;
    enum queue_removed each[QUEUE_MOVE_MAX];
    bool ok = queue_answered_array(q, "dead_move", reply, m->n + 1);
    for (size_t i = 0; i < m->n; i++)
        each[i] = ok ? moved(queue_reply_int(reply, i + 1)) : MOVED_UNKNOWN;
    m->fn(m->arg, each, m->n);
}

/* What one letter adds to the call. */
struct item {
    char place[24], at[24], id[QUEUE_ID_SIZE];
    struct buf value;
};

static void add_item(const struct queue_letter *l, struct item *item, struct queue_args *a)
{
    char head[48];
    snprintf(item->place, sizeof item->place, "%lld", (long long)l->place);
    snprintf(item->at, sizeof item->at, "%lld", (long long)l->at_ms);
    queue_random_id(item->id);
    item->id[0] = 'w'; /* as every waiting batch */
    int n = snprintf(head, sizeof head, "0 %zu ", l->envelope_len);
    buf_init(&item->value, (size_t)n + l->envelope_len + l->bytes_len);
    buf_add(&item->value, head, (size_t)n);
    buf_add(&item->value, l->envelope ? l->envelope : "", l->envelope_len);
    buf_add(&item->value, l->bytes ? l->bytes : "", l->bytes_len);
    queue_args_text(a, item->place);
    queue_args_bytes(a, l->text, l->len);
    queue_args_text(a, item->id);
    queue_args_text(a, item->at);
    queue_args_bytes(a, buf_text(&item->value), item->value.len);
    queue_args_text(a, l->oversize ? l->oversize : "");
}

void queue_dead_move(struct queue *q, const struct queue_letter *letters, size_t n, bool drop,
                     queue_moved_fn fn, void *arg)
{
    assert(n && n <= QUEUE_MOVE_MAX);
    const struct queue_keys *k = &q->keys;
    const char *const keys[] = {k->due, k->batch, k->member, k->count, k->dead, k->oversize};
    struct item items[QUEUE_MOVE_MAX];
    struct moving *m = mem_alloc(sizeof *m);
    struct queue_args a;
    *m = (struct moving){fn, arg, n};
    queue_args_init(&a);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        queue_args_text(&a, keys[i]);
    queue_args_keys_end(&a);
    queue_args_text(&a, q->digest);
    queue_args_int(&a, q->opts.job_max_bytes);
    queue_args_text(&a, drop ? "1" : "0");
    for (size_t i = 0; i < n; i++)
        add_item(&letters[i], &items[i], &a);
    queue_send_script(q, q->cmd, SCRIPT_DEAD_MOVE, &a, on_moved, m);
    for (size_t i = 0; i < n; i++)
        buf_free(&items[i].value);
}

/* --- cancelling ------------------------------------------------------------------------------ */

struct cancelling {
    queue_cancelled_fn fn;
    void *arg;
};

static void on_cancelled(struct queue *q, void *ctx, redisReply *reply)
{
    const struct cancelling *c = ctx;
    if (!queue_answered_array(q, "cancel", reply, 2))
        c->fn(c->arg, CANCEL_UNKNOWN);
    else if (queue_reply_int(reply, 1) == -1)
        c->fn(c->arg, CANCEL_LEASED);
    else
        c->fn(c->arg, queue_reply_int(reply, 1) == 1 ? CANCEL_DONE : CANCEL_GONE);
}

static struct cancelling *cancelling(queue_cancelled_fn fn, void *arg)
{
    struct cancelling *c = mem_alloc(sizeof *c);
    *c = (struct cancelling){fn, arg};
    return c;
}

enum { LOOK_BACK = 512, GO_ON = 2 };

/* A look at many or large elements takes several scripts. */
struct looking {
    struct cancelling cancelling; /* first: on_cancelled() gets it, too */
    int64_t place, lowest;
    size_t key_len, len, outcome_len;
    char bytes[]; /* the list's key, the element, the outcome */
};

static size_t looking_size(const struct looking *l)
{
    return sizeof *l + l->key_len + l->len + l->outcome_len;
}

static void on_looked(struct queue *q, void *ctx, redisReply *reply);

/* l is the script's from here on. */
static void look_for(struct queue *q, struct looking *l)
{
    struct queue_args a;
    const char *element = l->bytes + l->key_len;
    queue_args_init(&a);
    queue_args_bytes(&a, l->bytes, l->key_len);
    queue_args_text(&a, q->keys.dead);
    queue_args_text(&a, q->keys.count);
    queue_args_text(&a, q->keys.batch);
    queue_args_keys_end(&a);
    queue_args_int(&a, l->place);
    queue_args_bytes(&a, element, l->len);
    queue_args_bytes(&a, element + l->len, l->outcome_len);
    queue_args_int(&a, l->lowest);
    queue_send_script(q, q->cmd, SCRIPT_CANCEL_LISTED, &a, on_looked, l);
}

/* ctx is freed by who calls: a copy goes on. */
static void on_looked(struct queue *q, void *ctx, redisReply *reply)
{
    struct looking *l = ctx;
    bool more = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                queue_reply_int(reply, 1) == GO_ON;
    int64_t place = more ? queue_reply_int(reply, 2) : 0;
    if (!more || place >= l->place) {
        on_cancelled(q, ctx, reply);
        return;
    }
    l->place = place;
    look_for(q, mem_dup(l, looking_size(l)));
}

void queue_cancel_listed(struct queue *q, enum queue_list list, const char *name, int64_t place,
                         const char *element, size_t len, const char *outcome, size_t outcome_len,
                         queue_cancelled_fn fn, void *arg)
{
    assert(list == QUEUE_READY || list == QUEUE_INBOX || list == QUEUE_PARKED);
    char *made =
        list == QUEUE_READY ? NULL : queue_key(q, list == QUEUE_INBOX ? "inbox" : "parked", name);
    const char *key = made ? made : q->keys.ready;
    struct looking head = {.cancelling = {fn, arg},
                           .place = place,
                           .lowest = place > LOOK_BACK ? place - LOOK_BACK : 0,
                           .key_len = strlen(key),
                           .len = len,
                           .outcome_len = outcome_len};
    struct looking *l = mem_alloc(looking_size(&head));
    *l = head;
    memcpy(l->bytes, key, head.key_len);
    memcpy(l->bytes + head.key_len, element, len);
    memcpy(l->bytes + head.key_len + len, outcome, outcome_len);
    look_for(q, l);
    mem_free(made);
}

void queue_cancel_waiting(struct queue *q, const char *field, const char *value, size_t len,
                          const char *outcome, size_t outcome_len, queue_cancelled_fn fn, void *arg)
{
    struct queue_args a;
    const char *colon = strchr(field, ':');
    size_t id_len = colon ? (size_t)(colon - field) : strlen(field);
    queue_args_init(&a);
    queue_args_text(&a, q->keys.due);
    queue_args_text(&a, q->keys.batch);
    queue_args_text(&a, q->keys.member);
    queue_args_text(&a, q->keys.count);
    queue_args_text(&a, q->keys.dead);
    queue_args_keys_end(&a);
    queue_args_bytes(&a, field, id_len);
    queue_args_text(&a, colon ? colon + 1 : "");
    queue_args_bytes(&a, value, len);
    queue_args_bytes(&a, outcome, outcome_len);
    queue_send_script(q, q->cmd, SCRIPT_CANCEL_WAITING, &a, on_cancelled, cancelling(fn, arg));
}
