/* SPDX-License-Identifier: MIT
 * PushV2 and MassPushV2: tasks as JSON, read into the flat names of the first version. */
#ifndef PB_MOCK_CHECK_V2_H
#define PB_MOCK_CHECK_V2_H

#include "mock/world/actions.h"

bool v2_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
              struct refusal *r);
enum record_outcome v2_act(struct deed *d);

#endif
