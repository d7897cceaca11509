/* SPDX-License-Identifier: MIT
 * What the provider checks before it accepts a call of Push or MassPush. */
#ifndef PB_MOCK_CHECK_PUSH_H
#define PB_MOCK_CHECK_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "mock/check/refusal.h"
#include "mock/wire/request.h"

enum { PUSH_APP_KEYS_MAX = 64 };

/* Readings and limits that can be chosen. */
struct push_rules {
    const char *app_keys[PUSH_APP_KEYS_MAX]; /* none: any */
    int app_key_count;
    int64_t accounts_max;  /* ACCOUNT ids per call */
    int refuse_past_times; /* 1: a PushTime that has passed is refused */
};

bool push_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                struct refusal *r);

/* The same rules for a task of MassPush, which has no AppKey, token or Sms… of its own. */
bool push_check_task(const struct push_rules *rules, const struct fields *task, int64_t now_ms,
                     struct refusal *r);

/* Target and TargetValue, both given, alone; batch: as a task of MassPush. */
bool push_target_ok(const struct push_rules *rules, const struct fields *f, bool batch,
                    struct refusal *r);
bool push_app_known(const struct push_rules *rules, const char *app_key, struct refusal *r);
bool push_token_ok(const struct fields *f, struct refusal *r); /* IdempotentToken, if given */

#endif
