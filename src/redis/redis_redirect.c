/* SPDX-License-Identifier: MIT
 * Redirections of a cluster. MOVED: the connection follows. ASK: only this one command does, on a
 * connection of its own, because its neighbours may still be at home here. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "redis/redis_core.h"

enum { DETOURS_MAX = 32 };

struct detour {
    LIST_ENTRY(detour) link;
    struct redis *redis;
    struct ask *ask;
    redis_reply_fn fn;
    void *arg;
};

static void end_redirect(struct detour *d, redisReply *reply)
{
    struct redis *r = d->redis;
    redis_reply_fn fn = d->fn;
    void *arg = d->arg;
    LIST_REMOVE(d, link);
    r->ndetours--;
    mem_free(d);
    redis_enter(r);
    fn(arg, reply);
    redis_leave(r);
}

static void on_redirect_answer(void *arg, redisReply *reply, const char *why)
{
    struct detour *d = arg;
    if (!reply)
        log_debug("event=redis_ask_failed name=%s why=%s", log_value(d->redis->name),
                  log_value(why));
    end_redirect(d, reply);
}

void redis_detours_end(struct redis *r)
{
    struct detour *d;
    while ((d = LIST_FIRST(&r->detours))) {
        ask_cancel(d->ask);
        end_redirect(d, NULL);
    }
}

bool redis_detour(struct redis *r, const struct pending *p, const redisReply *reply)
{
    enum cluster_redirection kind;
    int slot;
    struct node to;
    if (!p->text || reply->type != REDIS_REPLY_ERROR || r->ndetours == DETOURS_MAX ||
        !cluster_redirect(reply->str, &r->where, &kind, &slot, &to) || kind != CLUSTER_ASK)
        return false;
    int64_t left = p->deadline_ms - clock_mono_ms();
    const struct ask_opts opts = {.to = &to,
                                  .user = r->opts.user,
                                  .password = r->opts.password,
                                  .tls = r->opts.tls ? &r->asked_tls : NULL,
                                  .asking = true,
                                  .connect_ms = r->opts.connect_timeout_ms,
                                  .answer_ms = left > 0 ? (int)left : 0};
    struct detour *d = mem_alloc(sizeof *d);
    *d = (struct detour){.redis = r, .fn = p->fn, .arg = p->arg};
    LIST_INSERT_HEAD(&r->detours, d, link);
    r->ndetours++;
    metrics_add(METRIC_REDIS_REDIRECTS, 1);
    d->ask = ask_start(r->base, r->resolver, &opts, p->text, p->len, on_redirect_answer, d);
    return true;
}

bool redis_moved(struct redis *r, const redisReply *reply)
{
    enum cluster_redirection kind;
    int slot;
    struct node to;
    if (reply->type != REDIS_REPLY_ERROR || r->opts.stay ||
        !cluster_redirect(reply->str, &r->where, &kind, &slot, &to) || kind != CLUSTER_MOVED)
        return false;
    metrics_add(METRIC_REDIS_REDIRECTS, 1);
    if (r->opts.topology == TOPOLOGY_CLUSTER)
        locate_hint(r->locate, &to);
    else
        log_error("event=redis_is_cluster name=%s why=%s", log_value(r->name),
                  log_value("the server belongs to a cluster: the URL must begin with "
                            "redis+cluster:// or rediss+cluster://"));
    return true;
}

bool redis_opts_locate_tls(const struct redis_opts *o)
{
    if (o->topology != TOPOLOGY_SENTINEL || o->sentinel_tls == REDIS_SENTINEL_TLS_AUTO)
        return o->tls;
    return o->sentinel_tls == REDIS_SENTINEL_TLS_ON;
}
