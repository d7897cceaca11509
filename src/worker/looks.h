/* SPDX-License-Identifier: MIT
 * Parked jobs of apps that take none, looked at beside the claims: one of them as a probe when the
 * app's circuit wants one, and some each second for their deadlines. No app waits for another's. */
#ifndef PB_WORKER_LOOKS_H
#define PB_WORKER_LOOKS_H

#include "worker/dispatch_core.h"

/* Claims them when it is time and the lane is free. room: the worker could hold more jobs. */
void looks_begin(struct lane *lane, bool room);

#endif
