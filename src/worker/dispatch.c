/* SPDX-License-Identifier: MIT */
#include "worker/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "worker/ahead.h"
#include "worker/claims.h"
#include "worker/lanes.h"
#include "worker/leftover_look.h"
#include "worker/room.h"
#include "worker/watchdog.h"

void dispatch_on_freed(void *arg)
{
    dispatch_pump_soon(arg);
}

static void end_drain(struct dispatch *d, enum dispatch_end how, const char *why)
{
    if (d->ended)
        return;
    d->ended = true;
    d->fn(d->arg, how, why);
}

/* --- draining -------------------------------------------------------------------------------- */

static bool is_drained(const struct lane *lane)
{
    size_t busy, held;
    if (queue_claiming(lane->queue) || queue_waiting(lane->queue) || queue_unconfirmed(lane->queue))
        return false;
    pipeline_load_of(lane->d->pipeline, lane->queue, &busy, &held);
    return held == 0;
}

static void on_lane_left(void *arg, enum queue_done done)
{
    (void)done;
    struct lane *lane = arg;
    lane->left = true;
    dispatch_pump_soon(lane->d);
}

/* Each queue by itself: one that Redis refuses to serve holds up no other. */
static void drain_step(struct dispatch *d)
{
    bool all = true;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        struct lane *lane = &d->lanes[i];
        lane->left |= lane->newer && is_drained(lane);
        all &= lane->left;
        if (lane->left || lane->leaving || !is_drained(lane))
            continue;
        lane->leaving = true;
        queue_leave(lane->queue, on_lane_left, lane);
    }
    if (all)
        end_drain(d, DISPATCH_DRAINED, "drained");
}

static void on_drain_timer(void *arg)
{
    end_drain(arg, DISPATCH_LEFT_OVER, "worker.drain_ms is up");
}

static void cancel_waits(struct dispatch *d)
{
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_waiting(d->lanes[i].queue))
            queue_wait_cancel(d->lanes[i].queue);
}

void dispatch_drain(struct dispatch *d)
{
    if (d->draining)
        return;
    d->draining = true;
    log_info("event=drain_begin in_flight=%zu", pipeline_flights(d->pipeline));
    timer_once(d->drain_timer, d->config->drain_ms);
    cancel_waits(d);
    pipeline_drain(d->pipeline);
    dispatch_pump_soon(d);
}

static void on_pump(void *arg)
{
    struct dispatch *d = arg;
    if (d->draining)
        drain_step(d);
    else
        claims_round(d);
}

/* --- until empty ----------------------------------------------------------------------------- */

static void on_drain_counts(void *arg, const struct queue_counts *c)
{
    struct dispatch *d = arg;
    d->counts_ok &= c->ok;
    d->counted_jobs += c->ready + c->inbox + c->leased + c->delayed + c->parked;
    if (--d->counts_due)
        return;
    d->counting = false;
    if (d->counts_ok && d->counted_jobs == 0)
        dispatch_drain(d);
}

static void check_empty(struct dispatch *d)
{
    if (d->counting || d->draining || pipeline_flights(d->pipeline))
        return;
    d->counting = true;
    d->counts_ok = true;
    d->counted_jobs = 0;
    d->counts_due = d->config->nqueues;
    for (size_t i = 0; i < d->config->nqueues; i++)
        queue_count(d->lanes[i].queue, on_drain_counts, d);
}

/* --- the clockwork --------------------------------------------------------------------------- */

static int64_t most_workers(const struct dispatch *d)
{
    int64_t most = 1;
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_workers(d->lanes[i].queue) > most)
            most = queue_workers(d->lanes[i].queue);
    return most;
}

