/* SPDX-License-Identifier: MIT
 * An account that is throttled: two different calls were, one after the other. */
#ifndef TEST_THROTTLED_H
#define TEST_THROTTLED_H

#include "fleet/limits.h"

/* Until when it rests, in ms from now. */
int64_t throttle_account(struct limits *f, size_t app, enum limit_action action, int64_t hint_ms);

#endif
