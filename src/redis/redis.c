/* SPDX-License-Identifier: MIT */
#include "redis/redis_core.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/chars.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/said.h"
#include "base/text.h"
#include "redis/redis_reader.h"
#include "redis/redis_said.h"

enum {
    PENDING_MAX = 1 << 17,
    ASK_MAX_MS = 1000,      /* a sentinel on the machine that died must not cost more */
    CHUNK_MAX = 256 * 1024, /* read or written by one system call */
    SEGMENTS = 16,
};

/* --- small helpers --------------------------------------------------------------------------- */

static bool is_error(const redisReply *reply, const char *code)
{
    return reply->type == REDIS_REPLY_ERROR && text_starts(reply->str, code);
}

/* Errors after which this server is the wrong one: a replica, one that is starting, or one that
 * was just demoted. Redis before 7 wraps a script's error into its own words. */
static bool is_wrong_server(const redisReply *reply)
{
    static const char *const codes[] = {"READONLY ", "LOADING ", "MASTERDOWN ", "CLUSTERDOWN ",
                                        "UNBLOCKED force unblock"};
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (text_starts(reply->str, "ERR Error running script"))
        return strstr(reply->str, "-READONLY ") || strstr(reply->str, "-MASTERDOWN ");
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (text_starts(reply->str, codes[i]))
            return true;
    return false;
}

/* --- commands -------------------------------------------------------------------------------- */

static bool can_send(const struct redis *r)
{
    return r->state == REDIS_UP && r->sent.len < PENDING_MAX;
}

static void on_redis_limit(void *arg)
{
    struct redis *r = arg;
    if (!r->sent.len)
        return; /* armed again by the next command */
    int64_t deadline = pending_first(&r->sent)->deadline_ms;
    if (deadline > clock_mono_ms())
        redis_arm_limit(r, deadline);
    else
        redis_lose_and_retry(r, "no answer in time");
}

/* --- replies --------------------------------------------------------------------------------- */

/* By the error's first word. */
static void count_error(const redisReply *reply)
{
    char word[24];
    size_t len = strcspn(reply->str, " ");
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : 0), reply->str);
    metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, word), 1);
}

static void note_redis_answer(struct redis *r, const struct pending *p, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR && !is_error(reply, "NOSCRIPT"))
        count_error(reply);
    else if (r->state == REDIS_UP)
        r->attempts = 0; /* not before: a server that refuses every command must not be hammered */
    if (p->sent_us)
        metrics_observe(METRIC_REDIS_TIME, 0, clock_mono_us() - p->sent_us);
}

static void deliver_reply(struct redis *r, redisReply *reply)
{
    unsigned epoch = r->epoch;
    if (!r->sent.len) {
        redis_lose_and_retry(r, "a reply that nobody asked for");
        freeReplyObject(reply);
        return;
    }
    struct pending p = pending_pop(&r->sent);
    redis_said_clean(reply);
    note_redis_answer(r, &p, reply);
    if (!redis_detour(r, &p, reply)) {
        bool wrong_server = is_wrong_server(reply);
        p.fn(p.arg, reply);
        if (r->epoch == epoch && (redis_moved(r, reply) || wrong_server))
            redis_lose_and_retry(r, reply->str);
    }
    free(p.text);
    freeReplyObject(reply);
}

static bool feed_redis(struct redis *r)
{
    struct evbuffer *in = bufferevent_get_input(r->bev);
    while (evbuffer_get_length(in)) {
        struct evbuffer_iovec v[SEGMENTS];
        int n = evbuffer_peek(in, -1, NULL, v, SEGMENTS);
        size_t total = 0;
        for (int i = 0; i < n && i < SEGMENTS; i++) {
            if (!redis_reader_feed(r->reader, v[i].iov_base, v[i].iov_len))
                return false;
            total += v[i].iov_len;
        }
        evbuffer_drain(in, total);
    }
    return true;
}

static void on_redis_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct redis *r = arg;
    unsigned epoch = r->epoch;
    redisReply *reply = NULL;
    bool ok = feed_redis(r);
    redis_enter(r);
    while (ok && r->epoch == epoch) {
        ok = redis_reader_next(r->reader, &reply);
        if (!ok || !reply)
            break;
        deliver_reply(r, reply);
    }
    if (!ok)
        redis_lose_and_retry(r, redis_reader_why(r->reader));
    redis_leave(r);
}

static void on_redis_event(struct bufferevent *bev, short what, void *arg)
{
    struct err why;
    dial_explain(bev, what, &why);
    redis_lose_and_retry(arg, why.text);
}

static void on_redis_dialed(void *arg, struct bufferevent *bev, const char *why)
{
    struct redis *r = arg;
    r->dial = NULL;
    if (!bev) {
        redis_lose_and_retry(r, why);
        return;
    }
    r->bev = bev;
    r->reader = redis_reader_new(r->opts.value_max, REDIS_REPLY_BYTES);
    bufferevent_set_max_single_read(bev, CHUNK_MAX);
    bufferevent_set_max_single_write(bev, CHUNK_MAX);
    bufferevent_setcb(bev, on_redis_read, NULL, on_redis_event, r);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    redis_handshake(r);
}

