/* SPDX-License-Identifier: MIT
 * Callbacks that wait for their replies, first in, first out. */
#ifndef PB_REDIS_PENDING_H
#define PB_REDIS_PENDING_H

#include <hiredis/hiredis.h>
#include <stddef.h>
#include <stdint.h>

struct pending {
    void (*fn)(void *arg, redisReply *reply);
    void *arg;
    int64_t deadline_ms;
    int64_t sent_us; /* 0: its duration is not measured */
    char *text; /* the command as it was sent, where it may be redirected, else NULL: malloc()ed */
    size_t len;
};

/* All zero is an empty queue. */
struct pending_queue {
    struct pending *items;
    size_t head, len, cap; /* cap is a power of two */
};

void pending_free(struct pending_queue *q); /* the memory: nothing is called */
void pending_push(struct pending_queue *q, struct pending p);
struct pending pending_pop(struct pending_queue *q); /* not from an empty one */
const struct pending *pending_first(const struct pending_queue *q);

#endif
