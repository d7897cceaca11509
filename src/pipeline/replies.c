/* SPDX-License-Identifier: MIT */
#include "pipeline/replies.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

struct listing {
    struct router *router;
    int64_t list_max;
    char *list;
};

static bool push_failed(const redisReply *reply)
{
    if (reply && reply->type != REDIS_REPLY_ERROR)
        return false;
    log_warn("event=reply_to_failed why=%s", log_value(reply ? reply->str : "connection lost"));
    return true;
}

static void on_set(void *arg, redisReply *reply)
{
    (void)arg;
    (void)push_failed(reply);
}

/* Workers that trim at the same time leave the same. */
static void trim_list(const struct listing *s, int64_t over)
{
    char from[24];
    snprintf(from, sizeof from, "%lld", -(long long)s->list_max);
    metrics_add(METRIC_REPLIES_TRIMMED, over);
    router_command(s->router, 4, (const char *[]){"LTRIM", s->list, from, "-1"}, NULL, on_set,
                   NULL);
}

static void on_listed(void *arg, redisReply *reply)
{
    struct listing *s = arg;
    if (!push_failed(reply) && reply->integer > s->list_max)
        trim_list(s, reply->integer - s->list_max);
    mem_free(s->list);
    mem_free(s);
}

void replies_send(struct router *router, const struct config *config, const char *list,
                  const char *outcome, size_t len)
{
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)config->reply_ttl_s);
    struct listing *s = mem_alloc(sizeof *s);
    *s = (struct listing){router, config->reply_list_max, mem_strdup(list)};
    router_command(router, 3, (const char *[]){"RPUSH", list, outcome},
                   (const size_t[]){5, strlen(list), len}, on_listed, s);
    router_command(router, 3, (const char *[]){"EXPIRE", list, ttl}, NULL, on_set, NULL);
}
