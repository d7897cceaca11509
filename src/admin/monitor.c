/* SPDX-License-Identifier: MIT */
#include "admin/monitor.h"

#include <stdio.h>
#include <string.h>

#include "admin/gauges.h"
#include "admin/process.h"
#include "base/chars.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/timer.h"
#include "fleet/limits.h"

enum { TICK_MS = 500, WRITE_EVERY_MS = 1000, START_MS = 2000 };

/* One queue as its watcher knows it. */
struct watched {
    struct queue *queue;
    unsigned label;
    struct ready_lane facts;
};

struct monitor {
    const struct config *config;
    const struct dispatch *dispatch;
    struct timer *tick;
    struct notify *notify;
    struct gauges *gauges;
    struct rates rates;
    struct ready ready;
    int64_t started_ms, started_wall_ms;
    bool judged, told_ready, told_stopping;
    size_t n;
    struct watched lanes[];
};

/* --- the write ------------------------------------------------------------------------------- */

static void on_trial_written(void *arg, const char *error, int64_t took_us)
{
    struct watched *w = arg;
    w->facts.writing = false;
    w->facts.written = true;
    snprintf(w->facts.refusal, sizeof w->facts.refusal, "%s", error ? error : "");
    if (!error)
        metrics_set_at(METRIC_REDIS_RTT, w->label, took_us);
}

static void try_write(struct watched *w, int64_t now_ms)
{
    if (w->facts.writing || (w->facts.wrote_ms && now_ms - w->facts.wrote_ms < WRITE_EVERY_MS))
        return;
    w->facts.writing = true;
    w->facts.wrote_ms = now_ms;
    queue_try_write(w->queue, on_trial_written, w);
}

/* --- looking --------------------------------------------------------------------------------- */

static void look_at_lanes(struct monitor *m, int64_t now_ms)
{
    bool up = true;
    for (size_t i = 0; i < m->n; i++) {
        struct watched *w = &m->lanes[i];
        struct dispatch_lane lane;
        dispatch_lane(m->dispatch, i, &lane);
        w->facts.up = lane.up;
        w->facts.down_why = lane.why;
        w->facts.open = lane.open;
        w->facts.aside = lane.aside;
        w->facts.claimed_ms = lane.claimed_ms;
        w->facts.dropped_ms = lane.dropped_ms;
        up &= lane.up;
        if (lane.claimed_ms)
            metrics_set_at(METRIC_LAST_CLAIM, w->label,
                           clock_wall_ms() - (now_ms - lane.claimed_ms));
    }
    metrics_set(METRIC_REDIS_UP, up);
}

static void look_at_circuits(struct monitor *m)
{
    for (size_t i = 0; i < m->config->napps; i++) {
        static const int64_t shown[] = {
            [CIRCUIT_CLOSED] = 0, [CIRCUIT_PROBING] = 1, [CIRCUIT_OPEN] = 2};
        metrics_set_at(METRIC_CIRCUIT_STATE, m->config->apps[i].label,
                       shown[dispatch_circuit(m->dispatch, i)->state]);
    }
}

static void log_ready(const struct ready *r)
{
    enum ready_check failed = ready_first(r);
    if (failed == READY_CHECKS)
        log_info("event=ready");
    else
        log_at(failed == READY_DRAINING ? LOG_INFO : LOG_WARN, "event=unready check=%s why=%s",
               ready_check_name(failed), log_value(r->why[failed]));
}

static void judge_calls(struct monitor *m)
{
    for (size_t i = 0; i < m->config->napps; i++) {
        const char *why = dispatch_own_trouble(m->dispatch, i);
        if (why)
            ready_note_calls(&m->ready, m->config->apps[i].app.name, why);
    }
}

/* Without keys for any app it can send nothing, whatever others can. */
static void judge_keys(struct monitor *m)
{
    for (size_t i = 0; i < m->config->napps; i++)
        if (dispatch_has_keys(m->dispatch, i))
            return;
    const char *why = m->config->napps ? dispatch_keys_trouble(m->dispatch, 0) : NULL;
    if (why)
        ready_note_keys(&m->ready, m->config->apps[0].app.name, why);
}

