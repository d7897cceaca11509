/* SPDX-License-Identifier: MIT
 * Counters and gauges of this process, by name. One table (metrics.c) is the list; adding a row
 * there and a name here is all that a new metric takes. */
#ifndef PB_METRICS_H
#define PB_METRICS_H

#include <stdint.h>

#include "base/buf.h"

enum metric {
    METRIC_JOBS_CLAIMED,
    METRIC_JOBS_SENT,
    METRIC_JOBS_DUPLICATE,
    METRIC_JOBS_DEAD,
    METRIC_JOBS_RETRIED,
    METRIC_JOBS_PARKED,
    METRIC_JOBS_RETURNED,
    METRIC_JOBS_STALE,
    METRIC_JOBS_RECLAIMED,
    METRIC_CALLS_SENT,
    METRIC_CALLS_UNANSWERED,
    METRIC_CALLS_THROTTLED,
    METRIC_CALL_RESENDS_STOPPED,
    METRIC_CIRCUIT_OPENED,
    METRIC_REDIS_CONNECTS,
    METRIC_REDIS_ERRORS,
    METRIC_RESULTS_TRIMMED,
    METRIC_PARKED_FULL,
    METRIC_WATCHDOG_DROPS,
    METRIC_IN_FLIGHT,
    METRIC_COUNT
};

void metrics_add(enum metric m, int64_t n);
void metrics_set(enum metric m, int64_t n);
int64_t metrics_get(enum metric m);
void metrics_render(struct buf *out); /* Prometheus text exposition */

#endif