static void on_located(void *arg, const struct node *where, const char *why)
{
    struct redis *r = arg;
    if (!where) {
        redis_lose_and_retry(r, why);
        return;
    }
    r->where = *where;
    r->tls.name = r->opts.tls_name[0] ? r->opts.tls_name : r->where.host;
    const struct dial_opts opts = {.unix_path = r->opts.unix_path,
                                   .host = r->where.host,
                                   .port = r->where.port,
                                   .tls = r->opts.tls ? &r->tls : NULL,
                                   .timeout_ms = r->opts.connect_timeout_ms,
                                   .keepalive_s = r->opts.keepalive_s};
    r->dial = dial_start(r->base, r->resolver, &opts, on_redis_dialed, r);
}

static void on_retry(void *arg)
{
    struct redis *r = arg;
    locate_start(r->locate, on_located, r);
}

/* Those that are lost meanwhile wait for the next turn. */
static void on_redis_soon(void *arg)
{
    struct redis *r = arg;
    redis_enter(r);
    for (size_t n = r->lost.len; n && !r->freed; n--) {
        struct pending p = pending_pop(&r->lost);
        p.fn(p.arg, NULL);
    }
    if (!r->freed && r->state != r->reported) {
        r->reported = r->state;
        r->fn(r->arg, r->state, r->why);
    }
    redis_leave(r);
}

/* --- public ---------------------------------------------------------------------------------- */

/* Strings of r's own copy of the options are lent. */
static struct locate *locate_make(struct redis *r)
{
    const struct redis_opts *o = &r->opts;
    bool sentinel = o->topology == TOPOLOGY_SENTINEL, single = o->topology == TOPOLOGY_SINGLE;
    r->asked_tls = r->tls;
    r->asked_tls.name = o->tls_name; /* "": the host */
    struct locate_opts opts = {
        .topology = o->topology,
        .nodes = single ? &r->where : o->nodes,
        .n = single ? 1 : o->nnodes,
        .master = o->master,
        .slot = o->slot,
        .user = sentinel ? o->sentinel_user : o->user,
        .password = sentinel ? o->sentinel_password : o->password,
        .tls = redis_opts_locate_tls(o) ? &r->asked_tls : NULL,
        .timeout_ms = o->connect_timeout_ms < ASK_MAX_MS ? o->connect_timeout_ms : ASK_MAX_MS,
    };
    return locate_new(r->base, r->resolver, &opts);
}

struct redis *redis_new(struct event_base *base, struct resolver *resolver,
                        const struct redis_opts *opts, const char *name, redis_state_fn fn,
                        void *arg)
{
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error code */
    struct redis *r = mem_zalloc(sizeof *r);
    r->base = base;
    r->resolver = resolver;
    r->opts = *opts;
    memcpy(r->where.host, opts->host, sizeof r->where.host);
    r->where.port = opts->port;
    r->tls = (struct tls_opts){.ca_file = r->opts.ca_file,
                               .cert_file = r->opts.cert_file,
                               .key_file = r->opts.key_file,
                               .name = ""};
    r->locate = locate_make(r);
    LIST_INIT(&r->detours);
    snprintf(r->name, sizeof r->name, "%s", name);
    r->fn = fn;
    r->arg = arg;
    r->state = r->reported = REDIS_DOWN;
    r->retry = timer_new(base, on_retry, r);
    r->limit = timer_new(base, on_redis_limit, r);
    r->soon = timer_new(base, on_redis_soon, r);
    timer_once(r->retry, 0);
    return r;
}

void redis_free(struct redis *r)
{
    if (!r)
        return;
    redis_enter(r);
    r->state = REDIS_DOWN;
    redis_disconnect(r);
    redis_detours_end(r);
    while (r->lost.len) {
        struct pending p = pending_pop(&r->lost);
        p.fn(p.arg, NULL);
    }
    r->freed = true;
    locate_free(r->locate);
    timer_free(r->retry);
    timer_free(r->limit);
    timer_free(r->soon);
    redis_leave(r);
}

bool redis_is_up(const struct redis *r)
{
    return r->state == REDIS_UP;
}

const char *redis_why(const struct redis *r)
{
    return r->why;
}

const char *redis_run_id(const struct redis *r)
{
    return r->run_id;
}

unsigned redis_version(const struct redis *r)
{
    return r->version;
}

void redis_drop(struct redis *r, const char *why)
{
    if (!r->dial && !r->bev)
        return; /* waiting to reconnect already */
    r->attempts = 0;
    redis_lose(r, REDIS_DOWN, why, 0);
}

void redis_command_blocking(struct redis *r, int argc, const char **argv, const size_t *lens,
                            int wait_ms, redis_reply_fn fn, void *arg)
{
    if (can_send(r))
        redis_send(r, argc, argv, lens, wait_ms, fn, arg);
    else
        redis_unsent(r, fn, arg);
}

void redis_command(struct redis *r, int argc, const char **argv, const size_t *lens,
                   redis_reply_fn fn, void *arg)
{
    redis_command_blocking(r, argc, argv, lens, 0, fn, arg);
}