static void on_dispatch_tick(void *arg)
{
    struct dispatch *d = arg;
    bool open = false;
    lanes_look(d);
    ahead_tick(d);
    pipeline_tick(d->pipeline);
    room_look(d);
    for (size_t i = 0; i < d->config->nqueues; i++) {
        struct lane *lane = &d->lanes[i];
        if (!lane->open)
            continue;
        open = true;
        queue_housekeep(lane->queue);
        /* Waiting retries, lost leases and parked jobs ring no bell. */
        lane->maybe_ready = true;
        if (!d->draining) {
            watch_dead(lane);
            leftover_look(lane);
        }
    }
    if (open)
        fleet_serve(d->fleet, most_workers(d));
    if (open && !d->draining)
        watch_claims(d);
    if (d->draining)
        cancel_waits(d); /* one that was armed as the drain began */
    if (d->until_empty)
        check_empty(d);
    dispatch_pump_soon(d);
}

static void on_extend(void *arg)
{
    struct dispatch *d = arg;
    struct buf stat, more;
    buf_init(&stat, HEARTBEAT_MAX);
    buf_init(&more, HEARTBEAT_MAX);
    lanes_write(d, &more);
    room_write(d, &more);
    own_write(fleet_own(d->fleet), &more);
    leftovers_write_apps(d->config, &more);
    groups_apart_write(d->config, &more);
    buf_puts(&more, pipeline_all_open(d->pipeline) ? ",\"rests\":true" : "");
    heartbeat_write(&d->heartbeat, d->pipeline, buf_text(&more), clock_mono_ms(), &stat);
    buf_free(&more);
    for (size_t i = 0; i < d->config->nqueues; i++) {
        queue_set_stat(d->lanes[i].queue, buf_ok(&stat) ? buf_text(&stat) : NULL);
        if (d->lanes[i].open && !d->lanes[i].leaving)
            queue_extend(d->lanes[i].queue);
    }
    buf_free(&stat);
}

static bool all_newer(const struct dispatch *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->config->nqueues; i++)
        n += d->lanes[i].newer;
    return n == d->config->nqueues;
}

/* Of a layout that this program does not know: the queue is left alone, and so is what the fleet
 * keeps with it. */
static void set_newer(struct lane *lane, bool newer)
{
    lane->newer = newer;
    if (lane == lane->d->lanes)
        fleet_shut(lane->d->fleet, newer);
}

static void refuse_server(struct lane *lane, const char *why)
{
    struct dispatch *d = lane->d;
    set_newer(lane, true);
    if (!all_newer(d) || d->ended)
        return;
    log_error("event=queue_refused queue=%s why=%s", log_value(queue_name(lane->queue)),
              log_value(why));
    end_drain(d, DISPATCH_UNSUPPORTED, why);
}

static void on_lane_opened(void *arg, bool ok, const char *why)
{
    struct lane *lane = arg;
    lane->open = ok;
    if (why)
        refuse_server(lane, why);
    if (!ok)
        return;
    set_newer(lane, false);
    lane->maybe_ready = true;
    lane->moved_ms = clock_mono_ms();
    aside_answered(&lane->aside); /* another connection, another try */
    dispatch_pump_soon(lane->d);
}

void dispatch_on_lane_redis(void *arg, enum redis_state state, const char *why)
{
    struct lane *lane = arg;
    lane->open = false;
    if (state == REDIS_UP && lane == lane->d->lanes)
        fleet_connected(lane->d->fleet);
    if (state == REDIS_UP)
        queue_open(lane->queue, on_lane_opened, lane);
    else if (state == REDIS_UNSUPPORTED)
        end_drain(lane->d, DISPATCH_UNSUPPORTED, why);
}

/* Tokens or keys came, a circuit or a pause changed. */
void dispatch_on_news(void *arg)
{
    struct dispatch *d = arg;
    if (d->ended)
        return;
    if (fleet_paused(d->fleet))
        cancel_waits(d);
    pipeline_tick(d->pipeline);
    for (size_t i = 0; i < d->config->nqueues; i++)
        d->lanes[i].maybe_ready = true; /* jobs may have been parked for want of what came */
    dispatch_pump_soon(d);
}

