/* SPDX-License-Identifier: MIT */
#include "worker/ending.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "worker/pipeline_core.h"
#include "worker/tally.h"

static void reply_sent(void *arg, redisReply *reply)
{
    (void)arg; /* best effort: the outcome is in its list already */
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        log_warn("event=reply_to_failed why=%s", log_value(reply ? reply->str : "connection lost"));
}

static void send_reply_to(struct flight *f)
{
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)f->config->reply_ttl_s);
    const char *push[] = {"RPUSH", f->job.reply_to, f->outcome};
    const size_t lens[] = {5, strlen(f->job.reply_to), f->outcome_len};
    const char *expire[] = {"EXPIRE", f->job.reply_to, ttl};
    router_command(f->pipeline->router, 3, push, lens, reply_sent, NULL);
    router_command(f->pipeline->router, 3, expire, NULL, reply_sent, NULL);
}

static void on_finished(void *arg, enum queue_done done)
{
    struct flight *f = arg;
    struct pipeline *p = f->pipeline;
    if (done == QUEUE_STALE) {
        metrics_add(METRIC_JOBS_STALE, 1);
        log_warn("event=finish_stale id=%s", log_value(f->env.uid));
    } else {
        tally_end(f);
        if (f->outcome)
            send_reply_to(f);
    }
    pipeline_drop(p, f);
    p->freed(p->arg);
}

static void finish(struct flight *f, struct queue_end *end)
{
    end->bytes = f->bytes;
    end->len = f->oversize ? 0 : f->len;
    end->crashes = f->crashes;
    f->end = end->kind;
    if (f->probe && end->kind != END_SENT && f->app) {
        enum circuit_state before = pipeline_circuit(f)->state;
        circuit_probe_lost(pipeline_circuit(f));
        circuits_report(f->pipeline->circuits, pipeline_app(f), before, true, "", 0);
    }
    pipeline_move(f, FLIGHT_FINISHING);
    queue_finish(f->lease, f->pos, end, on_finished, f);
}

static void finish_with_outcome(struct flight *f, struct queue_end *end, enum reason reason,
                                bool maybe_sent, const char *text)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    f->end = end->kind;
    flight_write_outcome(f, reason, maybe_sent, text, f->pipeline->worker,
                         queue_lease_now_ms(f->lease), out);
    end->outcome = buf_text(out);
    end->outcome_len = out->len;
    if (f->job.reply_to) {
        f->outcome = mem_dup(end->outcome, end->outcome_len);
        f->outcome_len = end->outcome_len;
    }
    finish(f, end);
}

void ending_sent(struct flight *f)
{
    log_info("event=job_sent id=%s app=%s code=%s parts=%zu attempts=%lld crashes=%u "
             "message_id=%s request_id=%s traceparent=%s",
             log_value(f->env.uid), log_value(f->app->app.name), log_value(f->job.code),
             f->env.npushes, (long long)f->env.attempts, f->crashes, log_value(f->last.message_id),
             log_value(f->last.request_id), log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_SENT};
    f->sent_at_ms = queue_lease_now_ms(f->lease);
    f->has_reply = false;
    finish_with_outcome(f, &end, REASON_NONE, false, NULL);
}

void ending_duplicate(struct flight *f)
{
    log_info("event=job_duplicate id=%s app=%s code=%s traceparent=%s", log_value(f->env.uid),
             log_value(f->app->app.name), log_value(f->job.code), log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_DUPLICATE};
    finish_with_outcome(f, &end, REASON_NONE, false, NULL);
}

void ending_dead(struct flight *f, enum reason reason, bool maybe_sent, const char *text)
{
    maybe_sent |= f->env.given_up;
    log_warn("event=job_dead id=%s reason=%s maybe_sent=%s attempts=%lld crashes=%u code=%s "
             "error=%s request_id=%s why=%s",
             log_value(f->env.uid), reason_name(reason), maybe_sent ? "true" : "false",
             (long long)f->env.attempts, f->crashes, log_value(f->job.code),
             log_value(f->has_reply ? f->last.code : NULL),
             log_value(f->has_reply ? f->last.request_id : NULL), log_value(text));
    struct queue_end end = {.kind = END_DEAD};
    f->reason = reason;
    finish_with_outcome(f, &end, reason, maybe_sent, text);
}

static void finish_with_envelope(struct flight *f, struct queue_end *end)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    envelope_write(&f->env, out);
    end->envelope = buf_text(out);
    end->envelope_len = out->len;
    finish(f, end);
}

void ending_retry(struct flight *f, int64_t at_ms)
{
    log_debug("event=job_retry id=%s class=%s code=%s attempts=%lld at=%lld", log_value(f->env.uid),
              reply_class_name(f->last.class), log_value(f->last.code), (long long)f->env.attempts,
              (long long)at_ms);
    struct queue_end end = {.kind = END_RETRY, .at_ms = at_ms};
    finish_with_envelope(f, &end);
}

void ending_park(struct flight *f)
{
    struct queue_end end = {.kind = END_PARK, .app = f->app->app.name};
    finish_with_envelope(f, &end);
}

/* Not begun, or not to be begun now: as raw bytes when nothing is known of it that they don't say.
 */
void ending_back(struct flight *f)
{
    const struct envelope *v = &f->env;
    bool raw =
        f->oversize || (!f->looked_up && !v->first_sent_ms && !v->attempts && !v->throttles &&
                        !v->npushes && !v->history && !v->gen && !f->crashes);
    struct queue_end end = {.kind = END_RETURN};
    if (raw)
        finish(f, &end);
    else
        ending_retry(f, queue_lease_now_ms(f->lease));
}
