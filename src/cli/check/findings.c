/* SPDX-License-Identifier: MIT */
#include "cli/check/findings.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/tool.h"

enum { VALUE_MAX = 2048, WHAT_MAX = 256, WHAT_WIDTH = 22, CLOCK_OFF_MS = 1000 };

void report_add(struct report *r, enum finding level, const char *what, const char *advice,
                const char *fmt, ...)
{
    static const char *const levels[] = {"ok", "warning", "error"};
    char value[VALUE_MAX], where[WHAT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    snprintf(where, sizeof where, r->queue ? "%s[%s]" : "%s", what, r->queue);
    r->errors += level == FINDING_ERROR;
    cli_put(stdout, "%-8s", levels[level]);
    tool_cell(stdout, where, strlen(where) < WHAT_WIDTH ? WHAT_WIDTH : strlen(where));
    tool_cell(stdout, value, 0);
    cli_line(stdout, "%s%s", advice ? " — " : "", advice ? advice : "");
}

enum finding report_strictly(const struct report *r)
{
    return r->strict ? FINDING_ERROR : FINDING_WARNING;
}

void report_clock(struct report *r, const char *what, int64_t low_ms, int64_t high_ms,
                  int64_t error_ms)
{
    int64_t least = low_ms > 0 ? low_ms : high_ms < 0 ? -high_ms : 0;
    enum finding level = least >= error_ms      ? FINDING_ERROR
                         : least > CLOCK_OFF_MS ? report_strictly(r)
                                                : FINDING_OK;
    report_add(r, level, what, level ? "keep both machines' clocks right (NTP)" : NULL,
               "%+.3f s against this machine's clock (± %.3f s)", (double)(low_ms + high_ms) / 2000,
               (double)(high_ms - low_ms) / 2000);
}
