/* SPDX-License-Identifier: MIT */
#include "redis/redis_core.h"

#include "base/chars.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"
#include "base/text.h"
#include "redis/redis_reader.h"
#include "redis/redis_said.h"
#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_SHIFT_MAX = 16,
    LOG_AGAIN_MS = 60000, /* trouble that lasts */
};

/* --- life ------------------------------------------------------------------------------------ */

void redis_enter(struct redis *r)
{
    r->depth++;
}

void redis_leave(struct redis *r)
{
    if (--r->depth || !r->freed)
        return;
    pending_free(&r->sent);
    pending_free(&r->lost);
    mem_wipe(&r->opts, sizeof r->opts);
    mem_free(r);
}

/* --- losing a connection --------------------------------------------------------------------- */

void redis_disconnect(struct redis *r)
{
    r->epoch++;
    locate_cancel(r->locate);
    if (r->dial)
        dial_cancel(r->dial);
    if (r->bev)
        bufferevent_free(r->bev);
    redis_reader_free(r->reader);
    r->dial = NULL;
    r->bev = NULL;
    r->reader = NULL;
    r->run_id[0] = '\0';
    r->version = 0;
    r->blocked_until_ms = 0;
    timer_stop(r->limit);
    while (r->sent.len) {
        struct pending p = pending_pop(&r->sent);
        free(p.text);
        p.text = NULL;
        pending_push(&r->lost, p);
    }
    timer_now(r->soon);
}

/* Full jitter, so that a fleet does not come back in step. */
static int64_t backoff_ms(struct redis *r)
{
    unsigned shift = r->attempts < BACKOFF_SHIFT_MAX ? r->attempts : BACKOFF_SHIFT_MAX;
    int64_t most = (int64_t)r->opts.backoff_base_ms << shift;
    if (most > r->opts.backoff_cap_ms)
        most = r->opts.backoff_cap_ms;
    r->attempts++;
    return (int64_t)clock_random_below((uint64_t)most + 1);
}

/* On transitions, and now and then while it lasts. A refusal by the ACL mends itself least. */
static void log_down(struct redis *r, bool was_up)
{
    int64_t now = clock_mono_ms();
    if (!was_up && strcmp(r->logged, r->why) == 0 && now < r->log_again_ms)
        return;
    char server[NODE_HOST_SIZE + 16];
    snprintf(server, sizeof server, "%s:%d", r->where.host, r->where.port);
    said_keep(server, strlen(server));
    log_at(strstr(r->why, "NOPERM") ? LOG_ERROR : LOG_WARN,
           "event=redis_down name=%s server=%s why=%s", log_value(r->name),
           log_value(r->opts.unix_path[0] ? r->opts.unix_path : server), log_value(r->why));
    memcpy(r->logged, r->why, sizeof r->logged);
    r->log_again_ms = now + LOG_AGAIN_MS;
}

void redis_lose(struct redis *r, enum redis_state state, const char *why, int64_t delay_ms)
{
    bool was_up = r->state == REDIS_UP;
    snprintf(r->why, sizeof r->why, "%s", why);
    chars_trim(r->why);
    said_keep(r->why, strlen(r->why)); /* a sentinel may have named anything as the address */
    r->state = state;
    redis_disconnect(r);
    if (was_up)
        metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "connection"), 1);
    log_down(r, was_up);
    timer_once(r->retry, delay_ms);
}

void redis_lose_and_retry(struct redis *r, const char *why)
{
    redis_lose(r, REDIS_DOWN, why, backoff_ms(r));
}

/* --- commands -------------------------------------------------------------------------------- */

void redis_unsent(struct redis *r, redis_reply_fn fn, void *arg)
{
    pending_push(&r->lost, (struct pending){.fn = fn, .arg = arg});
    timer_now(r->soon);
}

/* Replies come in order, so a command behind a blocking one has its time after that. */
static int64_t deadline_of(struct redis *r, int wait_ms)
{
    int64_t from = clock_mono_ms();
    if (!r->sent.len)
        r->blocked_until_ms = 0;
    if (from < r->blocked_until_ms)
        from = r->blocked_until_ms;
    int64_t deadline = from + r->opts.command_timeout_ms + wait_ms;
    if (wait_ms)
        r->blocked_until_ms = deadline;
    return deadline;
}

void redis_arm_limit(struct redis *r, int64_t deadline_ms)
{
    r->limit_ms = deadline_ms;
    timer_once(r->limit, deadline_ms - clock_mono_ms());
}

/* The caller has written the command. text is kept for as long as it may be redirected. */
static void push_sent(struct redis *r, int wait_ms, char *text, size_t len, redis_reply_fn fn,
                      void *arg)
{
    int64_t deadline = deadline_of(r, wait_ms);
    int64_t sent_us = wait_ms ? 0 : clock_mono_us();
    pending_push(&r->sent, (struct pending){fn, arg, deadline, sent_us, text, len});
    if (!timer_is_set(r->limit) || deadline < r->limit_ms)
        redis_arm_limit(r, deadline);
}

static char *format_command(int argc, const char **argv, const size_t *lens, size_t *len)
{
    char *text = NULL;
    long long n = redisFormatCommandArgv(&text, argc, argv, lens);
    if (n < 0)
        abort(); /* out of memory, as in mem_* */
    *len = (size_t)n;
    return text;
}

void redis_send(struct redis *r, int argc, const char **argv, const size_t *lens, int wait_ms,
                redis_reply_fn fn, void *arg)
{
    size_t len;
    char *text = format_command(argc, argv, lens, &len);
    if (r->state != REDIS_UP) { /* the handshake, with passwords */
        dial_write_wiped(r->bev, text, len);
        push_sent(r, wait_ms, NULL, len, fn, arg);
        return;
    }
    bufferevent_write(r->bev, text, len);
    if (r->opts.topology != TOPOLOGY_CLUSTER) {
        free(text);
        text = NULL;
    }
    push_sent(r, wait_ms, text, len, fn, arg);
}
