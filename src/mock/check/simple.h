/* SPDX-License-Identifier: MIT
 * PushMessageToAndroid, PushMessageToiOS, PushNoticeToAndroid, PushNoticeToiOS: a Push with fewer
 * parameters. */
#ifndef PB_MOCK_CHECK_SIMPLE_H
#define PB_MOCK_CHECK_SIMPLE_H

#include "mock/world/actions.h"

bool simple_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                  struct refusal *r);
enum record_outcome simple_act(struct deed *d);

#endif
