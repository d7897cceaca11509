/* SPDX-License-Identifier: MIT
 * What a worker grants itself while Redis does not say who may call (the first queue's server is
 * away, or its key is spoilt): an even part of each limit, so that the other queues go on and the
 * fleet stays within it. Pure. */
#ifndef PB_FLEET_LIMIT_ALONE_H
#define PB_FLEET_LIMIT_ALONE_H

#include <stdint.h>

struct limit_alone {
    int64_t at_ms; /* up to when tokens were counted; 0: never */
    double tokens;
};

/* Tokens to be used now, at most want; what is left is kept, for at most half a second of the part.
 * rate per s > 0; workers: among how many, 0 counts as 1. */
int64_t limit_alone_grant(struct limit_alone *a, double rate, int64_t workers, int64_t want,
                          int64_t now_ms);

#endif
