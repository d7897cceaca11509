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
bool quota_take(struct quota *q, int64_t us, int64_t *wait_us);

#endif
