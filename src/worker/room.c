/* SPDX-License-Identifier: MIT */
#include "worker/room.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/minmax.h"
#include "host/memory.h"
#include "worker/lanes.h"

/* What is held, and what claims under way may bring. */
static size_t taken(const struct dispatch *d)
{
    size_t sum = pipeline_bytes(d->pipeline);
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_claiming(d->lanes[i].queue))
            sum += d->lanes[i].asked_bytes;
    return sum;
}

static size_t room_beside(const struct dispatch *d, size_t bytes)
{
    return memory_room(d->memory_bytes, bytes, (size_t)d->config->job_max_bytes);
}

/* What is held of queues that are set aside may stay for long. */
static bool holds_of_others(const struct dispatch *d)
{
    size_t busy, held;
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (!d->lanes[i].aside.on && queue_claiming(d->lanes[i].queue))
            return true;
    lanes_load(d, &busy, &held);
    return held != 0;
}

size_t room_jobs(const struct dispatch *d)
{
    size_t n = room_beside(d, taken(d));
    return n || holds_of_others(d) ? n : 1;
}

/* A due batch comes whole, however few jobs are asked for. */
void room_reserve(struct lane *lane, struct queue_ask *ask)
{
    const struct dispatch *d = lane->d;
    size_t room = room_jobs(d), jobs = ask->n;
    size_t most = room ? min_size(room, QUEUE_CLAIM_JOBS_MAX) : 1;
    if (ask->order == QUEUE_BESIDE)
        for (size_t i = 0; i < ask->nunparks; i++)
            jobs += ask->unparks[i].limit;
    ask->n = (unsigned)min_size(ask->n, most);
    ask->most = (unsigned)most;
    ask->whole = holds_of_others(d) ? (unsigned)most : 0;
    lane->asked_bytes = min_size(jobs, most) * memory_of_job((size_t)d->config->job_max_bytes, 0);
}

/* It is over when a part of it is free again, so that it is not said over and over. */
void room_look(struct dispatch *d)
{
    enum { FREE_PART = 4 };
    size_t n = room_jobs(d);
    bool full = n == 0 || (d->memory_full && n < room_beside(d, 0) / FREE_PART);
    metrics_set(METRIC_JOBS_HELD_BYTES, (int64_t)pipeline_bytes(d->pipeline));
    if (full == d->memory_full)
        return;
    d->memory_full = full;
    metrics_set(METRIC_MEMORY_FULL, full);
    if (full)
        log_warn("event=memory_full jobs=%zu bytes=%zu limit=%lld", pipeline_flights(d->pipeline),
                 pipeline_bytes(d->pipeline), (long long)d->memory_bytes);
    else
        log_info("event=memory_fits jobs=%zu bytes=%zu", pipeline_flights(d->pipeline),
                 pipeline_bytes(d->pipeline));
}

void room_write(const struct dispatch *d, struct buf *out)
{
    if (d->memory_full)
        buf_puts(out, ",\"memory_full\":true");
}
