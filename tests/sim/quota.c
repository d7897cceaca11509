/* SPDX-License-Identifier: MIT */
#include "sim/quota.h"

bool quota_take(struct quota *q, int64_t us, int64_t *wait_us)
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
