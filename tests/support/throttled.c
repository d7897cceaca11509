/* SPDX-License-Identifier: MIT */
#include "support/throttled.h"

int64_t throttle_account(struct limits *f, size_t app, enum limit_action action, int64_t hint_ms)
{
    limits_throttled(f, app, action, &(struct limit_throttle){.call = 1, .hint_ms = hint_ms});
    return limits_throttled(f, app, action,
                            &(struct limit_throttle){.call = 2, .hint_ms = hint_ms});
}
