/* SPDX-License-Identifier: MIT
 * /stats: one worker as a JSON object, for people and small scripts. Members may be added. */
#ifndef PB_ADMIN_STATS_PAGE_H
#define PB_ADMIN_STATS_PAGE_H

#include "admin/monitor.h"

void stats_write(const struct monitor *m, struct buf *out);

#endif
