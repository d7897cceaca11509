/* SPDX-License-Identifier: MIT */
#include "worker/heartbeat.h"

#include "base/metrics.h"

enum { STRETCH_MS = 5000 };

void heartbeat_init(struct heartbeat *h, int64_t wall_ms, int64_t mono_ms)
{
    *h = (struct heartbeat){.started_ms = wall_ms, .since_ms = mono_ms, .before_ms = mono_ms};
}

static double rate(struct heartbeat *h, int64_t sent, int64_t now_ms)
{
    if (now_ms - h->since_ms >= STRETCH_MS) {
        h->before_ms = h->since_ms;
        h->before_sent = h->since_sent;
        h->since_ms = now_ms;
        h->since_sent = sent;
    }
    int64_t ms = now_ms - h->before_ms;
    return ms > 0 ? (double)(sent - h->before_sent) * 1000 / (double)ms : 0;
}

static void put_beat_text(struct buf *out, const char *name, int64_t value)
{
    buf_puts(out, name);
    buf_int(out, value);
}

void heartbeat_write(struct heartbeat *h, const struct pipeline *p, const char *more,
                     int64_t mono_ms, struct buf *out)
{
    int64_t sent = metrics_get(METRIC_JOBS_SENT);
    put_beat_text(out, "{\"started\":", h->started_ms);
    put_beat_text(out, ",\"sent\":", sent);
    put_beat_text(out, ",\"dead\":", metrics_get(METRIC_JOBS_DEAD));
    put_beat_text(out, ",\"calls\":", metrics_get(METRIC_CALLS_SENT));
    put_beat_text(out, ",\"in_flight\":", metrics_get(METRIC_JOBS_IN_FLIGHT));
    buf_printf(out, ",\"rate\":%.1f", rate(h, sent, mono_ms));
    pipeline_write_circuits(p, out);
    buf_puts(out, more);
    buf_putc(out, '}');
}
