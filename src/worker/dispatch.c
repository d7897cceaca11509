/* SPDX-License-Identifier: MIT */
#include "worker/dispatch.h"

#include <event2/dns.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "worker/heartbeat.h"
#include "worker/share.h"

enum {
    CLAIM_MAX = 128,
    HELD_MAX = 4096, /* jobs, however few calls they make */
    CLAIM_SLOW_MS = 200,
    WATCHDOG_MS = 15000,
    ALARM_MS = 30000,
    SWEEP_MS = 1000,
    SWEEP_MAX = 64,
    WORKER_NAME_SIZE = 128,
    STAT_MAX = 16384
};

/* One queue as the dispatcher serves it. */
struct lane {
    struct dispatch *d;
    struct redis *cmd, *wait; /* cmd: its own in a cluster, else the one of all */
    struct queue *queue;
    char *results, *dead;
    bool open;                        /* schema checked on the live connection */
    bool maybe_ready;                 /* the last claim came back full, or something woke us */
    unsigned asked;                   /* by the last claim */
    const struct config *asked_under; /* the configuration of the claim that is out; held */
    bool got;                         /* the claim that is out has brought jobs */
    bool left;                        /* its inbox is emptied: the last step of a drain */
    unsigned reserved;                /* credits that a claim under way may use up */
    int64_t asked_ms;                 /* since when */
    bool alone;            /* that claim may bring a suspect (I4): no other goes beside it */
    bool suspect;          /* and has brought one */
    int64_t claimed_ms;    /* as dispatch_lane shows it */
    int64_t next_alarm_ms; /* when the dead letters are counted next */
    int64_t next_sweep_ms; /* when parked jobs are looked at next */
    bool alarmed;
};

struct dispatch {
    struct event_base *base;
    const struct config *config;
    char worker[WORKER_NAME_SIZE];
    struct redis *cmd; /* NULL in a cluster */
    struct router *router;
    struct sender *sender;
    struct keyring *keyring;
    struct fleet *fleet;
    struct pipeline *pipeline;
    struct heartbeat heartbeat;
    struct lane *lanes;
    size_t turn; /* fair: the lane that is served first */
    struct event *tick, *extend, *pump, *drain_timer;
    bool backlog; /* the last claim came back full */
    bool alone;   /* a suspect (I4) is being tried, or waits until nothing else is held */
    int64_t last_claim_ms, dropped_ms; /* what the watchdog looks at; when it bit */
    bool draining, leaving, until_empty, counting, ended;
    size_t counts_due;
    int64_t counted_jobs;
    bool counts_ok;
    dispatch_end_fn fn;
    void *arg;
};

static void pump_soon(struct dispatch *d)
{
    event_active(d->pump, EV_TIMEOUT, 0);
}

static void on_freed(void *arg)
{
    pump_soon(arg);
}

static void end(struct dispatch *d, enum dispatch_end how, const char *why)
{
    if (d->ended)
        return;
    d->ended = true;
    d->fn(d->arg, how, why);
}

/* --- claiming -------------------------------------------------------------------------------- */

/* While jobs are plenty some are claimed ahead, so that a large claim never leaves a call slot
 * empty; when they are few, what one worker cannot send now is another's. */
