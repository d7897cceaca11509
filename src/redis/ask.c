/* SPDX-License-Identifier: MIT */
#include "redis/ask.h"

#include <assert.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/timer.h"
#include "redis/redis_reader.h"
#include "redis/redis_said.h"

/* ANSWER_COST: of that with what its elements cost */
enum { ANSWER_MAX = 4 << 20, ANSWER_COST = 32 << 20, CHUNK = 16 * 1024 };

struct ask {
    struct node to;
    struct tls_opts tls;
    const char *user, *password;
    bool asking;
    int answer_ms;
    char *text;
    size_t len;
    ask_fn fn;
    void *arg;
    struct dial *dial;
    struct bufferevent *bev;
    struct redis_reader *reader;
    struct timer *limit;
    unsigned before; /* replies that come before the command's */
    size_t got;
};

void ask_cancel(struct ask *a)
{
    if (a->dial)
        dial_cancel(a->dial);
    if (a->bev)
        bufferevent_free(a->bev);
    redis_reader_free(a->reader);
    timer_free(a->limit);
    mem_wipe(a->text, a->len);
    mem_free(a->text);
    mem_free(a);
}

static void finish_ask(struct ask *a, redisReply *reply, const char *why)
{
    ask_fn fn = a->fn;
    void *arg = a->arg;
    char text[sizeof((struct err *)0)->text];
    snprintf(text, sizeof text, "%s:%d: %s", a->to.host, a->to.port, why);
    ask_cancel(a);
    fn(arg, reply, text);
    if (reply)
        freeReplyObject(reply);
}

/* AUTH and ASKING answer OK, or the question is over. */
static void take_ask_reply(struct ask *a, redisReply *reply)
{
    redis_said_clean(reply);
    if (!a->before) {
        finish_ask(a, reply, "");
        return;
    }
    a->before--;
    if (reply->type == REDIS_REPLY_ERROR) {
        char why[256];
        snprintf(why, sizeof why, "%s", reply->str);
        freeReplyObject(reply);
        finish_ask(a, NULL, why);
        return;
    }
    freeReplyObject(reply);
}

static bool feed_ask(struct ask *a)
{
    char chunk[CHUNK];
    size_t n;
    while ((n = bufferevent_read(a->bev, chunk, sizeof chunk)) > 0) {
        a->got += n;
        if (a->got > ANSWER_MAX || !redis_reader_feed(a->reader, chunk, n))
            return false;
    }
    return true;
}

static void on_ask_read(struct bufferevent *bev, void *arg)
{
    (void)bev;
    struct ask *a = arg;
    bool ok = feed_ask(a), last = false;
    while (ok && !last) {
        redisReply *reply = NULL;
        ok = redis_reader_next(a->reader, &reply);
        if (!ok || !reply)
            break;
        last = !a->before || reply->type == REDIS_REPLY_ERROR;
        take_ask_reply(a, reply); /* the last one frees a */
    }
    if (!ok)
        finish_ask(a, NULL,
                   a->got > ANSWER_MAX ? "a reply too large" : redis_reader_why(a->reader));
}

static void on_ask_event(struct bufferevent *bev, short what, void *arg)
{
    struct err why;
    dial_explain(bev, what, &why);
    finish_ask(arg, NULL, why.text);
}

static void on_ask_limit(void *arg)
{
    finish_ask(arg, NULL, "no answer in time");
}

static void write_words(struct ask *a, int argc, const char **argv)
{
    char *text = NULL;
    long long len = redisFormatCommandArgv(&text, argc, argv, NULL);
    assert(len > 0);
    dial_write_wiped(a->bev, text, (size_t)len);
    a->before++;
}

static void on_ask_dialed(void *arg, struct bufferevent *bev, const char *why)
{
    struct ask *a = arg;
    a->dial = NULL;
    if (!bev) {
        finish_ask(a, NULL, why);
        return;
    }
    a->bev = bev;
    a->reader = redis_reader_new(ANSWER_MAX, ANSWER_COST);
    bufferevent_setcb(bev, on_ask_read, NULL, on_ask_event, a);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    if (a->user[0])
        write_words(a, 3, (const char *[]){"AUTH", a->user, a->password});
    else if (a->password[0])
        write_words(a, 2, (const char *[]){"AUTH", a->password});
    if (a->asking)
        write_words(a, 1, (const char *[]){"ASKING"});
    bufferevent_write(bev, a->text, a->len);
    timer_once(a->limit, a->answer_ms);
}

struct ask *ask_start(struct event_base *base, struct resolver *resolver,
                      const struct ask_opts *opts, const char *text, size_t len, ask_fn fn,
                      void *arg)
{
    struct ask *a = mem_zalloc(sizeof *a);
    a->to = *opts->to;
    a->user = opts->user;
    a->password = opts->password;
    a->asking = opts->asking;
    a->answer_ms = opts->answer_ms;
    a->text = mem_dup(text, len);
    a->len = len;
    a->fn = fn;
    a->arg = arg;
    a->limit = timer_new(base, on_ask_limit, a);
    if (opts->tls) {
        a->tls = *opts->tls;
        if (!a->tls.name[0])
            a->tls.name = a->to.host;
    }
    const struct dial_opts dial = {.unix_path = "",
                                   .host = a->to.host,
                                   .port = a->to.port,
                                   .tls = opts->tls ? &a->tls : NULL,
                                   .timeout_ms = opts->connect_ms};
    a->dial = dial_start(base, resolver, &dial, on_ask_dialed, a);
    return a;
}
