/* SPDX-License-Identifier: MIT
 * Quiet hours of an app: windows of the week in local time, at a fixed offset from UTC or in a time
 * zone with its summer time, in which message pushes wait for the end. */
#ifndef PB_JOB_QUIET_H
#define PB_JOB_QUIET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "host/zone.h"

enum { QUIET_WINDOWS_MAX = 7 };

/* from_min is inside, to_min outside; a window of which to_min ≤ from_min ends on the next day. */
struct quiet_window {
    unsigned days;        /* on which it begins; bit 0: Monday */
    int from_min, to_min; /* minutes of the day; to_min up to 24:00 */
};

struct quiet {
    struct quiet_window v[QUIET_WINDOWS_MAX];
    size_t n;          /* 0: off */
    int offset_min;    /* local time less UTC, where there is no zone */
    struct zone *zone; /* owned; NULL: the offset is fixed */
};

/* "22:00-07:00 +08:00", "22:00-07:00 Europe/Berlin", "Mon-Fri 22:00-07:00, Sat-Sun 20:00-10:00
 * Asia/Shanghai", "Sun 00:00-24:00 Z". NULL or "" is off. False with e that says which part is
 * wrong, or that nothing of the week is left. quiet_free() in both cases. */
MUST_USE bool quiet_parse(const char *text, struct quiet *out, struct err *e);
void quiet_free(struct quiet *q);

/* at_ms itself (since the epoch), or the first instant after it that is in no window. A local time
 * that is skipped when summer begins counts as the moment of the change; one that comes twice
 * counts twice. */
int64_t quiet_end_ms(const struct quiet *q, int64_t at_ms);

#endif
