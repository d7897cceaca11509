/* SPDX-License-Identifier: MIT */
#include "support/throttled.h"

int64_t throttle_account(struct flow *f, size_t app, enum flow_action action, int64_t hint_ms)
{
    flow_throttled(f, app, action, &(struct flow_throttle){.call = 1, .hint_ms = hint_ms});
    return flow_throttled(f, app, action, &(struct flow_throttle){.call = 2, .hint_ms = hint_ms});
}
