/* SPDX-License-Identifier: MIT
 * One command to one server, on a connection of its own: dial, AUTH, the command, its reply. */
#ifndef PB_REDIS_ASK_H
#define PB_REDIS_ASK_H

#include "redis/cluster.h"
#include "redis/dial.h"

struct ask;

struct ask_opts {
    const struct node *to; /* copied */
    const char *user, *password;
    const struct tls_opts *tls; /* NULL: plain. Its name "": the host. Strings are borrowed */
    bool asking;                /* ASKING before the command */
    int connect_ms, answer_ms;  /* for each address; for AUTH and the answer */
};

/* reply may be an error; NULL: none came, and why. It dies after the callback. */
typedef void (*ask_fn)(void *arg, redisReply *reply, const char *why);

/* text is a formatted command, copied. The callback comes exactly once, never before this returns,
 * unless cancelled. */
struct ask *ask_start(struct event_base *base, struct resolver *resolver,
                      const struct ask_opts *opts, const char *text, size_t len, ask_fn fn,
                      void *arg);
void ask_cancel(struct ask *a);

#endif
