/* SPDX-License-Identifier: MIT */
#include "base/metrics.h"

static const struct {
    const char *name, *type, *help;
} table[METRIC_COUNT] = {
    [METRIC_JOBS_CLAIMED] = {"pushbridge_jobs_claimed_total", "counter", "Jobs taken from Redis."},
    [METRIC_JOBS_SENT] = {"pushbridge_jobs_sent_total", "counter", "Jobs that ended as sent."},
    [METRIC_JOBS_DUPLICATE] = {"pushbridge_jobs_duplicate_total", "counter",
                               "Jobs whose id another job had lately."},
    [METRIC_JOBS_DEAD] = {"pushbridge_jobs_dead_total", "counter",
                          "Jobs that became dead letters."},
    [METRIC_JOBS_RETRIED] = {"pushbridge_jobs_retried_total", "counter",
                             "Jobs put back for a later attempt."},
    [METRIC_JOBS_PARKED] = {"pushbridge_jobs_parked_total", "counter",
                            "Jobs parked behind an open circuit."},
    [METRIC_JOBS_RETURNED] = {"pushbridge_jobs_returned_total", "counter",
                              "Unsent jobs given back to the queue."},
    [METRIC_JOBS_STALE] = {"pushbridge_jobs_stale_total", "counter",
                           "Finishes refused because the lease had moved on."},
    [METRIC_JOBS_RECLAIMED] = {"pushbridge_jobs_reclaimed_total", "counter",
                               "Jobs taken over from a lost lease."},
    [METRIC_CALLS_SENT] = {"pushbridge_calls_total", "counter", "API calls started."},
    [METRIC_CALLS_UNANSWERED] = {"pushbridge_calls_unanswered_total", "counter",
                                 "API calls without a usable answer."},
    [METRIC_CALLS_THROTTLED] = {"pushbridge_calls_throttled_total", "counter",
                                "API calls refused by a rate quota."},
    [METRIC_CALL_RESENDS_STOPPED] = {"pushbridge_call_resends_stopped_total", "counter",
                                     "Silent repeats by the HTTP library that were stopped."},
    [METRIC_CIRCUIT_OPENED] = {"pushbridge_circuit_opened_total", "counter",
                               "Times that an app's circuit opened."},
    [METRIC_REDIS_CONNECTS] = {"pushbridge_redis_connects_total", "counter",
                               "Connections to Redis that came up."},
    [METRIC_REDIS_ERRORS] = {"pushbridge_redis_errors_total", "counter",
                             "Error replies and lost connections of Redis."},
    [METRIC_RESULTS_TRIMMED] = {"pushbridge_results_trimmed_total", "counter",
                                "Outcomes cut from the full results list."},
    [METRIC_PARKED_FULL] = {"pushbridge_parked_full_total", "counter",
                            "Claims held back because the parked list is full."},
    [METRIC_WATCHDOG_DROPS] = {"pushbridge_watchdog_drops_total", "counter",
                               "Connections dropped because nothing moved."},
    [METRIC_IN_FLIGHT] = {"pushbridge_jobs_in_flight", "gauge", "Jobs that this worker holds."},
};

static int64_t values[METRIC_COUNT];

void metrics_add(enum metric m, int64_t n)
{
    values[m] += n;
}

void metrics_set(enum metric m, int64_t n)
{
    values[m] = n;
}

int64_t metrics_get(enum metric m)
{
    return values[m];
}

void metrics_render(struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", table[i].name, table[i].help,
                   table[i].name, table[i].type, table[i].name, (long long)values[i]);
}
