/* SPDX-License-Identifier: MIT
 * The apps' parked lists, as a claim names them, and their lengths, as its answer tells them. */
#include "queue/queue_core.h"

#include <string.h>

#include "base/mem.h"

int64_t queue_parked(const struct queue *q, const char *app)
{
    for (size_t i = 0; i < q->napps; i++)
        if (strcmp(q->apps[i], app) == 0)
            return q->parked[i];
    return 0;
}

int64_t queue_parked_all(const struct queue *q)
{
    int64_t n = 0;
    for (size_t i = 0; i < q->napps; i++)
        n += q->parked[i];
    return n;
}

void queue_lists_read(struct queue *q, const struct queue_lists *l, const redisReply *lengths)
{
    bool ok = lengths->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; i < l->n; i++)
        q->parked[l->apps[i]] = ok ? queue_reply_int(lengths, i) : 0;
}

static size_t place_of_app(const struct queue *q, const char *app)
{
    size_t i = 0;
    while (i < q->napps && strcmp(q->apps[i], app) != 0)
        i++;
    return i;
}

static void add_parked_list(struct queue *q, struct queue_lists *l, size_t app, char **keys)
{
    keys[l->n] = queue_key(q, "parked", q->apps[app]);
    l->apps[l->n++] = (unsigned char)app;
}

/* Names of removed apps may be left over: without parked jobs they make room. */
static void forget_empty(struct queue *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->napps; i++) {
        if (!q->parked[i]) {
            mem_free(q->apps[i]);
            continue;
        }
        q->apps[kept] = q->apps[i];
        q->parked[kept++] = q->parked[i];
    }
    q->napps = kept;
}

size_t queue_lists_name(struct queue *q, const struct queue_ask *ask, struct queue_lists *l,
                        const struct queue_unpark **unparks, char **keys)
{
    bool named[QUEUE_APPS_MAX] = {false};
    size_t n = 0;
    if (q->napps + ask->nunparks > QUEUE_APPS_MAX)
        forget_empty(q);
    for (size_t i = 0; i < ask->nunparks; i++) {
        queue_app_known(q, ask->unparks[i].app);
        size_t app = place_of_app(q, ask->unparks[i].app);
        if (app == q->napps || named[app])
            continue;
        named[app] = true;
        unparks[n++] = &ask->unparks[i];
        add_parked_list(q, l, app, keys);
    }
    for (size_t i = 0; i < q->napps; i++)
        if (!named[i])
            add_parked_list(q, l, i, keys);
    return n;
}
