/* SPDX-License-Identifier: MIT
 * The devices that a target means. A tag expression is evaluated on pairs, and only the pairs that
 * it leaves are resolved to devices; nobody is in an audience twice. */
#ifndef PB_MOCK_WORLD_AUDIENCE_H
#define PB_MOCK_WORLD_AUDIENCE_H

#include "mock/world/world.h"

struct audience {
    uint32_t *items; /* indexes into the world's devices */
    size_t count, cap;
};

/* Whom a push is for. */
struct audience_ask {
    const char *target, *value; /* as in Push; value has passed its checks */
    const char *device_type;    /* "ALL": every device of the app */
    int64_t app_key;
};

void audience_find(struct world *w, const struct audience_ask *ask, struct audience *out);
void audience_free(struct audience *a);

#endif
