/* SPDX-License-Identifier: MIT
 * Pure helpers for Redis Cluster: a key's slot, who owns it, where a redirection points. */
#ifndef PB_REDIS_CLUSTER_H
#define PB_REDIS_CLUSTER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>

enum { CLUSTER_SLOTS = 16384, NODE_HOST_SIZE = 256 };

struct node {
    char host[NODE_HOST_SIZE];
    int port;
};
bool node_equal(const struct node *a, const struct node *b);

/* CRC16 of the hash tag (what stands between the first '{' and the next '}', when not empty), else
 * of the whole key. */
int cluster_slot(const char *key, size_t len);

/* "MOVED 3999 127.0.0.1:6381" and "ASK …". A server that does not know its own name leaves the
 * host out: then it is asked's. False when error is something else or malformed. */
enum cluster_redirection { CLUSTER_MOVED, CLUSTER_ASK };
bool cluster_redirect(const char *error, const struct node *asked, enum cluster_redirection *kind,
                      int *slot, struct node *to);

/* From the reply to CLUSTER SLOTS by asked: the master of slot. False when nobody serves it. */
bool cluster_owner(const redisReply *slots, int slot, const struct node *asked, struct node *out);
/* All nodes it names, each once, at most max. */
size_t cluster_nodes(const redisReply *slots, const struct node *asked, struct node *out,
                     size_t max);

#endif
