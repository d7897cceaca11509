/* SPDX-License-Identifier: MIT
 * What a cluster says of itself: redirections and CLUSTER SLOTS, both as they may come over the
 * wire. What is taken for a node has a host and a port. */
#include "fuzz/fuzz.h"

#include "redis/cluster.h"
#include "redis/redis_reader.h"

enum { NODES = 8 };

static const struct node asked = {"asked", 1};

static void check_node(const struct node *n)
{
    must(n->host[0] && memchr(n->host, '\0', sizeof n->host) && n->port > 0 && n->port < 65536);
}

static void check_reply(const redisReply *reply)
{
    struct node n, all[NODES];
    enum cluster_redirection kind;
    int slot;
    if (reply->type == REDIS_REPLY_ERROR &&
        cluster_redirect(reply->str, &asked, &kind, &slot, &n)) {
        must(slot >= 0 && slot < CLUSTER_SLOTS);
        check_node(&n);
    }
    for (slot = 0; slot < CLUSTER_SLOTS; slot += CLUSTER_SLOTS / 8 - 1)
        if (cluster_owner(reply, slot, &asked, &n))
            check_node(&n);
    size_t found = cluster_nodes(reply, &asked, all, NODES);
    must(found <= NODES);
    while (found--)
        check_node(&all[found]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_reader *reader = redis_reader_new(1 << 20, 32 << 20);
    redisReply *reply = NULL;
    int slot = cluster_slot((const char *)(size ? data : (const uint8_t *)""), size);
    must(slot >= 0 && slot < CLUSTER_SLOTS);
    if (size && redis_reader_feed(reader, (const char *)data, size) &&
        redis_reader_next(reader, &reply) && reply) {
        check_reply(reply);
        freeReplyObject(reply);
    }
    redis_reader_free(reader);
    return 0;
}
