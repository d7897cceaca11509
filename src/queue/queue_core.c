/* SPDX-License-Identifier: MIT */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "base/text.h"

/* --- requests -------------------------------------------------------------------------------- */

struct request {
    struct queue *q;
    queue_reply_fn fn;
    void *ctx;
};

void queue_free_when_quiet(struct queue *q)
{
    if (q->closed && q->pending == 0)
        mem_free(q);
}

static void on_queue_reply(void *arg, redisReply *reply)
{
    struct request *request = arg;
    struct queue *q = request->q;
    if (!q->closed)
        request->fn(q, request->ctx, reply);
    mem_free(request->ctx);
    mem_free(request);
    q->pending--;
    queue_free_when_quiet(q);
}

static struct request *request_new(struct queue *q, queue_reply_fn fn, void *ctx)
{
    assert(!q->closed);
    struct request *request = mem_alloc(sizeof *request);
    *request = (struct request){q, fn, ctx};
    q->pending++;
    return request;
}

void queue_script(const struct queue *q, struct command *c, enum script which)
{
    command_script(c, which, (const char *const *)q->keys);
}

void queue_send(struct queue *q, struct redis *r, struct command *c, queue_reply_fn fn, void *ctx)
{
    command_send(c, r, on_queue_reply, request_new(q, fn, ctx));
}

void queue_send_blocking(struct queue *q, struct redis *r, struct command *c, int64_t wait_ms,
                         queue_reply_fn fn, void *ctx)
{
    command_send_blocking(c, r, (int)wait_ms, on_queue_reply, request_new(q, fn, ctx));
}

/* --- answers --------------------------------------------------------------------------------- */

int64_t queue_backoff_next(struct queue *q)
{
    int64_t ms = q->backoff_ms;
    q->backoff_ms = ms < QUEUE_BACKOFF_MAX_MS / 2 ? 2 * ms : QUEUE_BACKOFF_MAX_MS;
    return ms / 2 + (int64_t)clock_random_below((uint64_t)ms / 2 + 1);
}

static void note_error(struct queue *q, const char *what, const char *error)
{
    snprintf(q->error, sizeof q->error, "%s", error);
    int64_t now = clock_mono_ms();
    if (!q->trouble || now - q->trouble_mono_ms > QUEUE_LOG_AGAIN_MS) {
        log_warn("event=queue_redis_error queue=%s step=%s error=%s", log_value(q->name), what,
                 log_value(error));
        q->trouble = what;
        q->trouble_mono_ms = now;
    }
}

bool queue_answered(struct queue *q, const char *what, const redisReply *reply)
{
    if (!reply)
        return false;
    if (reply->type == REDIS_REPLY_ERROR) {
        note_error(q, what, reply->str);
        queue_health_note(q, what, reply->str);
        return false;
    }
    if (q->refused)
        queue_health_note(q, what, NULL);
    if (q->trouble && strcmp(q->trouble, what) == 0) {
        log_info("event=queue_redis_ok queue=%s step=%s", log_value(q->name), what);
        q->trouble = NULL;
    }
    return true;
}

int64_t queue_reply_int(const redisReply *array, size_t i)
{
    const redisReply *e = i < array->elements ? array->element[i] : NULL;
    return e && e->type == REDIS_REPLY_INTEGER ? number_bounded(e->integer) : 0;
}

const char *queue_reply_text(const redisReply *array, size_t i)
{
    const redisReply *e = i < array->elements ? array->element[i] : NULL;
    return e && e->type == REDIS_REPLY_STRING ? e->str : NULL;
}

void queue_misanswered(struct queue *q, const char *what)
{
    metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "protocol"), 1);
    note_error(q, what, "unexpected shape of the reply");
}

bool queue_answered_array(struct queue *q, const char *what, const redisReply *reply, size_t n)
{
    if (!queue_answered(q, what, reply))
        return false;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < n || queue_reply_int(reply, 0) <= 0) {
        queue_misanswered(q, what);
        return false;
    }
    q->backoff_ms = QUEUE_BACKOFF_MIN_MS;
    q->redis_ms = queue_reply_int(reply, 0);
    q->redis_mono_ms = clock_mono_ms();
    return true;
}

int64_t queue_now_ms(const struct queue *q)
{
    return q->redis_ms ? q->redis_ms + clock_mono_ms() - q->redis_mono_ms : 0;
}

/* --- names ----------------------------------------------------------------------------------- */

void queue_random_id(char out[QUEUE_ID_SIZE])
{
    unsigned char random[12];
    clock_random(random, sizeof random);
    text_base64url(random, sizeof random, out);
}

bool queue_has_tag(const char *name)
{
    const char *open = strchr(name, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    return close && close > open + 1;
}

char *queue_join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = mem_alloc(size);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

char *queue_prefix(const char *name)
{
    return queue_has_tag(name) ? mem_strdup(name) : queue_join("{", name, "}");
}

char *queue_key(const struct queue *q, const char *kind, const char *name)
{
    char *part = queue_join(":", kind, ":");
    char *key = queue_join(q->prefix, part, name);
    mem_free(part);
    return key;
}

void queue_app_known(struct queue *q, const char *app)
{
    if (!app)
        return;
    for (size_t i = 0; i < q->napps; i++)
        if (strcmp(q->apps[i], app) == 0)
            return;
    if (q->napps < QUEUE_APPS_MAX)
        q->apps[q->napps++] = mem_strdup(app);
}

const char *queue_name(const struct queue *q)
{
    return q->name;
}