void dispatch_on_redis(void *arg, enum redis_state state, const char *why)
{
    struct dispatch *d = arg;
    for (size_t i = 0; i < d->config->nqueues; i++)
        dispatch_on_lane_redis(&d->lanes[i], state, why);
}

void dispatch_on_wait_redis(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    struct lane *lane = arg;
    if (state == REDIS_UP)
        dispatch_pump_soon(lane->d);
}

/* --- the timers ------------------------------------------------------------------------------ */

static struct timer *every(struct dispatch *d, int64_t ms, timer_fn fn)
{
    struct timer *t = timer_new(d->base, fn, d);
    timer_each(t, ms);
    return t;
}

void dispatch_wind_up(struct dispatch *d)
{
    d->pump = timer_new(d->base, on_pump, d);
    d->read = timer_new(d->base, dispatch_on_read, d);
    d->drain_timer = timer_new(d->base, on_drain_timer, d);
    d->tick = every(d, d->config->reap_ms, on_dispatch_tick);
    d->extend = every(d, d->config->extend_ms, on_extend);
}

void dispatch_wind_down(struct dispatch *d)
{
    struct timer *const all[] = {d->pump, d->read, d->drain_timer, d->tick, d->extend};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        timer_free(all[i]);
}

/* --- for others ------------------------------------------------------------------------------ */

void dispatch_set_config(struct dispatch *d, const struct config *config)
{
    d->config = config;
    for (size_t i = 0; i < config->nqueues; i++) {
        memset(d->lanes[i].full, 0, sizeof d->lanes[i].full);
        queue_set_digest(d->lanes[i].queue, config->digest, config->marks);
        d->lanes[i].leftovers.next_ms = 0; /* apps may be gone */
    }
    fleet_set_config(d->fleet, config);
    app_credentials_set_config(d->credentials, config);
    pipeline_set_config(d->pipeline, config);
    dispatch_pump_soon(d);
}

void dispatch_status(const struct dispatch *d, struct dispatch_status *out)
{
    *out = (struct dispatch_status){.worker = d->worker,
                                    .draining = d->draining,
                                    .in_flight = pipeline_flights(d->pipeline),
                                    .lanes = d->config->nqueues};
}

bool dispatch_may_claim(const struct dispatch *d)
{
    return claims_may(d);
}

void dispatch_lane(const struct dispatch *d, size_t i, struct dispatch_lane *out)
{
    const struct lane *lane = &d->lanes[i];
    *out = (struct dispatch_lane){.queue = lane->queue,
                                  .why = redis_why(lane->cmd),
                                  .aside = lane->aside.on ? queue_refusal(lane->queue) : NULL,
                                  .up = redis_is_up(lane->cmd),
                                  .open = lane->open,
                                  .claimed_ms = lane->claimed_ms,
                                  .dropped_ms = lane->dropped_ms};
}

struct queue *dispatch_queue(struct dispatch *d, size_t i)
{
    return d->lanes[i].queue;
}

const struct circuit *dispatch_circuit(const struct dispatch *d, size_t app)
{
    return pipeline_circuit_at(d->pipeline, app);
}

const struct limits *dispatch_limits(const struct dispatch *d)
{
    return fleet_limits(d->fleet);
}

const char *dispatch_own_trouble(const struct dispatch *d, size_t app)
{
    return own_why(fleet_own(d->fleet), app);
}

const char *dispatch_fleet_trouble(const struct dispatch *d)
{
    return fleet_trouble(d->fleet);
}

bool dispatch_has_keys(const struct dispatch *d, size_t app)
{
    struct credentials keys;
    unsigned issue;
    return app_credentials_get(d->credentials, app, &keys, &issue);
}

const char *dispatch_keys_trouble(const struct dispatch *d, size_t app)
{
    return app_credentials_trouble(d->credentials, app);
}
