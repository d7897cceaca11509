/* SPDX-License-Identifier: MIT
 * Commands on one key each, to whichever server holds it: for lists outside the slot that a queue's
 * own connection serves. Learns the way from redirections; best effort. */
#ifndef PB_REDIS_ROUTER_H
#define PB_REDIS_ROUTER_H

#include "redis/redis.h"

struct router;

/* shared: everything goes through this connection (borrowed), unless opts say cluster: then NULL.
 */
struct router *router_new(struct event_base *base, struct resolver *resolver,
                          const struct redis_opts *opts, struct redis *shared);
void router_free(struct router *rt); /* what is on its way gets its NULL reply first */

/* As redis_command(), for the key argv[1] and at most 8 words. Waits, bounded, for a connection
 * that is not there yet; beyond the bound fn gets its NULL before this returns. */
void router_command(struct router *rt, int argc, const char **argv, const size_t *lens,
                    redis_reply_fn fn, void *arg);

#endif
