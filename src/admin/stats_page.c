/* SPDX-License-Identifier: MIT */
#include "admin/stats_page.h"

#include <string.h>

#include "base/metrics.h"

static void put_key(struct buf *out, const char *name, const char *drop)
{
    char last = out->len ? buf_text(out)[out->len - 1] : '{';
    if (last != '{' && last != '[')
        buf_putc(out, ',');
    size_t skip = strncmp(name, drop, strlen(drop)) == 0 ? strlen(drop) : 0;
    buf_json(out, name + skip, strlen(name + skip));
    buf_putc(out, ':');
}

static void put_stat_int(struct buf *out, const char *name, int64_t value)
{
    put_key(out, name, "");
    if (value == METRIC_ABSENT)
        buf_puts(out, "null");
    else
        buf_int(out, value);
}

static void put_stat_text(struct buf *out, const char *name, const char *value)
{
    put_key(out, name, "");
    buf_json_or_null(out, value);
}

static void put_stat_bool(struct buf *out, const char *name, bool value)
{
    put_key(out, name, "");
    buf_puts(out, value ? "true" : "false");
}

static void open_as(struct buf *out, const char *name, const char *bracket)
{
    put_key(out, name, "");
    buf_puts(out, bracket);
}

/* An object of an array. */
static void open_next(struct buf *out)
{
    buf_puts(out, buf_text(out)[out->len - 1] == '[' ? "{" : ",{");
}

static void put_counters(struct buf *out)
{
    open_as(out, "counters", "{");
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        if (metrics_is_counter((enum metric)i) && i != METRIC_PROCESS_CPU) {
            put_key(out, metrics_title((enum metric)i), "pushbridge_");
            buf_int(out, metrics_get((enum metric)i));
        }
    buf_putc(out, '}');
}

static void put_rates(struct buf *out, const struct rates *r)
{
    open_as(out, "rates_1m", "{");
    for (size_t i = 0; i < RATES_N; i++) {
        put_key(out, metrics_title(rates_metrics[i]), "pushbridge_");
        buf_printf(out, "%.3f", rates_per_s(r, i));
    }
    buf_putc(out, '}');
}

static void put_circuits(struct buf *out, const struct monitor *m)
{
    const struct config *c = monitor_config(m);
    open_as(out, "circuits", "[");
    for (size_t i = 0; i < c->napps; i++) {
        const struct circuit *circuit = dispatch_circuit(monitor_dispatch(m), i);
        bool closed = circuit->state == CIRCUIT_CLOSED;
        open_next(out);
        put_stat_text(out, "app", c->apps[i].app.name);
        put_stat_text(out, "state", circuit_state_name(circuit->state));
        put_stat_text(out, "why", closed ? NULL : circuit->why);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static void put_queues(struct buf *out, const struct monitor *m)
{
    static const struct {
        const char *name;
        enum metric metric;
    } members[] = {
        {"ready", METRIC_QUEUE_READY},     {"oldest_age_ms", METRIC_QUEUE_OLDEST},
        {"inbox", METRIC_QUEUE_INBOX},     {"leased", METRIC_QUEUE_LEASED},
        {"delayed", METRIC_QUEUE_DELAYED}, {"parked", METRIC_QUEUE_PARKED},
        {"results", METRIC_QUEUE_RESULTS}, {"dead", METRIC_QUEUE_DEAD},
        {"workers", METRIC_WORKERS_ALIVE},
    };
    const struct config *c = monitor_config(m);
    open_as(out, "queues", "[");
    for (size_t i = 0; i < c->nqueues; i++) {
        open_next(out);
        struct dispatch_lane lane;
        dispatch_lane(monitor_dispatch(m), i, &lane);
        put_stat_text(out, "name", c->queue_names[i]);
        put_stat_text(out, "aside", lane.aside);
        unsigned label = metrics_find(SET_QUEUE, c->queue_names[i]);
        for (size_t k = 0; k < sizeof members / sizeof members[0]; k++)
            put_stat_int(out, members[k].name, metrics_get_at(members[k].metric, label, 0));
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

void stats_write(const struct monitor *m, struct buf *out)
{
    struct dispatch_status s;
    dispatch_status(monitor_dispatch(m), &s);
    buf_putc(out, '{');
    put_stat_text(out, "version", metrics_value(SET_VERSION, 0));
    put_stat_text(out, "worker", s.worker);
    put_stat_int(out, "uptime_ms", monitor_uptime_ms(m));
    put_stat_bool(out, "ready", monitor_is_ready(m));
    put_stat_bool(out, "draining", s.draining);
    put_stat_int(out, "in_flight", (int64_t)s.in_flight);
    put_stat_text(out, "config_digest", monitor_config(m)->digest);
    put_stat_int(out, "rss_anon_bytes", metrics_get_at(METRIC_MEMORY_ANON, 0, 0));
    put_stat_int(out, "held_bytes", metrics_get(METRIC_JOBS_HELD_BYTES));
    put_stat_int(out, "held_bytes_max", metrics_get(METRIC_JOBS_HELD_BYTES_MAX));
    put_stat_bool(out, "memory_full", metrics_get(METRIC_MEMORY_FULL) == 1);
    put_stat_int(out, "rss_bytes", metrics_get_at(METRIC_PROCESS_RSS, 0, 0));
    put_stat_int(out, "open_fds", metrics_get_at(METRIC_PROCESS_FDS, 0, 0));
    put_counters(out);
    put_rates(out, monitor_rates(m));
    put_circuits(out, m);
    put_queues(out, m);
    buf_puts(out, "}\n");
}
