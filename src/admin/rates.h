/* SPDX-License-Identifier: MIT
 * Counters' rates over the last minute, from a sample each second. Time is an argument. */
#ifndef PB_ADMIN_RATES_H
#define PB_ADMIN_RATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"

enum { RATES_N = 5, RATES_SAMPLES = 61 };

struct rates {
    size_t next, n; /* of the ring */
    int64_t at_ms[RATES_SAMPLES], values[RATES_SAMPLES][RATES_N];
};

extern const enum metric rates_metrics[RATES_N];

/* Takes a sample when the last one is a second old. All zero is a good start. */
void rates_tick(struct rates *r, int64_t now_ms);
/* Per second, over the last minute or since the first sample; 0 before there are two. */
double rates_per_s(const struct rates *r, size_t i);

#endif
