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

static enum queue_removed removal_of(int64_t answer)
{
    switch (answer) {
    case DEAD_MOVE_ANSWER_DONE:
        return MOVED_DONE;
    case DEAD_MOVE_ANSWER_BYTES_GONE:
        return MOVED_BYTES_GONE;
    case DEAD_MOVE_ANSWER_TOO_LARGE:
        return MOVED_TOO_LARGE;
    default:
        return MOVED_GONE;
    }
}

static void on_letters_moved(struct queue *q, void *ctx, redisReply *reply)
{
    const struct moving *m = ctx;
    enum queue_removed each[QUEUE_MOVE_MAX];
    bool ok = queue_answered_array(q, "dead_move", reply, DEAD_MOVE_REPLY_FIXED + m->n);
    for (size_t i = 0; i < m->n; i++)
        each[i] =
            ok ? removal_of(queue_reply_int(reply, DEAD_MOVE_REPLY_ANSWER + i)) : MOVED_UNKNOWN;
    m->fn(m->arg, each, m->n);
}

/* What one letter adds to the call. */
struct item {
    char id[QUEUE_ID_SIZE];
    struct buf value;
};

static void add_letter(const struct queue_letter *l, struct item *item, struct command *a)
{
    char head[48];
    queue_random_id(item->id);
    item->id[0] = 'w'; /* as every waiting batch */
    int n = snprintf(head, sizeof head, "0 %zu ", l->envelope_len);
    buf_init(&item->value, (size_t)n + l->envelope_len + l->bytes_len);
    buf_add(&item->value, head, (size_t)n);
    buf_add(&item->value, l->envelope ? l->envelope : "", l->envelope_len);
    buf_add(&item->value, l->bytes ? l->bytes : "", l->bytes_len);
    command_group(a);
    command_set_int(a, DEAD_MOVE_ARGV_POSITION, l->place);
    command_set_bytes(a, DEAD_MOVE_ARGV_LETTER, l->text, l->len);
    command_set(a, DEAD_MOVE_ARGV_ID, item->id);
    command_set_int(a, DEAD_MOVE_ARGV_AT, l->at_ms);
    command_set_bytes(a, DEAD_MOVE_ARGV_VALUE, buf_text(&item->value), item->value.len);
    command_set(a, DEAD_MOVE_ARGV_REF, l->oversize ? l->oversize : "");
}

void queue_dead_move(struct queue *q, const struct queue_letter *letters, size_t n, bool drop,
                     queue_moved_fn fn, void *arg)
{
    assert(n && n <= QUEUE_MOVE_MAX);
    struct item items[QUEUE_MOVE_MAX];
    struct moving *m = mem_alloc(sizeof *m);
    struct command a;
    *m = (struct moving){fn, arg, n};
    queue_script(q, &a, SCRIPT_DEAD_MOVE);
    command_set(&a, DEAD_MOVE_ARGV_DIGEST, q->digest);
    command_set_int(&a, DEAD_MOVE_ARGV_JOB_MAX, q->opts.job_max_bytes);
    command_set_bool(&a, DEAD_MOVE_ARGV_DROP, drop);
    for (size_t i = 0; i < n; i++)
        add_letter(&letters[i], &items[i], &a);
    queue_send(q, q->cmd, &a, on_letters_moved, m);
    for (size_t i = 0; i < n; i++)
        buf_free(&items[i].value);
}

/* --- cancelling ------------------------------------------------------------------------------ */

struct cancelling {
    queue_cancelled_fn fn;
    void *arg;
};

/* Both scripts answer alike. */
static_assert((int)CANCEL_LISTED_REPLY_ANSWER == (int)CANCEL_WAITING_REPLY_ANSWER &&
                  (int)CANCEL_LISTED_ANSWER_DONE == (int)CANCEL_WAITING_ANSWER_DONE,
              "one reading of both");

