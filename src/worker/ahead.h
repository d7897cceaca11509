/* SPDX-License-Identifier: MIT
 * Looking ahead: a queue is one list of all apps' jobs, and those of one may stand before the
 * others' in any number. While there is no room for more of them, some are taken off the list's
 * head all the same; those of an app that has its share in work already are parked, so that the
 * others' behind them are reached. Each job is set aside once, and comes back in its app's turn. */
#ifndef PB_WORKER_AHEAD_H
#define PB_WORKER_AHEAD_H

#include "worker/dispatch_core.h"

/* There are other apps that could send, and time for it. */
bool ahead_may(const struct dispatch *d);
/* Takes some, when it is time and the lane is free. */
void ahead_look(struct lane *lane);
/* On each tick: how busy the processor is with this worker. */
void ahead_tick(struct dispatch *d);

#endif
