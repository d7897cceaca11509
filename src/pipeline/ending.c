/* SPDX-License-Identifier: MIT */
#include "pipeline/ending.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/bundle.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/replies.h"
#include "pipeline/tally.h"

/* An app in trouble is looked at again so much later by a call that cannot be parked, because its
 * jobs must stay together. */
enum { PARK_AGAIN_MS = 5000, ENVELOPES_MAX = 4 << 20 };

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
            replies_send(p->router, f->config, f->job.reply_to, f->outcome, f->outcome_len);
    }
    pipeline_drop(p, f);
    p->freed(p->arg);
}

static void leave_probe(struct flight *f)
{
    if (f->own_probe)
        own_probe_lost(f->pipeline->own);
    f->own_probe = false;
    if (!f->probe || !f->app)
        return;
    enum circuit_state before = pipeline_circuit(f)->state;
    circuit_probe_lost(pipeline_circuit(f));
    circuits_report(f->pipeline->circuits, pipeline_app(f), before, true, "", 0);
}

static void finish(struct flight *f, struct queue_end *end)
{
    end->bytes = f->bytes;
    end->len = f->oversize ? 0 : f->len;
    end->crashes = f->crashes;
    f->end = end->kind;
    if (end->kind != END_SENT)
        leave_probe(f);
    pipeline_move(f, FLIGHT_FINISHING);
    queue_finish(f->lease, f->pos, end, on_finished, f);
}

static void finish_with_outcome(struct flight *f, struct queue_end *end, enum reason reason,
                                bool maybe_sent, const char *text)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    f->end = end->kind;
    if (end->kind == END_DEAD)
        flight_keep_begun(f);
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

static void sent(struct flight *f, bool with_next)
{
    log_info("event=job_sent id=%s app=%s code=%s parts=%zu attempts=%lld crashes=%u "
             "message_id=%s request_id=%s traceparent=%s",
             log_value(f->env.uid), log_value(flight_app_name(f)), log_value(f->job.code),
             f->env.npushes, (long long)f->env.attempts, f->crashes, log_value(f->last.message_id),
             log_value(f->last.request_id), log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_SENT, .with_next = with_next};
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

void ending_sent(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++)
        sent(all[i], i + 1 < n);
}

/* A provider's own words stand in the letter only. */
static const char *why_dead(const struct flight *f, const char *text)
{
    if (text || !f->has_reply)
        return text;
    return f->last.http_status ? reply_class_name(f->last.class) : f->last.message;
}

static void dead(struct flight *f, enum reason reason, bool maybe_sent, const char *text)
{
    maybe_sent |= f->env.given_up;
    log_warn("event=job_dead id=%s reason=%s maybe_sent=%s attempts=%lld crashes=%u code=%s "
             "error=%s request_id=%s why=%s",
             log_value(f->env.uid), reason_name(reason), maybe_sent ? "true" : "false",
             (long long)f->env.attempts, f->crashes, log_value(f->job.code),
             log_value(f->has_reply ? f->last.code : NULL),
             log_value(f->has_reply ? f->last.request_id : NULL), log_value(why_dead(f, text)));
    assert(reason != REASON_AMBIGUOUS || maybe_sent);
    struct queue_end end = {.kind = END_DEAD};
    f->reason = reason;
    finish_with_outcome(f, &end, reason, maybe_sent, text);
}

void ending_dead(struct flight *f, enum reason reason, bool maybe_sent, const char *text)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    for (size_t i = 0; i < n; i++)
        dead(all[i], reason, maybe_sent, text);
}

static void finish_with_envelope(struct flight *f, struct queue_end *end)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    flight_keep_begun(f);
    envelope_write(&f->env, out);
    end->envelope = buf_text(out);
    end->envelope_len = out->len;
    finish(f, end);
}

static void retry(struct flight *f, int64_t at_ms, bool with_next)
{
    log_debug("event=job_retry id=%s class=%s code=%s attempts=%lld at=%lld", log_value(f->env.uid),
              reply_class_name(f->last.class), log_value(f->last.code), (long long)f->env.attempts,
              (long long)at_ms);
    struct queue_end end = {.kind = END_RETRY, .at_ms = at_ms, .with_next = with_next};
    finish_with_envelope(f, &end);
}

/* --- calls of several ------------------------------------------------------------------------ */

/* Those of one step follow each other. */
static void on_moved(void *arg, enum queue_done done)
{
    for (struct flight *f = arg, *after; f; f = after) {
        after = f->after;
        on_finished(f, done);
    }
}

/* The envelopes stand one behind the other in one buffer, which must have been filled before any
 * of them can be pointed to. */
static void write_envelopes(struct flight *const *members, size_t n, struct queue_moved *out,
                            struct buf *text)
{
    buf_reset(text);
    for (size_t i = 0; i < n; i++) {
        size_t from = text->len;
        flight_keep_begun(members[i]);
        envelope_write(&members[i]->env, text);
        out[i].envelope_len = text->len - from;
    }
    assert(buf_ok(text));
    const char *p = buf_text(text);
    for (size_t i = 0; i < n; p += out[i++].envelope_len)
        out[i].envelope = p;
}

