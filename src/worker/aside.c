/* SPDX-License-Identifier: MIT */
#include "worker/aside.h"

enum aside_change aside_see(struct aside *a, bool refused, int64_t now_ms)
{
    if (a->on == refused)
        return ASIDE_SAME;
    a->on = refused;
    if (refused)
        a->since_ms = now_ms;
    return refused ? ASIDE_BEGINS : ASIDE_ENDS;
}

void aside_failed(struct aside *a, int64_t now_ms, uint64_t random)
{
    int64_t ms = a->wait_ms ? 2 * a->wait_ms : ASIDE_WAIT_MIN_MS;
    a->wait_ms = ms < ASIDE_WAIT_MAX_MS ? ms : ASIDE_WAIT_MAX_MS;
    a->try_ms = now_ms + a->wait_ms / 2 + (int64_t)(random % ((uint64_t)a->wait_ms / 2 + 1));
}

void aside_answered(struct aside *a)
{
    a->try_ms = a->wait_ms = 0;
}

bool aside_may_claim(const struct aside *a, bool only_claims, int64_t now_ms)
{
    return now_ms >= a->try_ms && (!a->on || only_claims);
}
