/* SPDX-License-Identifier: MIT
 * Continuous pushes: a Push to TBD stores a message for 24 hours; ContinuouslyPush sends it to more
 * and more devices, until CompleteContinuouslyPush ends it. */
#ifndef PB_MOCK_WORLD_CONTINUOUS_H
#define PB_MOCK_WORLD_CONTINUOUS_H

#include "mock/world/actions.h"

enum { CONTINUOUS_PUSHES_MAX = 10000, CONTINUOUS_LIFE_MS = 24 * 3600000 };

bool continuous_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                      struct refusal *r);
enum record_outcome continuous_push(struct deed *d);
enum record_outcome continuous_complete(struct deed *d);

#endif
