/* SPDX-License-Identifier: MIT */
#include "fleet/limits_core.h"
#include "base/minmax.h"

#include <string.h>

struct limit *limits_account(const struct limits *f, size_t account, enum limit_action action)
{
    return &f->v[1 + account * LIMIT_ACTIONS + action];
}

struct limit *limits_find(struct limits *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].name, name) == 0)
            return &f->v[i];
    return NULL;
}

void limits_want(struct limits *f, struct limit *l)
{
    l->wanted = true;
    if (!f->asking)
        timer_now(f->send);
}

/* The next moment at which a limit that was short may have something. */
void limits_set_wake(struct limits *f, int64_t now)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < f->n; i++) {
        const struct limit *l = &f->v[i];
        int64_t at = max_int(l->cooled_ms, l->blocked_ms);
        if (at > now && at < first)
            first = at;
    }
    if (first < INT64_MAX)
        timer_once(f->wake, first - now);
}
