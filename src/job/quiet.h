/* SPDX-License-Identifier: MIT
 * Quiet hours of an app: a daily window, at a fixed offset from UTC (no time-zone names), in which
 * message pushes wait for its end. Pure. */
#ifndef PB_JOB_QUIET_H
#define PB_JOB_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct quiet {
    bool on;
    int from_min, to_min; /* minutes of the day, from inside the window, to outside; from ≠ to */
    int offset_min;       /* local time less UTC */
};

/* "22:00-07:00 +08:00"; a window may span midnight. NULL or "" is off. False with e that says
 * which part is wrong. */
MUST_USE bool quiet_parse(const char *text, struct quiet *out, struct err *e);

/* at_ms itself (since the epoch), or the end of the window that at_ms lies in. */
int64_t quiet_end_ms(const struct quiet *q, int64_t at_ms);

#endif
