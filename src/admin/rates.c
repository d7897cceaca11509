/* SPDX-License-Identifier: MIT */
#include "admin/rates.h"

enum { SAMPLE_MS = 1000 };

const enum metric rates_metrics[RATES_N] = {METRIC_JOBS_CLAIMED, METRIC_JOBS_SENT, METRIC_JOBS_DEAD,
                                            METRIC_JOBS_RETRIED, METRIC_CALLS};

static size_t newest_sample(const struct rates *r)
{
    return (r->next + RATES_SAMPLES - 1) % RATES_SAMPLES;
}

void rates_tick(struct rates *r, int64_t now_ms)
{
    if (r->n && now_ms - r->at_ms[newest_sample(r)] < SAMPLE_MS)
        return;
    r->at_ms[r->next] = now_ms;
    for (size_t i = 0; i < RATES_N; i++)
        r->values[r->next][i] = metrics_get(rates_metrics[i]);
    r->next = (r->next + 1) % RATES_SAMPLES;
    if (r->n < RATES_SAMPLES)
        r->n++;
}

double rates_per_s(const struct rates *r, size_t i)
{
    if (r->n < 2)
        return 0;
    size_t last = newest_sample(r), first = (r->next + RATES_SAMPLES - r->n) % RATES_SAMPLES;
    return (double)(r->values[last][i] - r->values[first][i]) * 1000 /
           (double)(r->at_ms[last] - r->at_ms[first]);
}
