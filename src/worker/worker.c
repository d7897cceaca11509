/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "host/memory.h"
#include "host/resolve.h"
#include "worker/dispatch_core.h"

struct worker {
    struct resolver *resolver;
    struct dispatch dispatch; /* through which the parts find each other */
};

/* --- names and the clock: the last to go, as every other part winds timers ---------------------
 */

static bool begin_clock(struct worker *w, struct err *e)
{
    struct dispatch *d = &w->dispatch;
    (void)e;
    w->resolver = resolver_new(d->base); /* NULL: addresses work, names do not */
    dispatch_name_worker(d);
    d->memory_bytes = memory_for_jobs(d->config->memory_bytes, memory_limit(""));
    metrics_set(METRIC_JOBS_HELD_BYTES_MAX, d->memory_bytes);
    heartbeat_init(&d->heartbeat, clock_wall_ms(), clock_mono_ms());
    dispatch_wind_up(d);
    return true;
}

static void end_clock(struct worker *w)
{
    dispatch_wind_down(&w->dispatch);
    resolver_free(w->resolver);
}

/* --- connections: made early, as the others are told of them; hung up first, so that no answer
 * finds a part that is gone */

static bool begin_calls(struct worker *w, struct err *e)
{
    w->dispatch.sender = sender_new(w->dispatch.base, w->dispatch.config, e);
    return w->dispatch.sender;
}

/* In a cluster to the owner of the queue's slot. */
static struct redis *lane_connect(struct worker *w, struct lane *lane, const char *queue,
                                  const char *kind, redis_state_fn fn)
{
    struct redis_opts opts = w->dispatch.config->redis;
    char name[64];
    opts.slot = cluster_slot(queue, strlen(queue));
    opts.value_max = fn == dispatch_on_wait_redis ? QUEUE_WAKE_BYTES : opts.value_max;
    snprintf(name, sizeof name, "%s %s", kind, queue);
    return redis_new(w->dispatch.base, w->resolver, &opts, name, fn, lane);
}

static bool begin_connections(struct worker *w, struct err *e)
{
    struct dispatch *d = &w->dispatch;
    const struct config *c = d->config;
    (void)e;
    d->lanes = mem_zalloc(c->nqueues * sizeof *d->lanes);
    if (c->redis.topology != TOPOLOGY_CLUSTER)
        d->cmd = redis_new(d->base, w->resolver, &c->redis, "command", dispatch_on_redis, d);
    for (size_t i = 0; i < c->nqueues; i++) {
        struct lane *lane = &d->lanes[i];
        const char *queue = c->queue_names[i];
        lane->d = d;
        lane->wait = lane_connect(w, lane, queue, "wait", dispatch_on_wait_redis);
        lane->cmd =
            d->cmd ? d->cmd : lane_connect(w, lane, queue, "command", dispatch_on_lane_redis);
    }
    d->router = router_new(d->base, w->resolver, &c->redis, d->cmd);
    return true;
}

static void hang_up(struct worker *w)
{
    struct dispatch *d = &w->dispatch;
    d->ended = true; /* callbacks of what is torn down report to nobody */
    sender_free(d->sender);
    for (size_t i = 0; i < d->config->nqueues; i++) {
        redis_free(d->lanes[i].wait);
        d->lanes[i].wait = NULL;
        if (!d->cmd)
            redis_free(d->lanes[i].cmd);
    }
    router_free(d->router);
    redis_free(d->cmd);
}

/* --- what workers agree on: on the first queue's slot ------------------------------------------
 */

static bool begin_fleet(struct worker *w, struct err *e)
{
    struct dispatch *d = &w->dispatch;
    (void)e;
    d->fleet = fleet_new(d->base, d->config, d->lanes[0].cmd, d->worker, dispatch_on_news, d);
    return true;
}

static void end_fleet(struct worker *w)
{
    fleet_free(w->dispatch.fleet);
}

/* --- keys and the walk of jobs -----------------------------------------------------------------
 */

static bool begin_keys(struct worker *w, struct err *e)
{
    (void)e;
    w->dispatch.credentials =
        app_credentials_new(w->dispatch.base, w->dispatch.config, dispatch_on_news, &w->dispatch);
    return true;
}

