/* SPDX-License-Identifier: MIT
 * The action CancelPush: takes back a recorded push whose PushTime is still to come. */
#ifndef PB_MOCK_WORLD_CANCEL_H
#define PB_MOCK_WORLD_CANCEL_H

#include "mock/check/push.h"
#include "mock/world/record.h"

/* False with r: no such message of this AppKey is waiting. */
bool cancel_waiting_push(struct record *record, const struct request *q, int64_t now_ms,
                         struct refusal *r);

#endif
