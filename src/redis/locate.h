/* SPDX-License-Identifier: MIT
 * Where a connection should go: to the one server that is configured, to the master that the
 * sentinels name, or to the cluster node that owns a slot. */
#ifndef PB_REDIS_LOCATE_H
#define PB_REDIS_LOCATE_H

#include "redis/ask.h"

enum topology { TOPOLOGY_SINGLE, TOPOLOGY_SENTINEL, TOPOLOGY_CLUSTER };
enum { LOCATE_NODES_MAX = 64, SLOT_ANY = -1 };

/* Strings and arrays are borrowed. */
struct locate_opts {
    enum topology topology;
    const struct node *nodes; /* the server, the sentinels, some nodes of the cluster; 1 to 64 */
    size_t n;
    const char *master;          /* SENTINEL: its name there */
    int slot;                    /* CLUSTER: 0 to 16383, or SLOT_ANY: any node, another each time */
    const char *user, *password; /* for those who are asked */
    const struct tls_opts *tls;  /* the same */
    int timeout_ms;              /* for each of them, twice: connecting, answering */
};

struct locate;

/* where is borrowed for the call; NULL: nobody knew, and why the last one did not. */
typedef void (*locate_fn)(void *arg, const struct node *where, const char *why);

struct locate *locate_new(struct event_base *base, struct resolver *resolver,
                          const struct locate_opts *opts);
void locate_free(struct locate *l);

/* The callback comes exactly once, never before this returns, unless cancelled. One at a time.
 * Asks in turn, beginning with who answered last. */
void locate_start(struct locate *l, locate_fn fn, void *arg);
void locate_cancel(struct locate *l);
/* The next answer is this one, unasked: a redirection named it. */
void locate_hint(struct locate *l, const struct node *where);

#endif