static void on_job_cancelled(struct queue *q, void *ctx, redisReply *reply)
{
    const struct cancelling *c = ctx;
    bool ok = queue_answered_array(q, "cancel", reply, CANCEL_WAITING_REPLY_FIXED);
    int64_t answer = ok ? queue_reply_int(reply, CANCEL_WAITING_REPLY_ANSWER) : 0;
    c->fn(c->arg, !ok                                      ? CANCEL_UNKNOWN
                  : answer == CANCEL_WAITING_ANSWER_LEASED ? CANCEL_LEASED
                  : answer == CANCEL_WAITING_ANSWER_DONE   ? CANCEL_DONE
                                                           : CANCEL_GONE);
}

static struct cancelling *cancelling(queue_cancelled_fn fn, void *arg)
{
    struct cancelling *c = mem_alloc(sizeof *c);
    *c = (struct cancelling){fn, arg};
    return c;
}

enum { LOOK_BACK = 512 };

/* A look at many or large elements takes several scripts. */
struct looking {
    struct cancelling cancelling; /* first: on_job_cancelled() gets it, too */
    int64_t place, lowest;
    size_t key_size, len, outcome_len;
    char bytes[]; /* the list's key with its NUL, the element, the outcome */
};

static size_t looking_size(const struct looking *l)
{
    return sizeof *l + l->key_size + l->len + l->outcome_len;
}

static void on_list_looked(struct queue *q, void *ctx, redisReply *reply);

/* l is the script's from here on. */
static void look_for(struct queue *q, struct looking *l)
{
    struct command a;
    const char *element = l->bytes + l->key_size;
    queue_script(q, &a, SCRIPT_CANCEL_LISTED);
    command_key(&a, QUEUE_KEY_LIST, l->bytes);
    command_set_int(&a, CANCEL_LISTED_ARGV_POSITION, l->place);
    command_set_bytes(&a, CANCEL_LISTED_ARGV_ELEMENT, element, l->len);
    command_set_bytes(&a, CANCEL_LISTED_ARGV_OUTCOME, element + l->len, l->outcome_len);
    command_set_int(&a, CANCEL_LISTED_ARGV_LOWEST, l->lowest);
    queue_send(q, q->cmd, &a, on_list_looked, l);
}

/* ctx is freed by who calls: a copy goes on. */
static void on_list_looked(struct queue *q, void *ctx, redisReply *reply)
{
    struct looking *l = ctx;
    bool more = reply && reply->type == REDIS_REPLY_ARRAY &&
                reply->elements == CANCEL_LISTED_REPLY_FIXED &&
                queue_reply_int(reply, CANCEL_LISTED_REPLY_ANSWER) == CANCEL_LISTED_ANSWER_GO_ON;
    int64_t place = more ? queue_reply_int(reply, CANCEL_LISTED_REPLY_POSITION) : 0;
    if (!more || place >= l->place) {
        on_job_cancelled(q, ctx, reply);
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
    const char *key = made ? made : q->keys[QUEUE_KEY_READY];
    struct looking head = {.cancelling = {fn, arg},
                           .place = place,
                           .lowest = place > LOOK_BACK ? place - LOOK_BACK : 0,
                           .key_size = strlen(key) + 1,
                           .len = len,
                           .outcome_len = outcome_len};
    struct looking *l = mem_alloc(looking_size(&head));
    *l = head;
    memcpy(l->bytes, key, head.key_size);
    memcpy(l->bytes + head.key_size, element, len);
    memcpy(l->bytes + head.key_size + len, outcome, outcome_len);
    look_for(q, l);
    mem_free(made);
}

void queue_cancel_waiting(struct queue *q, const char *field, const char *value, size_t len,
                          const char *outcome, size_t outcome_len, queue_cancelled_fn fn, void *arg)
{
    struct command a;
    const char *colon = strchr(field, ':');
    size_t id_len = colon ? (size_t)(colon - field) : strlen(field);
    queue_script(q, &a, SCRIPT_CANCEL_WAITING);
    command_set_bytes(&a, CANCEL_WAITING_ARGV_BATCH, field, id_len);
    command_set(&a, CANCEL_WAITING_ARGV_POSITION, colon ? colon + 1 : "");
    command_set_bytes(&a, CANCEL_WAITING_ARGV_VALUE, value, len);
    command_set_bytes(&a, CANCEL_WAITING_ARGV_OUTCOME, outcome, outcome_len);
    queue_send(q, q->cmd, &a, on_job_cancelled, cancelling(fn, arg));
}