static size_t claim_ahead(const struct dispatch *d)
{
    size_t limit = (size_t)d->config->concurrency;
    return !d->backlog ? 0 : limit < CLAIM_MAX ? limit : CLAIM_MAX;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Jobs whose end is on its way to Redis use no call, those that share one use one; their number is
 * bounded all the same. */
static unsigned room(const struct dispatch *d)
{
    const struct pipeline *p = d->pipeline;
    size_t limit = (size_t)d->config->concurrency + claim_ahead(d);
    bool shared = pipeline_jobs(p, 1) > 1;
    size_t held_max = shared && 2 * limit < HELD_MAX ? HELD_MAX : 2 * limit;
    size_t busy = pipeline_busy(p), held = pipeline_flights(p);
    if (busy >= limit || held >= held_max)
        return 0;
    size_t n = least(pipeline_jobs(p, limit - busy), held_max - held);
    return (unsigned)least(n, shared ? SHARE_CLAIM_MAX : CLAIM_MAX);
}

/* What claims under way may bring is spoken for. */
static unsigned less_reserved(const struct dispatch *d, unsigned n)
{
    for (size_t i = 0; i < d->config->nqueues; i++)
        n -= d->lanes[i].reserved < n ? d->lanes[i].reserved : n;
    return n;
}

/* Jobs that could be sent at once: nothing is claimed while all is paused or without a token. */
static unsigned offered(const struct dispatch *d)
{
    if (fleet_paused(d->fleet))
        return 0;
    size_t n = room(d), calls = pipeline_calls(d->pipeline, n);
    return (unsigned)least(n, pipeline_jobs(d->pipeline, flow_offer(fleet_flow(d->fleet), calls)));
}

static unsigned credits(const struct dispatch *d)
{
    return less_reserved(d, offered(d));
}

/* A claim per freed credit would cost a script each, unless idle. Tokens come in lots that are
 * worth one. */
static bool worth_a_claim(const struct dispatch *d, unsigned n)
{
    size_t limit = (size_t)d->config->concurrency;
    size_t quarter = limit / 4 < CLAIM_MAX / 4 ? limit / 4 : CLAIM_MAX / 4;
    size_t enough = d->backlog ? claim_ahead(d) / 2 : quarter;
    return n && (n >= enough || pipeline_busy(d->pipeline) == 0 ||
                 (n < less_reserved(d, room(d)) && !flow_asking(fleet_flow(d->fleet))));
}

static void on_claim(void *arg, const struct queue_claim *claim, int done)
{
    struct lane *lane = arg;
    struct dispatch *d = lane->d;
    if (claim) {
        lane->suspect |= claim->suspect;
        lane->got = true;
        pipeline_take(d->pipeline, claim, lane->queue, lane->asked_under);
        return;
    }
    lane->reserved = 0;
    if (d->config->wait_replicas)
        pipeline_tick(d->pipeline); /* its replicas have it now, or it goes back */
    config_drop(lane->asked_under);
    lane->asked_under = NULL;
    d->backlog = done >= 0 && (unsigned)done >= lane->asked;
    d->alone = (d->alone && !lane->alone) || lane->suspect || queue_suspects(lane->queue);
    lane->alone = lane->suspect = false;
    if (done != -1) {
        lane->claimed_ms = d->last_claim_ms = clock_mono_ms();
        d->dropped_ms = 0;
    }
    /* Waiting jobs that became due may be more than were asked for: a replay brings many. */
    if ((done == 0 && !lane->got && !d->alone) || done < -1)
        lane->maybe_ready = false;
    lane->got = false;
    if (done == -2) {
        metrics_add(METRIC_PARKED_FULL, 1);
        log_debug("event=parked_full queue=%s", log_value(queue_name(lane->queue)));
    }
    pump_soon(d);
}

/* False when there is nothing to claim for: every app's circuit is open and no probe is due. */
static bool claim(struct lane *lane, unsigned n, bool alone)
{
    struct queue_drain drains[CONFIG_APPS_MAX];
    bool probe;
    size_t ndrains = pipeline_drainable(lane->d->pipeline, n, drains, &probe);
    if (pipeline_all_open(lane->d->pipeline)) {
        if (!probe)
            return false;
        n = 1;
    }
    lane->asked = n;
    lane->reserved = n;
    lane->alone = alone;
    lane->asked_ms = clock_mono_ms();
    lane->asked_under = config_hold(lane->d->config);
    queue_claim(lane->queue, n, drains, ndrains, alone, on_claim, lane);
    return true;
}

static void on_wait(void *arg, bool moved)
{
    struct lane *lane = arg;
    if (moved)
        lane->maybe_ready = true;
    pump_soon(lane->d);
}

/* Lanes that would claim now. */
static unsigned takers(const struct dispatch *d)
{
    unsigned n = 0;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        const struct lane *lane = &d->lanes[i];
        n += lane->open && lane->maybe_ready && !queue_claiming(lane->queue);
    }
    return n;
}

/* What a lane may ask for: by priority all there is, else an equal part for each that has work. */
static unsigned share(const struct dispatch *d)
{
    unsigned n = credits(d), among = d->config->serve_fair ? takers(d) : 1;
    return (n + among - 1) / among;
}

