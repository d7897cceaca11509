/* SPDX-License-Identifier: MIT
 * What this worker's heartbeat says of it, for `pushbridge stats`. */
#ifndef PB_WORKER_HEARTBEAT_H
#define PB_WORKER_HEARTBEAT_H

#include "pipeline/pipeline.h"

/* Bytes: 64 apps in trouble of the worker's own (44 KiB, where all of a code is escaped), their
 * names (4 KiB) and circuits (6 KiB), and 16 queues set aside (42 KiB). */
enum { HEARTBEAT_MAX = 128 * 1024 };

struct heartbeat {
    int64_t started_ms;             /* wall clock */
    int64_t since_ms, since_sent;   /* where the current stretch began */
    int64_t before_ms, before_sent; /* … and the one before it: the rate's base */
};
void heartbeat_init(struct heartbeat *h, int64_t wall_ms, int64_t mono_ms);

/* One JSON object: {"started","sent","dead","calls","in_flight","rate","circuits"?}; rate is sent
 * jobs a second over the last 5 to 10 seconds, circuits names the apps whose circuit is not
 * closed. more: further members, each with a comma before it. */
void heartbeat_write(struct heartbeat *h, const struct pipeline *p, const char *more,
                     int64_t mono_ms, struct buf *out);

#endif
