/* SPDX-License-Identifier: MIT
 * A provider's quota as somebody might keep it: a bucket of tokens that holds one second's worth,
 * or a count for each second or minute of the clock. Pure. */
#ifndef TEST_QUOTA_H
#define TEST_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

enum quota_kind { QUOTA_BUCKET, QUOTA_SECOND, QUOTA_MINUTE };

struct quota {
    enum quota_kind kind;
    double per_s;
    double tokens; /* of the bucket, or left in the window */
    int64_t stamp_us, window;
};

/* One call: true when it is let through. *wait_us: until the next one would be. */
static inline bool quota_take(struct quota *q, int64_t us, int64_t *wait_us)
{
    const int64_t long_us = q->kind == QUOTA_MINUTE ? 60000000 : 1000000;
    if (q->kind == QUOTA_BUCKET) {
        double most = q->per_s > 2 ? q->per_s : 2;
        q->tokens += q->per_s * (double)(us - q->stamp_us) / 1e6;
        q->tokens = q->tokens < most ? q->tokens : most;
    } else if (q->window != us / long_us) {
        q->window = us / long_us;
        q->tokens = q->per_s * (double)long_us / 1e6;
    }
    q->stamp_us = us;
    if (q->tokens >= 1) {
        q->tokens -= 1;
        return true;
    }
    *wait_us = q->kind == QUOTA_BUCKET ? (int64_t)((1 - q->tokens) / q->per_s * 1e6)
                                       : long_us - us % long_us;
    return false;
}

#endif