/* False when those after it in priority must wait. A claim that hangs holds up nobody. */
static bool serve(struct lane *lane, bool worth)
{
    struct dispatch *d = lane->d;
    if (!lane->open)
        return true;
    if (queue_claiming(lane->queue))
        return clock_mono_ms() - lane->asked_ms > CLAIM_SLOW_MS;
    unsigned n = lane->maybe_ready && worth ? share(d) : 0;
    if (n && claim(lane, n, false)) {
        d->turn = (size_t)(lane - d->lanes) + 1;
        return false;
    }
    bool stopped = pipeline_all_open(d->pipeline);
    if (lane->maybe_ready && !stopped)
        return false; /* credits come back soon */
    if (room(d) && !fleet_paused(d->fleet) && !queue_waiting(lane->queue) && !stopped)
        queue_wait(lane->queue, on_wait, lane);
    return true;
}

/* Whether no job is held and none may be on its way here. */
static bool holds_nothing(const struct dispatch *d)
{
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_claiming(d->lanes[i].queue) && d->lanes[i].open)
            return false;
    return pipeline_flights(d->pipeline) == 0;
}

/* The claim of a suspect, with nothing beside it. */
static bool claim_suspect(struct dispatch *d)
{
    for (size_t i = 0; i < d->config->nqueues; i++) {
        struct lane *lane = &d->lanes[i];
        if (lane->open && !queue_claiming(lane->queue) && queue_suspects(lane->queue) &&
            claim(lane, credits(d), true))
            return true;
    }
    return false;
}

/* Strict priority: a queue is asked only when those before it have nothing ready. Fair: all are,
 * and the turn goes round. */
static void claim_round(struct dispatch *d)
{
    if (d->alone && !holds_nothing(d))
        return;
    if (d->alone && claim_suspect(d))
        return;
    d->alone = false;
    bool fair = d->config->serve_fair, worth = takers(d) && worth_a_claim(d, credits(d));
    size_t n = d->config->nqueues, first = fair ? d->turn : 0;
    for (size_t i = 0; i < n; i++)
        if (!serve(&d->lanes[(first + i) % n], worth) && !fair)
            return;
}

/* --- draining -------------------------------------------------------------------------------- */

static bool drained(const struct dispatch *d)
{
    if (pipeline_flights(d->pipeline))
        return false;
    for (size_t i = 0; i < d->config->nqueues; i++) {
        const struct lane *lane = &d->lanes[i];
        if (queue_claiming(lane->queue) || queue_waiting(lane->queue) ||
            queue_unconfirmed(lane->queue))
            return false;
    }
    return true;
}

static void on_left(void *arg, enum queue_done done)
{
    (void)done;
    struct lane *lane = arg;
    lane->left = true;
    pump_soon(lane->d);
}

static void drain_step(struct dispatch *d)
{
    if (!drained(d))
        return;
    if (!d->leaving) {
        d->leaving = true;
        for (size_t i = 0; i < d->config->nqueues; i++)
            queue_leave(d->lanes[i].queue, on_left, &d->lanes[i]);
        return;
    }
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (!d->lanes[i].left)
            return;
    end(d, DISPATCH_DRAINED, "drained");
}

static void on_drain_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    end(arg, DISPATCH_LEFT_OVER, "worker.drain_ms is up");
}

static void cancel_waits(struct dispatch *d)
{
    for (size_t i = 0; i < d->config->nqueues; i++)
        if (queue_waiting(d->lanes[i].queue))
            queue_wait_cancel(d->lanes[i].queue);
}

static struct timeval ms_to_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

void dispatch_drain(struct dispatch *d)
{
    if (d->draining)
        return;
    d->draining = true;
    log_info("event=drain_begin in_flight=%zu", pipeline_flights(d->pipeline));
    struct timeval limit = ms_to_timeval(d->config->drain_ms);
    evtimer_add(d->drain_timer, &limit);
    cancel_waits(d);
    pipeline_drain(d->pipeline);
    pump_soon(d);
}

static void on_pump(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct dispatch *d = arg;
    if (d->draining)
        drain_step(d);
    else
        claim_round(d);
}

/* --- until empty ----------------------------------------------------------------------------- */