static void judge_ready(struct monitor *m, int64_t now_ms)
{
    struct dispatch_status s;
    struct ready_lane lanes[CONFIG_QUEUES_MAX];
    bool before = m->ready.ok;
    dispatch_status(m->dispatch, &s);
    for (size_t i = 0; i < m->n; i++)
        lanes[i] = m->lanes[i].facts;
    ready_judge(lanes, m->n, s.draining, now_ms, &m->ready);
    judge_calls(m);
    judge_keys(m);
    metrics_set(METRIC_READY, m->ready.ok);
    metrics_set(METRIC_DRAINING, s.draining);
    bool starting = !m->judged && !m->ready.ok && now_ms - m->started_ms < START_MS;
    if (starting || (m->judged && before == m->ready.ok))
        return;
    m->judged = true;
    log_ready(&m->ready);
}

/* --- telling systemd ------------------------------------------------------------------------- */

static bool any_claimed(const struct monitor *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->lanes[i].facts.claimed_ms)
            return true;
    return false;
}

static void tell_status(struct monitor *m)
{
    char text[256], why[181];
    enum ready_check failed = ready_first(&m->ready);
    snprintf(why, sizeof why, "%.180s", failed == READY_CHECKS ? "" : m->ready.why[failed]);
    chars_trim(why);
    int n = failed == READY_CHECKS
                ? snprintf(text, sizeof text, "ready")
                : snprintf(text, sizeof text, "not ready: %s: %s", ready_check_name(failed), why);
    size_t open = 0;
    for (size_t i = 0; i < m->config->napps; i++)
        open += dispatch_circuit(m->dispatch, i)->state != CIRCUIT_CLOSED;
    if (open)
        snprintf(text + n, sizeof text - (size_t)n, "; circuits open: %zu of %zu", open,
                 m->config->napps);
    notify_status(m->notify, text);
}

static void tell_systemd(struct monitor *m)
{
    struct dispatch_status s;
    dispatch_status(m->dispatch, &s);
    /* Where nothing may be claimed, that all is well has to be enough. */
    if (!m->told_ready && (any_claimed(m) || (m->ready.ok && !dispatch_may_claim(m->dispatch))))
        m->told_ready = notify_ready(m->notify);
    if (s.draining && !m->told_stopping) {
        m->told_stopping = true;
        notify_stopping(m->notify);
    }
    tell_status(m);
}

/* --- the clockwork --------------------------------------------------------------------------- */

void monitor_look(struct monitor *m)
{
    int64_t now = clock_mono_ms();
    look_at_lanes(m, now);
    for (size_t i = 0; i < m->n; i++)
        try_write(&m->lanes[i], now);
    look_at_circuits(m);
    judge_ready(m, now);
    rates_tick(&m->rates, now);
    gauges_tick(m->gauges, now);
    tell_systemd(m);
}

static void on_monitor_tick(void *arg)
{
    monitor_look(arg);
}

struct monitor *monitor_new(struct event_base *base, const struct config *config,
                            struct dispatch *d)
{
    struct dispatch_status s;
    dispatch_status(d, &s);
    struct monitor *m = mem_zalloc(sizeof *m + s.lanes * sizeof m->lanes[0]);
    m->config = config;
    m->dispatch = d;
    m->n = s.lanes;
    m->started_ms = clock_mono_ms();
    m->started_wall_ms = clock_wall_ms();
    for (size_t i = 0; i < m->n; i++) {
        struct queue *queue = dispatch_queue(d, i);
        const char *name = queue_name(queue);
        m->lanes[i] = (struct watched){
            .queue = queue, .label = metrics_find(SET_QUEUE, name), .facts = {.queue = name}};
    }
    m->notify = notify_new(base);
    m->gauges = gauges_new(d);
    m->tick = timer_new(base, on_monitor_tick, m);
    timer_each(m->tick, TICK_MS);
    return m;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    if (!m->told_stopping)
        notify_stopping(m->notify);
    timer_free(m->tick);
    gauges_free(m->gauges);
    notify_free(m->notify);
    mem_free(m);
}

/* --- for the pages --------------------------------------------------------------------------- */

static void add_degraded(struct buf *out, bool *first, char *text)
{
    chars_trim(text);
    buf_puts(out, *first ? "" : ",");
    buf_json(out, text, strlen(text));
    *first = false;
}

