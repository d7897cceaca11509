/* SPDX-License-Identifier: MIT
 * Queues beside each other: one that Redis refuses to serve is set aside by itself, until a trial
 * shows that it is well again. The others are served as if it were empty. */
#ifndef PB_WORKER_LANES_H
#define PB_WORKER_LANES_H

#include "worker/dispatch_core.h"

/* Looks whether queues have to be set aside or come back; says so in log and metrics. One that is
 * set aside gives back what no call has begun for. */
void lanes_look(struct dispatch *d);

/* Appends ,"aside":{"queue":"why",…} with those that are set aside; nothing when none is. */
void lanes_write(const struct dispatch *d, struct buf *out);

/* May a claim be made of it now? Of one that is set aside only now and then, as a trial of one job
 * that nobody waits for. */
bool lanes_may_claim(const struct lane *lane);

/* A claim of the lane has ended. */
void lanes_claimed(struct lane *lane, enum claim_end end);

/* Calls that are to be made or on the wire, and jobs that are held, without those of queues that
 * are set aside: these take nobody's place. */
void lanes_load(const struct dispatch *d, size_t *busy, size_t *held);

#endif
