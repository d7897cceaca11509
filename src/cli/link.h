/* SPDX-License-Identifier: MIT
 * A connection to Redis for tools: the worker's own client, one command at a time. */
#ifndef PB_CLI_LINK_H
#define PB_CLI_LINK_H

#include "cli/cli.h"
#include "queue/queue_tool.h"

struct link;

/* Connects within the configured time. NULL with e and the exit status in *code. */
struct link *link_try(const struct config *config, int *code, struct err *e);
/* The same, NULL after a message. */
struct link *link_open(const struct config *config, int *code);
void link_close(struct link *l);
unsigned link_version(const struct link *l); /* 70015 for 7.0.15 */

/* Runs one command; fn sees its reply, NULL when the connection was lost before it came. wait_ms:
 * of a blocking command. lens NULL: NUL-terminated arguments. */
void link_command(struct link *l, int argc, const char **argv, const size_t *lens, int wait_ms,
                  redis_reply_fn fn, void *arg);
/* A queue on this connection (in a cluster: on one to its slot's owner, which is this one when it
 * was opened with that redis.slot); to be freed before it. job_max_bytes and the lists are
 * configured. */
struct queue *link_queue(struct link *l, const struct config *config, const char *name);
/* Runs the loop until *done, which an answer sets; every question is answered in the end. */
void link_run(struct link *l, const bool *done);
struct event_base *link_base(struct link *l);
/* The same of any loop, and for a time; ms ≤ 0: not at all. */
void link_wait(struct event_base *base, const bool *done);
void link_pause(struct event_base *base, int64_t ms);
/* Waits until the connection is there again, at most ms. */
bool link_wait_up(struct link *l, int64_t ms);

#endif
