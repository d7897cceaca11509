/* SPDX-License-Identifier: MIT
 * What the parts of the connection share. Only redis*.c include it. */
#ifndef PB_REDIS_REDIS_CORE_H
#define PB_REDIS_REDIS_CORE_H

#include <sys/queue.h>

#include "base/timer.h"
#include "redis/pending.h"
#include "redis/redis.h"
#include "redis/redis_info.h"
#include "redis/tls.h"

enum { REDIS_WHY_SIZE = 256 };

struct detour; /* a command that went to another node, redis_redirect.c */

/* Nothing of the caller is called but from events: what is lost waits in lost, a new state in
 * state, until on_soon. Callbacks may drop and free: epoch tells the code below them. */
struct redis {
    struct event_base *base;
    struct resolver *resolver;
    struct redis_opts opts;
    struct tls_opts tls, asked_tls;
    struct locate *locate;
    struct node where; /* it is connected to, or was last */
    char name[64];
    redis_state_fn fn;
    void *arg;
    struct dial *dial;
    struct bufferevent *bev;
    struct redis_reader *reader;
    struct pending_queue sent, lost;
    LIST_HEAD(, detour) detours;
    unsigned ndetours;
    struct timer *retry, *limit, *soon;
    enum redis_state state, reported;
    unsigned epoch; /* of the connection */
    unsigned depth; /* callbacks on the stack */
    unsigned attempts;
    bool freed, was_up;                 /* was_up: at least once */
    int64_t blocked_until_ms, limit_ms; /* limit_ms: what limit is armed for */
    int64_t log_again_ms;
    unsigned version;
    char run_id[REDIS_RUN_ID_SIZE];
    char why[REDIS_WHY_SIZE], logged[REDIS_WHY_SIZE];
};

/* Around a callback that may free r. */
void redis_enter(struct redis *r);
void redis_leave(struct redis *r);

/* When the first command that has no answer yet is over its time. */
void redis_arm_limit(struct redis *r, int64_t deadline_ms);
/* Whatever was on its way is lost; who asked is told soon. */
void redis_disconnect(struct redis *r);
void redis_lose(struct redis *r, enum redis_state state, const char *why, int64_t delay_ms);
void redis_lose_and_retry(struct redis *r, const char *why);
/* Needs a connection; the state does not matter. */
void redis_send(struct redis *r, int argc, const char **argv, const size_t *lens, int wait_ms,
                redis_reply_fn fn, void *arg);

/* AUTH, SELECT, ROLE, INFO; then r is UP. */
void redis_handshake(struct redis *r);

/* ASK: the command goes to the node that imports the slot, and its reply to p's callback. False
 * when reply is none, or there are too many on their way: then it is passed on as it is. */
bool redis_detour(struct redis *r, const struct pending *p, const redisReply *reply);
void redis_detours_end(struct redis *r); /* their callbacks get NULL */
/* MOVED: true when the connection is to be dropped; the next one goes where it points. */
bool redis_moved(struct redis *r, const redisReply *reply);

/* Whether those who are asked for the way speak TLS. */
bool redis_opts_locate_tls(const struct redis_opts *o);

#endif
