/* SPDX-License-Identifier: MIT */
#include "io/redis.h"

#include <assert.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "io/dial.h"
#include "io/pending.h"
#include "io/redis_info.h"
#include "io/redis_reader.h"

enum {
    VERSION_MIN = 50000,
    UNSUPPORTED_RETRY_FACTOR = 5, /* times backoff_cap_ms */
    BACKOFF_SHIFT_MAX = 16,
    PENDING_MAX = 1 << 17,
    CHUNK_MAX = 256 * 1024, /* read or written by one system call */
    SEGMENTS = 16,
    WHY_MAX = 192,
};

/* Nothing of the caller is called but from events: what is lost waits in lost, a new state in
 * state, until on_soon. Callbacks may drop and free: epoch tells the code below them. */
struct redis {
    struct event_base *base;
    struct evdns_base *dns;
    struct redis_opts opts;
    struct tls_opts tls;
    char name[64];
    redis_state_fn fn;
    void *arg;
    struct dial *dial;
    struct bufferevent *bev;
    redisReader *reader;
    size_t unread; /* bytes fed since the last whole reply */
    struct pending_queue sent, lost;
    struct event *retry, *limit, *soon;
    enum redis_state state, reported;
    unsigned epoch; /* of the connection */
    unsigned depth; /* callbacks on the stack */
    unsigned attempts;
    bool freed, was_up;                 /* was_up: at least once */
    int64_t blocked_until_ms, limit_ms; /* limit_ms: what limit is armed for */
    unsigned version;
    char run_id[REDIS_RUN_ID_SIZE];
    char why[WHY_MAX], logged[WHY_MAX];
};

/* --- small helpers --------------------------------------------------------------------------- */

static void arm(struct event *timer, int64_t ms)
{
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(timer, &tv);
}

static void enter(struct redis *r)
{
    r->depth++;
}

static void leave(struct redis *r)
{
    if (--r->depth || !r->freed)
        return;
    pending_free(&r->sent);
    pending_free(&r->lost);
    mem_wipe(&r->opts, sizeof r->opts);
    mem_free(r);
}

static bool is_error(const redisReply *reply, const char *code)
{
    return reply->type == REDIS_REPLY_ERROR && text_starts(reply->str, code);
}

/* Errors after which this server is the wrong one: a replica, one that is starting, or one that
 * was just demoted. Redis before 7 wraps a script's error into its own words. */
static bool is_wrong_server(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    if (text_starts(reply->str, "ERR Error running script"))
        return strstr(reply->str, "-READONLY ") || strstr(reply->str, "-MASTERDOWN ");
    return text_starts(reply->str, "READONLY ") || text_starts(reply->str, "LOADING ") ||
           text_starts(reply->str, "MASTERDOWN ") ||
           text_starts(reply->str, "UNBLOCKED force unblock");
}

/* --- losing a connection --------------------------------------------------------------------- */

static void disconnect(struct redis *r)
{
    r->epoch++;
    if (r->dial)
        dial_cancel(r->dial);
    if (r->bev)
        bufferevent_free(r->bev);
    if (r->reader)
        redisReaderFree(r->reader);
    r->dial = NULL;
    r->bev = NULL;
    r->reader = NULL;
    r->run_id[0] = '\0';
    r->version = 0;
    r->blocked_until_ms = 0;
    evtimer_del(r->limit);
    while (r->sent.len)
        pending_push(&r->lost, pending_pop(&r->sent));
    event_active(r->soon, EV_TIMEOUT, 0);
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

static void lose(struct redis *r, enum redis_state state, const char *why, int64_t delay_ms)
{
    bool was_up = r->state == REDIS_UP;
    snprintf(r->why, sizeof r->why, "%s", why);
    r->state = state;
    disconnect(r);
    if (was_up)
        metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "connection"), 1);
    if (was_up || strcmp(r->logged, r->why) != 0) {
        log_warn("event=redis_down name=%s why=%s", log_value(r->name), log_value(r->why));
        memcpy(r->logged, r->why, sizeof r->logged);
    }
    arm(r->retry, delay_ms);
}

static void lose_and_retry(struct redis *r, const char *why)
{
    lose(r, REDIS_DOWN, why, backoff_ms(r));
}

/* --- commands -------------------------------------------------------------------------------- */

