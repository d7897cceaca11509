/* SPDX-License-Identifier: MIT
 * Enqueues one job and waits for its outcome. Usage: push SCHOOL [TAG…]
 * cc push.c -o push -lhiredis -ljansson
 * Debian: libhiredis-dev, libjansson-dev. REDIS_URL says where Redis is: redis://HOST:PORT */
#include <err.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { WAIT_S = 30 };

static redisContext *redis_connect(void)
{
    char host[256] = "127.0.0.1";
    int port = 6379;
    const char *url = getenv("REDIS_URL");
    if (url && sscanf(url, "redis://%255[^:/]:%d", host, &port) < 1)
        errx(1, "REDIS_URL: redis://HOST:PORT");
    redisContext *c = redisConnectWithTimeout(host, port, (struct timeval){5, 0});
    if (!c || c->err || redisSetTimeout(c, (struct timeval){WAIT_S + 5, 0}) != REDIS_OK)
        errx(1, "%s", c ? c->errstr : "out of memory");
    return c;
}

static char *job_text(const char *id, const char *reply_to, char **words)
{
    json_t *tags = json_array();
    for (char **tag = words + 1; *tag; tag++)
        json_array_append_new(tags, json_string(*tag));
    json_t *job = json_pack("{s:s s:s s:s s:o s:i s:I s:s}", "id", id, "code", "I10001", "school",
                            words[0], "tags", tags, "ttl_s", 3600, "enqueued_at",
                            (json_int_t)time(NULL) * 1000, "reply_to", reply_to);
    return job ? json_dumps(job, JSON_COMPACT) : NULL; /* NULL: a word that is not UTF-8 */
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static int report(const json_t *outcome)
{
    const json_t *reason = json_object_get(outcome, "reason"), *push;
    size_t i;
    printf("%s %s", text(outcome, "status"), text(outcome, "id"));
    json_array_foreach(json_object_get(outcome, "pushes"), i, push)
        printf(" %s", text(push, "message_id"));
    if (reason)
        printf(" %s %s", text(outcome, "reason"),
               text(json_object_get(outcome, "error"), "message"));
    putchar('\n');
    return reason != NULL;
}

int main(int argc, char **argv)
{
    unsigned char random[16];
    char reply_to[] = "push:reply:0123456789abcdef0123456789abcdef";
    char *id = reply_to + sizeof "push:reply:" - 1; /* better, and kept: the id of what happened */
    if (argc < 2 || getrandom(random, sizeof random, 0) != sizeof random)
        errx(1, "usage: push SCHOOL [TAG…]");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    char *job = job_text(id, reply_to, argv + 1);
    redisContext *c = redis_connect();
    redisReply *r = job ? redisCommand(c, "RPUSH push:jobs %s", job) : NULL;
    if (!r || r->type != REDIS_REPLY_INTEGER)
        errx(1, "%s", r ? r->str : "the job was not enqueued");
    r = redisCommand(c, "BLPOP %s %d", reply_to, WAIT_S);
    if (r && r->type == REDIS_REPLY_NIL) /* the job may still be sent later */
        return puts("no outcome yet"), 75;
    if (!r || r->type != REDIS_REPLY_ARRAY)
        errx(1, "%s", r ? r->str : c->errstr);
    return report(json_loadb(r->element[1]->str, r->element[1]->len, 0, NULL));
}
