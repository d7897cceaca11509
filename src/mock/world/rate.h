/* SPDX-License-Identifier: MIT
 * A quota of calls: so many for each second or minute of the clock, or a bucket of tokens that
 * holds a second's worth. Pure; time is an argument. */
#ifndef PB_MOCK_WORLD_RATE_H
#define PB_MOCK_WORLD_RATE_H

#include <stdbool.h>
#include <stdint.h>

enum rate_kind { RATE_SECOND, RATE_MINUTE, RATE_BUCKET };

struct rate {
    int64_t per_s; /* 0: unlimited */
    enum rate_kind kind;
    int64_t window, used;          /* of the clock's second or minute */
    int64_t stamp_ms, thousandths; /* of the bucket */
};

/* One call. False with *wait_ms until the next would pass. */
bool rate_take(struct rate *r, int64_t now_ms, int64_t *wait_ms);

#endif
