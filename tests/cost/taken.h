/* SPDX-License-Identifier: MIT
 * A job of many calls with a large parameter, as it comes from a worker that died: each of them may
 * be out, and what each was is kept. */
#ifndef WORK_TAKEN_H
#define WORK_TAKEN_H

#include "pipeline/flight.h"
#include "queue/queue_core.h"

struct taken {
    struct config config;
    struct queue queue;
    struct queue_lease lease;
    struct queue_claim claim;
    struct flight flight;
    struct buf job;
};

/* About so many bytes of it. */
void taken_make(struct taken *t, size_t bytes);
/* struct taken: the step that is counted. */
void taken_compare(void *arg);
void taken_free(struct taken *t);

#endif
