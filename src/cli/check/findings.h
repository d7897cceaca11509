/* SPDX-License-Identifier: MIT
 * What `check --online` finds at the far ends, one line a finding:
 *   ok|warning|error  what  value — what to do */
#ifndef PB_CLI_CHECK_FINDINGS_H
#define PB_CLI_CHECK_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

struct report {
    bool strict;       /* an eviction policy and a clock that is off are errors */
    const char *queue; /* in a cluster: whose slot's owner is looked at; else NULL */
    unsigned errors;
};

enum finding { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

/* Prints one finding; advice NULL: none. What a server said is made printable. */
void report_add(struct report *r, enum finding level, const char *what, const char *advice,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

enum finding report_strictly(const struct report *r); /* a warning, or with strict an error */

/* Another machine's clock is ahead of this one's by something within [low_ms, high_ms]. A second
 * too much is a warning (strictly: an error), error_ms always an error. */
void report_clock(struct report *r, const char *what, int64_t low_ms, int64_t high_ms,
                  int64_t error_ms);

#endif