static void begin_moving(struct flight *const *members, size_t n, const char *id,
                         struct queue_moved *out)
{
    unsigned first = members[0]->task, tasks = members[n - 1]->task - first + 1;
    for (size_t i = 0; i < n; i++) {
        struct flight *f = members[i];
        snprintf(f->env.call, sizeof f->env.call, "%s", id);
        f->env.task = f->task - first;
        f->env.tasks = tasks;
        f->end = END_RETRY;
        f->after = i + 1 < n ? members[i + 1] : NULL;
        leave_probe(f);
        pipeline_move(f, FLIGHT_FINISHING);
        out[i] = (struct queue_moved){.pos = f->pos, .crashes = f->crashes};
    }
}

/* Some members of a bundle wait together, as one call named id; one alone waits for itself. */
static void move(struct bundle *b, size_t from, size_t n, const char *id, int64_t at_ms,
                 bool with_next)
{
    struct flight *f = b->members[from];
    struct queue_moved moved[GROUPING_MEMBERS_MAX];
    struct buf grouping, envelopes;
    if (n == 1) {
        bundle_forget(f);
        retry(f, at_ms, with_next);
        return;
    }
    buf_init(&grouping, GROUPING_TEXT_MAX);
    buf_init(&envelopes, ENVELOPES_MAX);
    bundle_write(b, from, n, id, &grouping);
    begin_moving(b->members + from, n, id, moved);
    write_envelopes(b->members + from, n, moved, &envelopes);
    const struct queue_regrouping r = {.members = moved,
                                       .n = n,
                                       .grouping = buf_text(&grouping),
                                       .grouping_len = grouping.len,
                                       .at_ms = at_ms,
                                       .with_next = with_next};
    queue_regroup(f->lease, &r, on_moved, f);
    buf_free(&grouping);
    buf_free(&envelopes);
}

void ending_split(struct flight *f, int64_t at_ms)
{
    struct bundle *b = f->bundle;
    char id[GROUPING_ID_SIZE];
    size_t half = bundle_half(b);
    for (unsigned i = 0; i < 2; i++) {
        bundle_half_id(b, i, id);
        move(b, i ? half : 0, i ? b->n - half : half, id, at_ms, i == 0);
    }
}

void ending_dissolve(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    int64_t now_ms = queue_lease_now_ms(f->lease);
    for (size_t i = 0; i < n; i++) {
        all[i]->env.gen++;
        all[i]->env.first_sent_ms = 0;
        bundle_forget(all[i]);
    }
    for (size_t i = 0; i < n; i++)
        retry(all[i], now_ms, i + 1 < n);
}

/* -------------------------------------------------------------------------------------------- */

void ending_retry(struct flight *f, int64_t at_ms)
{
    if (f->bundle)
        move(f->bundle, 0, f->bundle->n, f->bundle->id, at_ms, false);
    else
        retry(f, at_ms, false);
}

static void park(struct flight *f, bool with_next)
{
    struct queue_end end = {.kind = END_PARK, .app = f->app->app.name, .with_next = with_next};
    bundle_forget(f);
    finish_with_envelope(f, &end);
}

/* The members of a call that is not open go their own ways, without a new gen: the provider refused
 * it, so it remembers nothing of it, and no token of theirs can be the call's. A token is made from
 * the call's id, or from the uid of a job that goes by itself, and a later grouping has the id of
 * another batch. */
void ending_park(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    if (n > 1 && bundle_is_open(f)) {
        ending_retry(f, queue_lease_now_ms(f->lease) + PARK_AGAIN_MS);
        return;
    }
    for (size_t i = 0; i < n; i++)
        park(all[i], i + 1 < n);
}

void ending_park_for_others(struct flight *f)
{
    struct queue_end end = {.kind = END_PARK, .app = f->job.app};
    finish_with_envelope(f, &end);
}

/* Not begun, or not to be begun now: as raw bytes when nothing is known of it that they don't say.
 */
static void give_back(struct flight *f, bool with_next)
{
    const struct envelope *v = &f->env;
    bool raw =
        f->oversize || (!f->looked_up && !v->first_sent_ms && !v->attempts && !v->throttles &&
                        !v->npushes && !v->history && !v->gen && !v->refused && !f->crashes);
    struct queue_end end = {.kind = END_RETURN, .with_next = with_next};
    bundle_forget(f);
    if (raw)
        finish(f, &end);
    else
        retry(f, queue_lease_now_ms(f->lease), with_next);
}

void ending_back(struct flight *f)
{
    struct flight **all;
    size_t n = bundle_members(f, &all);
    if (n > 1 && bundle_is_open(f)) {
        ending_retry(f, queue_lease_now_ms(f->lease));
        return;
    }
    for (size_t i = 0; i < n; i++)
        give_back(all[i], i + 1 < n);
}
