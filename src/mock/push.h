/* SPDX-License-Identifier: MIT
 * What the provider checks before it accepts a call of the action Push. */
#ifndef PB_MOCK_PUSH_H
#define PB_MOCK_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "mock/refusal.h"
#include "mock/request.h"

enum { PUSH_APP_KEYS_MAX = 64 };

/* Readings and limits that can be chosen. */
struct push_rules {
    const char *app_keys[PUSH_APP_KEYS_MAX]; /* none: any */
    int app_key_count;
    int64_t accounts_max;   /* ACCOUNT ids per call */
    bool refuse_past_times; /* a PushTime that has passed */
};

bool push_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                struct refusal *r);

#endif
