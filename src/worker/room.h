/* SPDX-License-Identifier: MIT
 * Keeps claims within the memory that jobs may take (worker.memory_bytes): what is held, and what
 * claims under way may bring at their largest. */
#ifndef PB_WORKER_ROOM_H
#define PB_WORKER_ROOM_H

#include "worker/dispatch_core.h"

/* How many more jobs may be claimed now. */
size_t room_jobs(const struct dispatch *d);

/* Before each claim: what it may bring at most goes into ask and is counted until it is answered.
 */
void room_reserve(struct lane *lane, struct queue_ask *ask);

/* Each tick: says in log and metrics when that becomes none, and when it is over. */
void room_look(struct dispatch *d);

/* Appends ,"memory_full":true when nothing is claimed for memory; else nothing. */
void room_write(const struct dispatch *d, struct buf *out);

#endif
