/* SPDX-License-Identifier: MIT */
#include "job/outcome.h"

#include <string.h>

#include "base/chars.h"
#include "base/text.h"
#include "base/visible.h"
#include "job/job_json.h"

enum { NAME_MAX_BYTES = 256, META_MAX = 8 * 1024 };

/* A member's name comes with its separator, so that each costs one append. */
#define put_name(out, literal) buf_add(out, literal, sizeof(literal) - 1)

/* A job may call what it likes so, at any length; those that there are are short. */
static void put_short(struct buf *out, const char *text)
{
    if (text)
        buf_json(out, text, chars_cut(text, strlen(text), NAME_MAX_BYTES));
    else
        put_name(out, "null");
}

static void put_known(struct buf *out, const char *text)
{
    buf_json_or_null(out, text && *text ? text : NULL);
}

static void put_meta(const struct outcome *o, struct buf *out)
{
    if (!o->meta)
        return;
    struct buf text;
    buf_init(&text, META_MAX);
    job_json_dump(o->meta, &text);
    put_name(out, ",\"meta\":");
    visible_json(out, buf_text(&text), text.len);
    buf_free(&text);
}

static void put_traceparent(const struct outcome *o, struct buf *out)
{
    if (!o->traceparent)
        return;
    put_name(out, ",\"traceparent\":");
    buf_json_or_null(out, o->traceparent);
}

static void put_identity(const struct outcome *o, struct buf *out)
{
    put_name(out, "{\"id\":");
    buf_json_or_null(out, o->id);
    put_name(out, ",\"app\":");
    put_short(out, o->app);
    put_name(out, ",\"code\":");
    put_short(out, o->code);
}

static void put_outcome_pushes(const struct outcome *o, size_t n, struct buf *out)
{
    put_name(out, ",\"pushes\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ',');
        put_name(out, "{\"message_id\":");
        buf_json_or_null(out, o->pushes[i].message_id);
        put_name(out, ",\"request_id\":");
        buf_json_or_null(out, o->pushes[i].request_id);
        put_name(out, ",\"part\":");
        buf_int(out, o->pushes[i].part);
        if (o->call) {
            put_name(out, ",\"task\":");
            buf_int(out, o->task);
        }
        if (o->pushes[i].app) {
            put_name(out, ",\"app\":");
            buf_json_or_null(out, o->pushes[i].app);
        }
        buf_putc(out, '}');
    }
    put_name(out, "],\"attempts\":");
    buf_int(out, o->attempts);
    put_name(out, ",\"crashes\":");
    buf_int(out, o->crashes);
}

static void put_times(const struct outcome *o, struct buf *out)
{
    put_name(out, ",\"claimed_at\":");
    buf_int(out, o->claimed_at_ms);
    put_name(out, ",\"done_at\":");
    buf_int(out, o->done_at_ms);
}

static void put_worker(const struct outcome *o, struct buf *out)
{
    put_name(out, ",\"worker\":");
    buf_json_or_null(out, o->worker);
}

static void put_error(const struct outcome *o, struct buf *out)
{
    const struct reply *r = o->error;
    put_name(out, ",\"error\":{\"code\":");
    put_known(out, r ? r->code : NULL);
    put_name(out, ",\"message\":");
    put_known(out, o->error_message ? o->error_message : r ? r->message : NULL);
    put_name(out, ",\"http_status\":");
    if (r && r->http_status)
        buf_int(out, r->http_status);
    else
        put_name(out, "null");
    put_name(out, ",\"request_id\":");
    put_known(out, r ? r->request_id : NULL);
    buf_putc(out, '}');
}

/* Else in base64: what is no UTF-8, and what escapes would make more than twice as long. */
static bool reads_as_text(const char *bytes, size_t len)
{
    return text_is_utf8(bytes, len) && buf_json_len(bytes, len) <= OUTCOME_JOB_FACTOR * len + 2;
}

static void put_job(const struct outcome *o, struct buf *out)
{
    const char *bytes = o->bytes ? o->bytes : "";
    if (o->job_ref) {
        put_name(out, ",\"job_ref\":");
        buf_json_or_null(out, o->job_ref);
    } else if (reads_as_text(bytes, o->len)) {
        put_name(out, ",\"job\":");
        buf_json(out, bytes, o->len);
    } else {
        put_name(out, ",\"job_b64\":\"");
        text_base64(out, bytes, o->len);
        buf_putc(out, '"');
    }
}

static void put_sent(const struct outcome *o, struct buf *out)
{
    bool timed = o->enqueued_at_ms != JOB_ABSENT;
    if (o->duplicate)
        put_name(out, ",\"status\":\"duplicate\"");
    else
        put_name(out, ",\"status\":\"sent\"");
    put_outcome_pushes(o, o->duplicate ? 0 : o->npushes, out);
    if (o->overlap)
        put_name(out, ",\"overlap\":true");
    if (timed) {
        put_name(out, ",\"enqueued_at\":");
        buf_int(out, o->enqueued_at_ms);
    }
    put_times(o, out);
    if (timed) {
        /* The producer's clock may be ahead of Redis'. */
        int64_t latency_ms = o->done_at_ms - o->enqueued_at_ms;
        put_name(out, ",\"latency_ms\":");
        buf_int(out, latency_ms > 0 ? latency_ms : 0);
    }
    put_worker(o, out);
    put_meta(o, out);
    put_traceparent(o, out);
}

/* What a replay needs: several queues may share one list of dead letters. */
static void put_origin(const struct outcome *o, struct buf *out)
{
    if (o->queue) {
        put_name(out, ",\"queue\":");
        buf_json_or_null(out, o->queue);
    }
    if (o->gen) {
        put_name(out, ",\"gen\":");
        buf_int(out, o->gen);
    }
    if (o->call) {
        put_name(out, ",\"call\":");
        buf_json_or_null(out, o->call);
        put_name(out, ",\"task\":");
        buf_int(out, o->task);
    }
}

static void put_dead(const struct outcome *o, struct buf *out)
{
    put_name(out, ",\"status\":\"dead\",\"reason\":\"");
    buf_puts(out, reason_name(o->reason));
    put_name(out, "\",\"maybe_sent\":");
    buf_puts(out, o->maybe_sent ? "true" : "false");
    put_error(o, out);
    put_outcome_pushes(o, o->npushes, out);
    put_times(o, out);
    put_worker(o, out);
    put_meta(o, out);
    put_traceparent(o, out);
    if (o->history) {
        put_name(out, ",\"history\":");
        visible_json(out, o->history, strlen(o->history));
    }
    put_origin(o, out);
    if (o->begun)
        begun_write(o->begun, out);
    put_job(o, out);
}

void outcome_write(const struct outcome *o, struct buf *out)
{
    put_identity(o, out);
    if (o->reason == REASON_NONE)
        put_sent(o, out);
    else
        put_dead(o, out);
    buf_putc(out, '}');
}
