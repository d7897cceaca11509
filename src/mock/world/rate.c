/* SPDX-License-Identifier: MIT */
#include "mock/world/rate.h"

#include <string.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60000, CALL = 1000 };

static bool take_of_window(struct rate *r, int64_t long_ms, int64_t now_ms, int64_t *wait_ms)
{
    if (r->window != now_ms / long_ms) {
        r->window = now_ms / long_ms;
        r->used = 0;
    }
    *wait_ms = long_ms - now_ms % long_ms;
    return r->used++ < r->per_s * (long_ms / SECOND_MS);
}

/* Full at first, and after a second in which nobody called. */
static bool take_of_bucket(struct rate *r, int64_t now_ms, int64_t *wait_ms)
{
    int64_t passed_ms = now_ms - r->stamp_ms, room = r->per_s * CALL;
    if (!r->stamp_ms || passed_ms >= SECOND_MS)
        r->thousandths = room;
    else if (passed_ms > 0)
        r->thousandths += r->per_s * passed_ms;
    r->thousandths = r->thousandths < room ? r->thousandths : room;
    r->stamp_ms = now_ms;
    if (r->thousandths >= CALL) {
        r->thousandths -= CALL;
        return true;
    }
    *wait_ms = (CALL - r->thousandths + r->per_s - 1) / r->per_s;
    return false;
}

bool rate_take(struct rate *r, int64_t now_ms, int64_t *wait_ms)
{
    if (!r->per_s)
        return true;
    if (r->kind == RATE_BUCKET)
        return take_of_bucket(r, now_ms, wait_ms);
    return take_of_window(r, r->kind == RATE_MINUTE ? MINUTE_MS : SECOND_MS, now_ms, wait_ms);
}
