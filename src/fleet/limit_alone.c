/* SPDX-License-Identifier: MIT */
#include "fleet/limit_alone.h"

#include <math.h>

enum { KEPT_MS = 500 };

int64_t limit_alone_grant(struct limit_alone *a, double rate, int64_t workers, int64_t want,
                          int64_t now_ms)
{
    double part = rate / (double)(workers > 1 ? workers : 1);
    double most = fmax(1, part * KEPT_MS / 1000);
    double passed_s = a->at_ms ? (double)(now_ms - a->at_ms) / 1000 : 0;
    a->tokens = fmin(most, a->tokens + part * passed_s);
    a->at_ms = now_ms;
    int64_t n = (int64_t)fmin((double)want, floor(a->tokens));
    if (n <= 0)
        return 0;
    a->tokens -= (double)n;
    return n;
}
