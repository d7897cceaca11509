/* SPDX-License-Identifier: MIT
 * An account that is throttled: two different calls were, one after the other. */
#ifndef TEST_THROTTLED_H
#define TEST_THROTTLED_H

#include "fleet/flow.h"

/* Until when it rests, in ms from now. */
int64_t throttle_account(struct flow *f, size_t app, enum flow_action action, int64_t hint_ms);

#endif