static void on_counts(void *arg, const struct queue_counts *c)
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
        queue_count(d->lanes[i].queue, on_counts, d);
}

/* --- the clockwork --------------------------------------------------------------------------- */

/* Neither a claim that is not answered nor waiting for Redis to say whether there are tokens is an
 * excuse for not claiming. */
static bool may_claim(struct dispatch *d)
{
    return !d->alone && !fleet_paused(d->fleet) && !pipeline_all_open(d->pipeline) &&
           (worth_a_claim(d, offered(d)) || (room(d) && flow_asking(fleet_flow(d->fleet))));
}

/* Every tick with credits ends in a claim of some queue; when none is answered for long, the
 * connections are not what they seem. */
static void watch(struct dispatch *d)
{
    int64_t now = clock_mono_ms();
    if (!may_claim(d))
        d->last_claim_ms = now;
    if (now - d->last_claim_ms < WATCHDOG_MS)
        return;
    d->last_claim_ms = now;
    d->dropped_ms = now;
    metrics_add(METRIC_WATCHDOG_DROPS, 1);
    log_warn("event=watchdog_drop");
    for (size_t i = 0; i < d->config->nqueues; i++) {
        if (i == 0 || !d->cmd)
            redis_drop(d->lanes[i].cmd, "watchdog");
        redis_drop(d->lanes[i].wait, "watchdog");
    }
}

static void on_dead_count(void *arg, const struct queue_counts *c)
{
    struct lane *lane = arg;
    int64_t limit = lane->d->config->dead_warn;
    bool many = c->ok && limit && c->dead_list >= limit;
    if (many && !lane->alarmed)
        log_error("event=dead_letters_many list=%s length=%lld limit=%lld", log_value(lane->dead),
                  (long long)c->dead_list, (long long)limit);
    if (c->ok)
        lane->alarmed = many;
}

/* Dead letters are never trimmed, so somebody must be told when they pile up. */
static void watch_dead(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    if (now < lane->next_alarm_ms)
        return;
    lane->next_alarm_ms = now + ALARM_MS;
    queue_count(lane->queue, on_dead_count, lane);
}

static void on_swept(void *arg, const struct queue_claim *claim, int done)
{
    (void)done;
    struct lane *lane = arg;
    if (claim) {
        pipeline_take(lane->d->pipeline, claim, lane->queue, lane->asked_under);
        return;
    }
    config_drop(lane->asked_under);
    lane->asked_under = NULL;
    pump_soon(lane->d);
}

/* Deadlines of parked jobs pass also while nothing of their app is sent. They go round: the parked
 * list's head is taken, and what has time left is parked again behind the others. */
static void sweep(struct lane *lane)
{
    struct dispatch *d = lane->d;
    struct queue_drain drains[CONFIG_APPS_MAX];
    int64_t now = clock_mono_ms();
    if (d->alone || queue_claiming(lane->queue) || now < lane->next_sweep_ms)
        return;
    size_t n = pipeline_sweepable(d->pipeline, SWEEP_MAX, drains);
    if (!n)
        return;
    lane->next_sweep_ms = now + SWEEP_MS;
    lane->asked_ms = now;
    lane->asked_under = config_hold(d->config);
    queue_claim(lane->queue, 0, drains, n, false, on_swept, lane);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct dispatch *d = arg;
    bool open = false;
    pipeline_tick(d->pipeline);
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
            sweep(lane);
        }
    }
    if (open && !d->draining)
        watch(d);
    if (d->draining)
        cancel_waits(d); /* one that was armed as the drain began */
    if (d->until_empty)
        check_empty(d);
    pump_soon(d);
}

static void on_extend(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct dispatch *d = arg;
    struct buf stat;
    buf_init(&stat, STAT_MAX);
    heartbeat_write(&d->heartbeat, d->pipeline, clock_mono_ms(), &stat);
    for (size_t i = 0; i < d->config->nqueues; i++) {
        queue_set_stat(d->lanes[i].queue, buf_ok(&stat) ? buf_text(&stat) : NULL);
        if (d->lanes[i].open)
            queue_extend(d->lanes[i].queue);
    }
    buf_free(&stat);
}

