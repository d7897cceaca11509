/* SPDX-License-Identifier: MIT
 * Apps and groups that this worker does not have and another live one says to have: their jobs are
 * that worker's. Pure. */
#ifndef PB_FLEET_OTHERS_H
#define PB_FLEET_OTHERS_H

#include "config/config.h"

enum { OTHERS_MAX = 64, OTHERS_NAME_SIZE = 72, OTHERS_HOLD_MS = 15000 };

struct others {
    struct {
        char app[OTHERS_NAME_SIZE];
        int64_t till_ms; /* so long it is believed */
    } v[OTHERS_MAX];
    size_t n;
};

/* What a live worker says of itself: JSON with lists "apps" and "groups", or not. */
void others_see(struct others *o, const struct config *config, const char *words, int64_t now_ms);
/* NULL: the job names none. */
bool others_have(const struct others *o, const char *app, int64_t now_ms);

#endif
