/* SPDX-License-Identifier: MIT */
#include "fleet/flow_core.h"
#include "base/minmax.h"

#include <string.h>

struct flow_bucket *flow_account(struct flow *f, size_t account, enum flow_action action)
{
    return &f->v[1 + account * FLOW_ACTIONS + action];
}

struct flow_bucket *flow_find(struct flow *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].name, name) == 0)
            return &f->v[i];
    return NULL;
}

void flow_want(struct flow *f, struct flow_bucket *b)
{
    b->wanted = true;
    if (!f->asking)
        timer_now(f->send);
}

/* The next moment at which a bucket that was short may have something. */
void flow_set_wake(struct flow *f, int64_t now)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < f->n; i++) {
        const struct flow_bucket *b = &f->v[i];
        int64_t at = max_int(b->cooled_ms, b->blocked_ms);
        if (at > now && at < first)
            first = at;
    }
    if (first < INT64_MAX)
        timer_once(f->wake, first - now);
}
