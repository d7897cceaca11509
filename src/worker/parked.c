/* SPDX-License-Identifier: MIT */
#include "worker/parked.h"

#include "base/log.h"
#include "base/metrics.h"

int64_t parked_max(const struct dispatch *d)
{
    const struct config *c = d->config;
    return c->napps > 1 || c->parked_all_max < c->parked_max ? c->parked_all_max : c->parked_max;
}

static void note_app(struct lane *lane, size_t app, bool stopped)
{
    const struct config_app *a = &lane->d->config->apps[app];
    int64_t limit = lane->d->config->parked_max, n = queue_parked(lane->queue, a->app.name);
    size_t busy, held = 0; /* those that are looked at just now have not gone */
    if (lane->full[app])
        pipeline_load_of(lane->d->pipeline, lane->queue, &busy, &held);
    bool full = n + (int64_t)held >= limit &&
                (lane->full[app] || stopped || !pipeline_takes(lane->d->pipeline, app));
    if (full == lane->full[app])
        return;
    lane->full[app] = full;
    metrics_add_at(METRIC_PARKED_FULL, a->label, full);
    if (full)
        log_warn("event=parked_full queue=%s app=%s jobs=%lld limit=%lld",
                 log_value(queue_name(lane->queue)), log_value(a->app.name), (long long)n,
                 (long long)limit);
    else
        log_info("event=parked_fits queue=%s app=%s jobs=%lld", log_value(queue_name(lane->queue)),
                 log_value(a->app.name), (long long)n);
}

void parked_note(struct lane *lane, bool stopped)
{
    const struct config *c = lane->d->config;
    const char *queue = queue_name(lane->queue);
    for (size_t i = 0; i < c->napps; i++)
        note_app(lane, i, stopped);
    metrics_add_at(METRIC_PARKED_STOP, metrics_find(SET_QUEUE, queue), stopped);
    if (stopped && !lane->stopped && c->napps > 1)
        log_error("event=parked_stop queue=%s jobs=%lld limit=%lld", log_value(queue),
                  (long long)queue_parked_all(lane->queue), (long long)parked_max(lane->d));
    lane->stopped = stopped;
}
