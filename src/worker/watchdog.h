/* SPDX-License-Identifier: MIT
 * What a worker notices by itself: claims that nobody answers, dead letters that pile up. */
#ifndef PB_WORKER_WATCHDOG_H
#define PB_WORKER_WATCHDOG_H

#include "worker/dispatch_core.h"

void watch_claims(struct dispatch *d); /* on each tick */
void watch_dead(struct lane *lane);    /* likewise; counts more rarely */

#endif