static void write_app_degraded(const struct monitor *m, size_t i, struct buf *out, bool *first)
{
    const struct circuit *c = dispatch_circuit(m->dispatch, i);
    const char *name = m->config->apps[i].app.name;
    const char *keys = dispatch_keys_trouble(m->dispatch, i);
    char text[384];
    if (c->state != CIRCUIT_CLOSED) {
        snprintf(text, sizeof text, "circuit app=%.64s state=%s why=%.90s", name,
                 circuit_state_name(c->state), c->why);
        add_degraded(out, first, text);
    }
    if (keys) {
        snprintf(text, sizeof text, "credentials app=%.64s why=%.256s", name, keys);
        add_degraded(out, first, text);
    }
}

static void write_fleet_degraded(const struct monitor *m, struct buf *out, bool *first)
{
    const char *why = dispatch_fleet_trouble(m->dispatch);
    char text[192];
    if (!why)
        return;
    snprintf(text, sizeof text, "fleet why=%.160s", why);
    add_degraded(out, first, text);
}

bool monitor_write_ready(struct monitor *m, struct buf *out)
{
    bool first = true;
    judge_ready(m, clock_mono_ms());
    ready_write(&m->ready, out);
    buf_puts(out, ",\"degraded\":[");
    for (size_t i = 0; i < m->config->napps; i++)
        write_app_degraded(m, i, out, &first);
    write_fleet_degraded(m, out, &first);
    buf_puts(out, "]}\n");
    return m->ready.ok;
}

static void take_process(const struct monitor *m)
{
    struct process_info p;
    process_read(&p);
    const struct {
        enum metric metric;
        int64_t value;
    } rows[] = {
        {METRIC_PROCESS_RSS, p.rss_bytes},          {METRIC_MEMORY_ANON, p.rss_anon_bytes},
        {METRIC_PROCESS_VSIZE, p.virtual_bytes},    {METRIC_PROCESS_FDS, p.fds},
        {METRIC_PROCESS_MAX_FDS, p.fds_max},        {METRIC_PROCESS_CPU, p.cpu_ms},
        {METRIC_PROCESS_START, m->started_wall_ms},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value >= 0)
            metrics_set(rows[i].metric, rows[i].value);
}

static void take_log(void)
{
    for (unsigned level = LOG_ERROR; level <= LOG_DEBUG; level++)
        metrics_set_at(METRIC_LOG_MESSAGES, level, (int64_t)log_written((enum log_level)level));
    metrics_set(METRIC_LOG_DROPPED, (int64_t)log_dropped());
}

/* What changes with every call is looked at only when somebody asks. */
static void take_worker(const struct monitor *m)
{
    limits_show(dispatch_limits(m->dispatch));
    for (size_t i = 0; i < m->n; i++) {
        struct dispatch_lane lane;
        dispatch_lane(m->dispatch, i, &lane);
        metrics_set_at(METRIC_ENDS_UNCONFIRMED, m->lanes[i].label,
                       (int64_t)queue_unconfirmed(lane.queue));
    }
}

void monitor_scraped(struct monitor *m)
{
    int64_t now = clock_mono_ms();
    gauges_want(m->gauges, now);
    judge_ready(m, now);
    take_worker(m);
    take_process(m);
    take_log();
}

const struct config *monitor_config(const struct monitor *m)
{
    return m->config;
}

const struct dispatch *monitor_dispatch(const struct monitor *m)
{
    return m->dispatch;
}

const struct rates *monitor_rates(const struct monitor *m)
{
    return &m->rates;
}

bool monitor_is_ready(const struct monitor *m)
{
    return m->ready.ok;
}

int64_t monitor_uptime_ms(const struct monitor *m)
{
    return clock_mono_ms() - m->started_ms;
}

/* --- reload ---------------------------------------------------------------------------------- */

void monitor_set_config(struct monitor *m, const struct config *config)
{
    for (size_t i = 0; i < m->config->napps; i++) /* of apps that are gone nothing stays open */
        metrics_set_at(METRIC_CIRCUIT_STATE, m->config->apps[i].label, 0);
    m->config = config;
    look_at_circuits(m);
}

void monitor_reloading(struct monitor *m, bool begins)
{
    if (!m->told_ready)
        return;
    if (begins)
        notify_reloading(m->notify);
    else
        m->told_ready = notify_ready(m->notify); /* not taken: the next look tries again */
}