static void push_lost(struct redis *r, redis_reply_fn fn, void *arg)
{
    pending_push(&r->lost, (struct pending){.fn = fn, .arg = arg});
    event_active(r->soon, EV_TIMEOUT, 0);
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

static void arm_limit(struct redis *r, int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_mono_ms();
    r->limit_ms = deadline_ms;
    arm(r->limit, left > 0 ? left : 0);
}

/* The caller has written the command. */
static void push_sent(struct redis *r, int wait_ms, redis_reply_fn fn, void *arg)
{
    int64_t deadline = deadline_of(r, wait_ms);
    pending_push(&r->sent, (struct pending){fn, arg, deadline, wait_ms ? 0 : clock_mono_us()});
    if (!evtimer_pending(r->limit, NULL) || deadline < r->limit_ms)
        arm_limit(r, deadline);
}

static bool can_send(const struct redis *r)
{
    return r->state == REDIS_UP && r->sent.len < PENDING_MAX;
}

static char *format(int argc, const char **argv, const size_t *lens, size_t *len)
{
    char *text = NULL;
    long long n = redisFormatCommandArgv(&text, argc, argv, lens);
    if (n < 0)
        abort(); /* out of memory, as in mem_* */
    *len = (size_t)n;
    return text;
}

static void send_now(struct redis *r, int argc, const char **argv, const size_t *lens, int wait_ms,
                     redis_reply_fn fn, void *arg)
{
    size_t len;
    char *text = format(argc, argv, lens, &len);
    bufferevent_write(r->bev, text, len);
    free(text);
    push_sent(r, wait_ms, fn, arg);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis *r = arg;
    if (!r->sent.len)
        return; /* armed again by the next command */
    int64_t deadline = pending_first(&r->sent)->deadline_ms;
    if (deadline > clock_mono_ms())
        arm_limit(r, deadline);
    else
        lose_and_retry(r, "no answer in time");
}

/* --- handshake ------------------------------------------------------------------------------- */

/* All steps are sent at once; the first one that fails loses the connection, and the others then
 * see NULL. */
static bool step_ok(struct redis *r, const redisReply *reply, const char *step)
{
    if (!reply)
        return false;
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    char why[WHY_MAX];
    snprintf(why, sizeof why, "%s: %s", step, reply->str);
    lose_and_retry(r, why);
    return false;
}

static void on_auth(void *arg, redisReply *reply)
{
    step_ok(arg, reply, "AUTH");
}

static void on_select(void *arg, redisReply *reply)
{
    step_ok(arg, reply, "SELECT");
}

static void on_info(void *arg, redisReply *reply)
{
    struct redis *r = arg;
    struct redis_info info;
    if (!step_ok(r, reply, "INFO"))
        return;
    if (reply->type != REDIS_REPLY_STRING || !redis_info_read(reply->str, &info)) {
        lose_and_retry(r, "INFO: no version or run id");
        return;
    }
    r->version = info.version;
    memcpy(r->run_id, info.run_id, sizeof r->run_id);
    if (r->version >= VERSION_MIN)
        return;
    char why[WHY_MAX];
    snprintf(why, sizeof why, "server version %s is older than 5.0", info.version_text);
    lose(r, REDIS_UNSUPPORTED, why, (int64_t)r->opts.backoff_cap_ms * UNSUPPORTED_RETRY_FACTOR);
}

/* The last step. A refused name is no obstacle: it only helps whoever reads CLIENT LIST. */
static void on_named(void *arg, redisReply *reply)
{
    struct redis *r = arg;
    if (!reply)
        return;
    r->state = r->reported = REDIS_UP;
    r->why[0] = r->logged[0] = '\0';
    metrics_add(METRIC_REDIS_CONNECTS, r->was_up);
    r->was_up = true;
    log_info("event=redis_up name=%s version=%u", log_value(r->name), r->version);
    r->fn(r->arg, REDIS_UP, "");
}

static void handshake(struct redis *r)
{
    const char *user = r->opts.user, *password = r->opts.password;
    char db[16];
    snprintf(db, sizeof db, "%d", r->opts.db);
    if (user[0])
        send_now(r, 3, (const char *[]){"AUTH", user, password}, NULL, 0, on_auth, r);
    else if (password[0])
        send_now(r, 2, (const char *[]){"AUTH", password}, NULL, 0, on_auth, r);
    if (r->opts.db)
        send_now(r, 2, (const char *[]){"SELECT", db}, NULL, 0, on_select, r);
    send_now(r, 2, (const char *[]){"INFO", "server"}, NULL, 0, on_info, r);
    send_now(r, 3, (const char *[]){"CLIENT", "SETNAME", "pushbridge"}, NULL, 0, on_named, r);
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

static void deliver(struct redis *r, redisReply *reply)
{
    unsigned epoch = r->epoch;
    if (!r->sent.len) {
        lose_and_retry(r, "a reply that nobody asked for");
        freeReplyObject(reply);
        return;
    }
    struct pending p = pending_pop(&r->sent);
    bool wrong_server = is_wrong_server(reply);
    if (reply->type == REDIS_REPLY_ERROR && !is_error(reply, "NOSCRIPT"))
        count_error(reply);
    else if (r->state == REDIS_UP)
        r->attempts = 0; /* not before: a server that refuses every command must not be hammered */
    if (p.sent_us)
        metrics_observe(METRIC_REDIS_TIME, 0, clock_mono_us() - p.sent_us);
    p.fn(p.arg, reply);
    if (wrong_server && r->epoch == epoch)
        lose_and_retry(r, reply->str);
    freeReplyObject(reply);
}

static bool feed(struct redis *r)
{
    struct evbuffer *in = bufferevent_get_input(r->bev);
    while (evbuffer_get_length(in)) {
        struct evbuffer_iovec v[SEGMENTS];
        int n = evbuffer_peek(in, -1, NULL, v, SEGMENTS);
        size_t total = 0;
        for (int i = 0; i < n && i < SEGMENTS; i++) {
            if (redisReaderFeed(r->reader, v[i].iov_base, v[i].iov_len) != REDIS_OK)
                return false;
            total += v[i].iov_len;
        }
        evbuffer_drain(in, total);
        r->unread += total;
    }
    return true;
}

static const char *why_unreadable(const struct redis *r)
{
    bool large = r->unread > REDIS_REPLY_BYTES || r->reader->err == REDIS_ERR_OOM;
    return large ? "a reply too large" : "not the Redis protocol";
}

static void on_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct redis *r = arg;
    unsigned epoch = r->epoch;
    void *reply = NULL;
    bool ok = feed(r);
    enter(r);
    while (ok && r->epoch == epoch) {
        ok = redisReaderGetReply(r->reader, &reply) == REDIS_OK;
        if (!ok || !reply)
            break;
        r->unread = 0;
        deliver(r, reply);
    }
    if (ok && r->epoch == epoch)
        ok = r->unread <= REDIS_REPLY_BYTES;
    if (!ok)
        lose_and_retry(r, why_unreadable(r));
    leave(r);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct err why;
    dial_explain(bev, what, &why);
    lose_and_retry(arg, why.text);
}

static void on_dialed(void *arg, struct bufferevent *bev, const char *why)
{
    struct redis *r = arg;
    r->dial = NULL;
    if (!bev) {
        lose_and_retry(r, why);
        return;
    }
    r->bev = bev;
    r->reader = redis_reader_new();
    r->unread = 0;
    bufferevent_set_max_single_read(bev, CHUNK_MAX);
    bufferevent_set_max_single_write(bev, CHUNK_MAX);
    bufferevent_setcb(bev, on_read, NULL, on_event, r);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    handshake(r);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis *r = arg;
    const struct dial_opts opts = {.unix_path = r->opts.unix_path,
                                   .host = r->opts.host,
                                   .port = r->opts.port,
                                   .tls = r->opts.tls ? &r->tls : NULL,
                                   .timeout_ms = r->opts.connect_timeout_ms};
    r->dial = dial_start(r->base, r->dns, &opts, on_dialed, r);
}

/* Those that are lost meanwhile wait for the next turn. */
static void on_soon(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct redis *r = arg;
    enter(r);
    for (size_t n = r->lost.len; n && !r->freed; n--) {
        struct pending p = pending_pop(&r->lost);
        p.fn(p.arg, NULL);
    }
    if (!r->freed && r->state != r->reported) {
        r->reported = r->state;
        r->fn(r->arg, r->state, r->why);
    }
    leave(r);
}

/* --- public ---------------------------------------------------------------------------------- */

struct redis *redis_new(struct event_base *base, struct evdns_base *dns,
                        const struct redis_opts *opts, const char *name, redis_state_fn fn,
                        void *arg)
{
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error code */
    struct redis *r = mem_zalloc(sizeof *r);
    r->base = base;
    r->dns = dns;
    r->opts = *opts;
    r->tls = (struct tls_opts){
        .ca_file = r->opts.ca_file,
        .cert_file = r->opts.cert_file,
        .key_file = r->opts.key_file,
        .name = r->opts.tls_name[0] ? r->opts.tls_name : r->opts.host,
    };
    snprintf(r->name, sizeof r->name, "%s", name);
    r->fn = fn;
    r->arg = arg;
    r->state = r->reported = REDIS_DOWN;
    r->retry = evtimer_new(base, on_retry, r);
    r->limit = evtimer_new(base, on_limit, r);
    r->soon = event_new(base, -1, 0, on_soon, r);
    arm(r->retry, 0);
    return r;
}

void redis_free(struct redis *r)
{
    if (!r)
        return;
    enter(r);
    r->state = REDIS_DOWN;
    disconnect(r);
    while (r->lost.len) {
        struct pending p = pending_pop(&r->lost);
        p.fn(p.arg, NULL);
    }
    r->freed = true;
    event_free(r->retry);
    event_free(r->limit);
    event_free(r->soon);
    leave(r);
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
    lose(r, REDIS_DOWN, why, 0);
}

void redis_command_blocking(struct redis *r, int argc, const char **argv, const size_t *lens,
                            int wait_ms, redis_reply_fn fn, void *arg)
{
    if (can_send(r))
        send_now(r, argc, argv, lens, wait_ms, fn, arg);
    else
        push_lost(r, fn, arg);
}

void redis_command(struct redis *r, int argc, const char **argv, const size_t *lens,
                   redis_reply_fn fn, void *arg)
{
    redis_command_blocking(r, argc, argv, lens, 0, fn, arg);
}
