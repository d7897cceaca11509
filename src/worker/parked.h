/* SPDX-License-Identifier: MIT
 * How many jobs may be parked, and saying when they pile up. An app's own list stops no other app:
 * what is over queue.parked_max waits there too, unless there is no other app that it could make
 * way for. All lists of a queue together are bounded by queue.parked_all_max. At the bound ready
 * jobs stay where they are. */
#ifndef PB_WORKER_PARKED_H
#define PB_WORKER_PARKED_H

#include "worker/dispatch_core.h"

int64_t parked_max(const struct dispatch *d); /* in all lists of a queue */
/* After each answered claim. stopped: it took no ready job for their sake. */
void parked_note(struct lane *lane, bool stopped);

#endif
