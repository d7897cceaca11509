/* SPDX-License-Identifier: MIT
 * Which queue is asked for how many jobs, and when: credits, tokens, priority or turns, suspects.
 */
#ifndef PB_WORKER_CLAIMS_H
#define PB_WORKER_CLAIMS_H

#include "worker/dispatch_core.h"

/* Starts the claims and waits that are worth it now. */
void claims_round(struct dispatch *d);
/* Is there room for a claim, and no reason to make none? */
bool claims_may(const struct dispatch *d);

#endif
