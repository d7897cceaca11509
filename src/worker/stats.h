/* SPDX-License-Identifier: MIT
 * /stats: one worker as a JSON object, for people and small scripts. Members may be added. */
#ifndef PB_STATS_H
#define PB_STATS_H

#include "worker/monitor.h"

void stats_write(const struct monitor *m, struct buf *out);

#endif
