/* SPDX-License-Identifier: MIT
 * What makes a worker ready. Pure: facts and a clock in, a judgement with reasons out. */
#ifndef PB_ADMIN_READY_H
#define PB_ADMIN_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { READY_WHY_SIZE = 192, READY_WRITE_LATE_MS = 2000 };

enum ready_check {
    READY_CONFIG, /* always: a worker does not start with a bad one */
    READY_REDIS,
    READY_WRITE,
    READY_SCRIPTS,
    READY_DRAINING,
    READY_WATCHDOG,
    READY_QUEUES,
    READY_CALLS,
    READY_KEYS,
    READY_CHECKS
};
const char *ready_check_name(enum ready_check c);

/* One queue's facts. Times are monotonic ms, 0 never. */
struct ready_lane {
    const char *queue;
    bool up, open;
    const char *down_why; /* "" or NULL: unknown */
    const char *aside;    /* why Redis refuses to serve it; NULL: it does not */
    int64_t claimed_ms, dropped_ms;
    int64_t wrote_ms;             /* when the last write was sent */
    bool writing;                 /* … and its answer is awaited */
    bool written;                 /* some write has been answered */
    char refusal[READY_WHY_SIZE]; /* the last answer's error; "" when it was taken */
};

struct ready {
    bool ok;
    char why[READY_CHECKS][READY_WHY_SIZE]; /* "" where all is well */
};

/* Each check names the first queue that fails it. */
void ready_judge(const struct ready_lane *lanes, size_t n, bool draining, int64_t now_ms,
                 struct ready *out);

/* The worker's calls for an app fail, and no other worker's. */
void ready_note_calls(struct ready *r, const char *app, const char *why);

/* None have come for any app; why: of the first. */
void ready_note_keys(struct ready *r, const char *app, const char *why);

/* The first check that fails; READY_CHECKS when none does. */
enum ready_check ready_first(const struct ready *r);

/* {"ready":…,"checks":{…}: the object is left open, so that the caller may add to it. */
void ready_write(const struct ready *r, struct buf *out);

#endif
