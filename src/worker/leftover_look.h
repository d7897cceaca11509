/* SPDX-License-Identifier: MIT
 * Each queue's leftovers: when they are looked for, and what is said of them. */
#ifndef PB_WORKER_LEFTOVER_LOOK_H
#define PB_WORKER_LEFTOVER_LOOK_H

#include "worker/dispatch_core.h"

/* On each tick: every few seconds asks Redis what is left for apps that this worker does not have.
 */
void leftover_look(struct lane *lane);

/* The parked lists of such apps that are to be taken now, for n jobs in all. out needs room for
 * QUEUE_LEFTOVERS_MAX. */
size_t leftover_unparks(const struct lane *lane, unsigned n, struct queue_unpark *out);

#endif