static void on_open(void *arg, bool ok, const char *why)
{
    struct lane *lane = arg;
    lane->open = ok;
    if (!ok) {
        log_error("event=queue_refused queue=%s why=%s", log_value(queue_name(lane->queue)),
                  log_value(why));
        if (why)
            end(lane->d, DISPATCH_UNSUPPORTED, why);
        return;
    }
    lane->maybe_ready = true;
    lane->d->last_claim_ms = clock_mono_ms();
    pump_soon(lane->d);
}

static void on_lane_redis(void *arg, enum redis_state state, const char *why)
{
    struct lane *lane = arg;
    lane->open = false;
    if (state == REDIS_UP && lane == lane->d->lanes)
        fleet_connected(lane->d->fleet);
    if (state == REDIS_UP)
        queue_open(lane->queue, on_open, lane);
    else if (state == REDIS_UNSUPPORTED)
        end(lane->d, DISPATCH_UNSUPPORTED, why);
}

/* Tokens or keys came, a circuit or a pause changed. */
static void on_fleet(void *arg)
{
    struct dispatch *d = arg;
    if (d->ended)
        return;
    if (fleet_paused(d->fleet))
        cancel_waits(d);
    pipeline_tick(d->pipeline);
    for (size_t i = 0; i < d->config->nqueues; i++)
        d->lanes[i].maybe_ready = true; /* jobs may have been parked for want of what came */
    pump_soon(d);
}

static void on_redis(void *arg, enum redis_state state, const char *why)
{
    struct dispatch *d = arg;
    for (size_t i = 0; i < d->config->nqueues; i++)
        on_lane_redis(&d->lanes[i], state, why);
}

static void on_wait_redis(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    struct lane *lane = arg;
    if (state == REDIS_UP)
        pump_soon(lane->d);
}

/* --- construction ---------------------------------------------------------------------------- */

static void name_worker(struct dispatch *d)
{
    char host[64] = "";
    unsigned char random[6];
    char suffix[9];
    gethostname(host, sizeof host - 1);
    for (char *p = host; *p; p++)
        if (*p <= ' ' || *p == ':' || *p >= 0x7F)
            *p = '_';
    clock_random(random, sizeof random);
    text_base64url(random, sizeof random, suffix);
    snprintf(d->worker, sizeof d->worker, "%s-%d-%s", host[0] ? host : "host", (int)getpid(),
             suffix);
}

/* In a cluster to the owner of the queue's slot. */
static struct redis *lane_connect(struct lane *lane, struct evdns_base *dns, const char *kind,
                                  const char *queue, redis_state_fn fn)
{
    struct redis_opts opts = lane->d->config->redis;
    char name[64];
    opts.slot = cluster_slot(queue, strlen(queue));
    snprintf(name, sizeof name, "%s %s", kind, queue);
    return redis_new(lane->d->base, dns, &opts, name, fn, lane);
}

static void lane_init(struct lane *lane, struct dispatch *d, struct evdns_base *dns,
                      const char *name)
{
    const struct config *c = d->config;
    lane->d = d;
    lane->results = config_queue_key(c->queue_results, name);
    lane->dead = config_queue_key(c->queue_dead, name);
    lane->wait = lane_connect(lane, dns, "wait", name, on_wait_redis);
    lane->cmd = d->cmd ? d->cmd : lane_connect(lane, dns, "command", name, on_lane_redis);
    const struct queue_opts opts = {
        .name = name,
        .results = lane->results,
        .dead = lane->dead,
        .worker = d->worker,
        .digest = c->digest,
        .lease_ms = c->lease_ms,
        .idle_wait_s = c->idle_wait_s,
        .results_max = c->results_max,
        .job_max_bytes = c->job_max_bytes,
        .parked_max = c->parked_max,
        .may_forget = c->may_forget,
        .wait_replicas = c->wait_replicas,
        .wait_ms = c->wait_ms,
        .crash_limit = c->crash_limit,
    };
    lane->queue = queue_new(d->base, lane->cmd, lane->wait, &opts);
}

static struct event *timer(struct dispatch *d, int64_t ms, event_callback_fn fn)
{
    struct event *ev = event_new(d->base, -1, EV_PERSIST, fn, d);
    struct timeval tv = ms_to_timeval(ms);
    evtimer_add(ev, &tv);
    return ev;
}