static void end_keys(struct worker *w)
{
    app_credentials_free(w->dispatch.credentials);
}

static bool begin_pipeline(struct worker *w, struct err *e)
{
    struct dispatch *d = &w->dispatch;
    (void)e;
    d->pipeline = pipeline_new(d->config, d->sender, d->credentials, d->fleet, d->router, d->worker,
                               dispatch_on_freed, d);
    return true;
}

static void end_pipeline(struct worker *w)
{
    pipeline_free(w->dispatch.pipeline);
}

/* --- queues: before the pipeline, whose flights point to their leases --------------------------
 */

static void begin_queue(struct lane *lane, const char *name)
{
    const struct dispatch *d = lane->d;
    const struct config *c = d->config;
    lane->results = config_queue_key(c->queue_results, name);
    lane->dead = config_queue_key(c->queue_dead, name);
    const struct queue_opts opts = {
        .name = name,
        .results = lane->results,
        .dead = lane->dead,
        .ids = c->ids_by_queue ? NULL : c->queue_names[0],
        .worker = d->worker,
        .digest = c->digest,
        .marks = c->marks,
        .lease_ms = c->lease_ms,
        .idle_wait_s = c->idle_wait_s,
        .results_max = c->results_max,
        .job_max_bytes = c->job_max_bytes,
        .may_forget = c->may_forget,
        .wait_replicas = c->wait_replicas,
        .wait_ms = c->wait_ms,
        .crash_limit = c->crash_limit,
    };
    lane->queue = queue_new(d->base, lane->cmd, lane->wait, &opts);
}

static bool begin_queues(struct worker *w, struct err *e)
{
    (void)e;
    for (size_t i = 0; i < w->dispatch.config->nqueues; i++)
        begin_queue(&w->dispatch.lanes[i], w->dispatch.config->queue_names[i]);
    return true;
}

static void end_queues(struct worker *w)
{
    for (size_t i = 0; i < w->dispatch.config->nqueues; i++) {
        struct lane *lane = &w->dispatch.lanes[i];
        queue_free(lane->queue);
        config_drop(lane->asked_under);
        mem_free(lane->results);
        mem_free(lane->dead);
    }
}

/* --- the order ---------------------------------------------------------------------------------
 */

/* Each needs those above it, and is gone before them. */
static const struct part {
    bool (*begin)(struct worker *w, struct err *e); /* NULL: nothing */
    void (*end)(struct worker *w);
} parts[] = {
    {begin_clock, end_clock},       {begin_calls, NULL}, /* these and the connections are hung up:
                                                            see the last row */
    {begin_connections, NULL},      {begin_fleet, end_fleet},   {begin_keys, end_keys},
    {begin_pipeline, end_pipeline}, {begin_queues, end_queues}, {NULL, hang_up},
};
enum { PARTS = sizeof parts / sizeof parts[0] };

static void end_parts(struct worker *w, size_t n)
{
    while (n--)
        if (parts[n].end)
            parts[n].end(w);
    mem_free(w->dispatch.lanes);
    mem_free(w);
}

struct worker *worker_open(struct event_base *base, const struct config *config, bool until_empty,
                           dispatch_end_fn fn, void *arg, struct err *e)
{
    struct worker *w = mem_zalloc(sizeof *w);
    w->dispatch = (struct dispatch){
        .base = base, .config = config, .until_empty = until_empty, .fn = fn, .arg = arg};
    for (size_t i = 0; i < PARTS; i++) {
        if (parts[i].begin && !parts[i].begin(w, e)) {
            end_parts(w, i);
            return NULL;
        }
    }
    log_info("event=worker_start worker=%s queues=%zu concurrency=%lld memory_bytes=%lld",
             log_value(w->dispatch.worker), config->nqueues, (long long)config->concurrency,
             (long long)w->dispatch.memory_bytes);
    return w;
}

void worker_close(struct worker *w)
{
    if (w)
        end_parts(w, PARTS);
}

struct dispatch *worker_dispatch(struct worker *w)
{
    return &w->dispatch;
}
