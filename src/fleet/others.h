/* SPDX-License-Identifier: MIT
 * Apps and groups that this worker does not have and another live one says to have: their jobs are
 * that worker's. Pure. */
#ifndef PB_FLEET_OTHERS_H
#define PB_FLEET_OTHERS_H

#include "config/config.h"

enum {
    OTHERS_MAX = 64,
    OTHERS_NAME_SIZE = 72,
    OTHERS_HOLD_MS = 15000,
    OTHERS_START_MS = 1000, /* so long a worker that starts may take to say what it has */
    OTHERS_AGAIN_MS = 1500, /* when a job that may be another's is looked at again */
};

struct others {
    struct {
        char app[OTHERS_NAME_SIZE];
        int64_t till_ms; /* so long it is believed */
    } v[OTHERS_MAX];
    size_t n;
    int64_t looked_ms;      /* when what they say was asked for last, of what has been answered */
    int64_t wanted_till_ms; /* so long it is asked for often */
};

/* What a live worker says of itself: JSON with lists "apps" and "groups", or not. */
void others_see(struct others *o, const struct config *config, const char *words, int64_t now_ms);
/* What all of them say has been seen, as asked for at asked_ms. */
void others_looked(struct others *o, int64_t asked_ms);
/* NULL: the job names none. */
bool others_have(const struct others *o, const char *app, int64_t now_ms);
/* Whether nobody can know yet that no other live worker has the app of a job that was claimed first
 * at since_ms: this worker, or one that has it, may have just started. They are asked soon then.
 * After OTHERS_HOLD_MS without an answer it is taken for nobody's. */
bool others_may_have(struct others *o, int64_t since_ms, int64_t now_ms);

#endif