/* What the fleet shares lies on the first queue's slot. */
static struct redis *first_queues_redis(const struct dispatch *d)
{
    return d->lanes[0].cmd;
}

struct dispatch *dispatch_new(struct event_base *base, struct evdns_base *dns,
                              const struct config *config, bool until_empty, dispatch_end_fn fn,
                              void *arg, struct err *e)
{
    struct sender *sender = sender_new(base, config, e);
    if (!sender)
        return NULL;
    struct dispatch *d = mem_zalloc(sizeof *d);
    *d = (struct dispatch){.base = base,
                           .config = config,
                           .sender = sender,
                           .until_empty = until_empty,
                           .fn = fn,
                           .arg = arg};
    name_worker(d);
    heartbeat_init(&d->heartbeat, clock_wall_ms(), clock_mono_ms());
    d->pump = event_new(base, -1, 0, on_pump, d);
    d->drain_timer = evtimer_new(base, on_drain_timer, d);
    d->lanes = mem_zalloc(config->nqueues * sizeof *d->lanes);
    if (config->redis.topology != TOPOLOGY_CLUSTER)
        d->cmd = redis_new(base, dns, &config->redis, "command", on_redis, d);
    for (size_t i = 0; i < config->nqueues; i++)
        lane_init(&d->lanes[i], d, dns, config->queue_names[i]);
    d->router = router_new(base, dns, &config->redis, d->cmd);
    d->fleet = fleet_new(base, config, first_queues_redis(d), d->worker, on_fleet, d);
    d->keyring = keyring_new(base, config, on_fleet, d);
    d->pipeline =
        pipeline_new(config, sender, d->keyring, d->fleet, d->router, d->worker, on_freed, d);
    d->tick = timer(d, config->reap_ms, on_tick);
    d->extend = timer(d, config->extend_ms, on_extend);
    log_info("event=worker_start worker=%s queues=%zu concurrency=%lld", log_value(d->worker),
             config->nqueues, (long long)config->concurrency);
    return d;
}

void dispatch_free(struct dispatch *d)
{
    if (!d)
        return;
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
    for (size_t i = 0; i < d->config->nqueues; i++) {
        queue_free(d->lanes[i].queue);
        config_drop(d->lanes[i].asked_under);
        mem_free(d->lanes[i].results);
        mem_free(d->lanes[i].dead);
    }
    pipeline_free(d->pipeline);
    keyring_free(d->keyring);
    fleet_free(d->fleet);
    event_free(d->tick);
    event_free(d->extend);
    event_free(d->pump);
    event_free(d->drain_timer);
    mem_free(d->lanes);
    mem_free(d);
}

void dispatch_set_config(struct dispatch *d, const struct config *config)
{
    d->config = config;
    for (size_t i = 0; i < config->nqueues; i++)
        queue_set_digest(d->lanes[i].queue, config->digest);
    fleet_set_config(d->fleet, config);
    keyring_set_config(d->keyring, config);
    pipeline_set_config(d->pipeline, config);
    pump_soon(d);
}

size_t dispatch_in_flight(const struct dispatch *d)
{
    return pipeline_flights(d->pipeline);
}

void dispatch_status(const struct dispatch *d, struct dispatch_status *out)
{
    *out = (struct dispatch_status){.worker = d->worker,
                                    .draining = d->draining,
                                    .in_flight = pipeline_flights(d->pipeline),
                                    .lanes = d->config->nqueues};
}

void dispatch_lane(const struct dispatch *d, size_t i, struct dispatch_lane *out)
{
    const struct lane *lane = &d->lanes[i];
    *out = (struct dispatch_lane){.queue = lane->queue,
                                  .why = redis_why(lane->cmd),
                                  .up = redis_is_up(lane->cmd),
                                  .open = lane->open,
                                  .claimed_ms = lane->claimed_ms,
                                  .dropped_ms = lane->d->dropped_ms};
}

const struct circuit *dispatch_circuit(const struct dispatch *d, size_t app)
{
    return pipeline_circuit_at(d->pipeline, app);
}

const char *dispatch_keys_trouble(const struct dispatch *d, size_t app)
{
    return keyring_trouble(d->keyring, app);
}
