/* SPDX-License-Identifier: MIT */
#include "pipeline/carry_out.h"

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/again.h"
#include "pipeline/flight_outcome.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/replies.h"
#include "pipeline/shared/shared_call.h"
#include "pipeline/shared/shared_move.h"
#include "pipeline/tally.h"
#include "pipeline/trouble.h"

/* --- the end of one flight ------------------------------------------------------------------- */

static void on_confirmed(void *arg, enum queue_done done)
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

static void finish_flight(struct flight *f, struct queue_end *end)
{
    end->bytes = f->bytes;
    end->len = f->oversize ? 0 : f->len;
    end->crashes = f->crashes;
    f->end = end->kind;
    flight_move(f, FLIGHT_ENDING);
    queue_finish(f->lease, f->pos, end, on_confirmed, f);
}

static void finish_with_outcome(struct flight *f, struct queue_end *end, const struct decision *d)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    f->end = end->kind;
    flight_write_outcome(f, d->reason, d->maybe_sent, d->text, f->pipeline->worker,
                         queue_lease_now_ms(f->lease), out);
    end->outcome = buf_text(out);
    end->outcome_len = out->len;
    if (f->job.reply_to) {
        f->outcome = mem_dup(end->outcome, end->outcome_len);
        f->outcome_len = end->outcome_len;
    }
    finish_flight(f, end);
}

static void finish_with_envelope(struct flight *f, struct queue_end *end)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
    again_keep_begun(f);
    envelope_write(&f->env, out);
    end->envelope = buf_text(out);
    end->envelope_len = out->len;
    finish_flight(f, end);
}

static void end_sent(struct flight *f, bool with_next)
{
    const struct call *c = f->call;
    const struct push_done *push = c->has_reply ? &f->env.pushes[f->env.npushes - 1] : NULL;
    log_info("event=job_sent id=%s app=%s code=%s parts=%zu attempts=%lld crashes=%u "
             "message_id=%s request_id=%s traceparent=%s",
             log_value(f->env.uid), log_value(flight_app_name(f)), log_value(f->job.code),
             f->env.npushes, (long long)f->env.attempts, f->crashes,
             log_value(push ? push->message_id : ""), log_value(c->last.request_id),
             log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_SENT, .with_next = with_next};
    f->sent_at_ms = queue_lease_now_ms(f->lease);
    finish_with_outcome(f, &end, &(struct decision){.reason = REASON_NONE});
}

static void end_duplicate(struct flight *f)
{
    log_info("event=job_duplicate id=%s app=%s code=%s traceparent=%s", log_value(f->env.uid),
             log_value(f->app->app.name), log_value(f->job.code), log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_DUPLICATE};
    finish_with_outcome(f, &end, &(struct decision){.reason = REASON_NONE});
}

/* A provider's own words stand in the letter only. */
static const char *why_dead(const struct call *c, const char *text)
{
    if (text || !c->has_reply)
        return text;
    return c->last.http_status ? reply_class_name(c->last.class) : c->last.message;
}

static void end_dead(struct flight *f, const struct decision *d)
{
    const struct call *c = f->call;
    struct decision own = *d;
    own.maybe_sent |= f->env.given_up;
    log_warn("event=job_dead id=%s reason=%s maybe_sent=%s attempts=%lld crashes=%u code=%s "
             "error=%s request_id=%s why=%s",
             log_value(f->env.uid), reason_name(d->reason), own.maybe_sent ? "true" : "false",
             (long long)f->env.attempts, f->crashes, log_value(f->job.code),
             log_value(c->has_reply ? c->last.code : NULL),
             log_value(c->has_reply ? c->last.request_id : NULL), log_value(why_dead(c, d->text)));
    assert(d->reason != REASON_AMBIGUOUS || own.maybe_sent);
    struct queue_end end = {.kind = END_DEAD};
    f->reason = d->reason;
    again_keep_begun(f);
    finish_with_outcome(f, &end, &own);
}

static void end_retry(struct flight *f, int64_t at_ms, bool with_next)
{
    const struct reply *last = &f->call->last;
    log_debug("event=job_retry id=%s class=%s code=%s attempts=%lld at=%lld", log_value(f->env.uid),
              reply_class_name(last->class), log_value(last->code), (long long)f->env.attempts,
              (long long)at_ms);
    struct queue_end end = {.kind = END_RETRY, .at_ms = at_ms, .with_next = with_next};
    finish_with_envelope(f, &end);
}

/* A job that was not read keeps its shared call's name, so that nobody sends it by itself.
 *
 * Members of a shared call go their own ways without a new gen: the provider refused the call, so
 * it remembers nothing of it, and no token of theirs can be the call's. A token is made from the
 * call's id, or from the uid of a job that goes by itself, and a later grouping has the id of
 * another batch. */
static void end_parked(struct flight *f, bool with_next)
{
    const char *app = f->app ? f->app->app.name : f->job.app;
    struct queue_end end = {.kind = END_PARK, .app = app, .with_next = with_next};
    if (f->app)
        shared_forget(f);
    finish_with_envelope(f, &end);
}

static bool is_as_it_came(const struct flight *f)
{
    const struct envelope *v = &f->env;
    return f->oversize || (!f->looked_up && !v->first_sent_ms && !v->attempts && !v->throttles &&
                           !v->npushes && !v->history && !v->gen && !v->refused && !f->crashes);
}

static void end_back(struct flight *f, bool with_next)
{
    struct queue_end end = {.kind = END_RETURN, .with_next = with_next};
    shared_forget(f);
    if (is_as_it_came(f))
        finish_flight(f, &end);
    else
        end_retry(f, queue_lease_now_ms(f->lease), with_next);
}

/* --- what was decided ------------------------------------------------------------------------ */

/* Conservative: the claim was before the call. */
static void note_first_sent(struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct flight *f = c->members[i].flight;
        if (!f->env.first_sent_ms)
            f->env.first_sent_ms = f->claimed_at_ms;
    }
}

static void bury_all(struct call *c, const struct decision *d)
{
    for (size_t i = 0; i < c->n; i++)
        end_dead(c->members[i].flight, d);
}

/* The call is not made now, or not by this worker. */
static void leave_call(struct call *c)
{
    trouble_leave_probes(c);
    call_move(c, CALL_OVER);
}

static void send_call(struct call *c, sender_done_fn fn)
{
    struct err e;
    struct credentials keys;
    struct pipeline *p = c->pipeline;
    app_credentials_get(p->credentials, call_app(c), &keys, &c->keys_issue);
    note_first_sent(c);
    if (sender_send(p->sender, c, &keys, fn, &e)) {
        call_move(c, CALL_OUT);
        return;
    }
    const bool maybe_sent = call_leader(c)->env.unanswered != 0;
    const struct decision dead = decision_dead(REASON_INVALID_JOB, maybe_sent, e.text);
    leave_call(c);
    bury_all(c, &dead);
}

/* With the last of its members the call is freed. */
static void on_members_moved(void *arg, enum queue_done done)
{
    const struct call_member *m = arg;
    for (size_t i = 0, n = m->moved; i < n; i++)
        on_confirmed(m[i].flight, done);
}

static void wait_in_redis(struct call *c, int64_t at_ms)
{
    if (call_is_shared(c))
        shared_move(c, 0, c->n, c->id, at_ms, false, on_members_moved);
    else
        end_retry(call_leader(c), at_ms, false);
}

static void park_all(struct call *c, bool aside)
{
    if (aside)
        metrics_add_at(METRIC_JOBS_SET_ASIDE, call_leader(c)->app->label, 1);
    for (size_t i = 0; i < c->n; i++)
        end_parked(c->members[i].flight, i + 1 < c->n);
}

static void give_all_back(struct call *c)
{
    for (size_t i = 0; i < c->n; i++)
        end_back(c->members[i].flight, i + 1 < c->n);
}

/* Of a shared call some members wait together, as a call named id; one alone waits for itself. */
static void move_half(struct call *c, size_t from, size_t n, unsigned which, int64_t at_ms)
{
    char id[GROUPING_ID_SIZE];
    struct flight *f = c->members[from].flight;
    shared_half_id(c, which, id);
    if (n > 1) {
        shared_move(c, from, n, id, at_ms, which == 0, on_members_moved);
        return;
    }
    shared_forget(f);
    end_retry(f, at_ms, which == 0);
}

/* A definite refusal of a call that was sent once: its halves are tried, each as a call of its own,
 * so that the culprit is found. The others lose no attempt. */
static void split_call(struct call *c, int64_t at_ms)
{
    const size_t half = shared_half(c);
    log_info("event=call_split call=%s jobs=%zu code=%s request_id=%s", log_value(c->id), c->n,
             log_value(c->last.code), log_value(c->last.request_id));
    metrics_add(METRIC_BATCHES_BISECTED, 1);
    move_half(c, 0, half, 0, at_ms);
    move_half(c, half, c->n - half, 1, at_ms);
}

static void send_apart(struct call *c, int64_t at_ms)
{
    for (size_t i = 0; i < c->n; i++)
        shared_forget(c->members[i].flight);
    for (size_t i = 0; i < c->n; i++)
        end_retry(c->members[i].flight, at_ms, i + 1 < c->n);
}

static void end_all_sent(struct call *c)
{
    for (size_t i = 0; i < c->n; i++)
        end_sent(c->members[i].flight, i + 1 < c->n);
}

void carry_out(struct call *c, const struct decision *d, sender_done_fn fn)
{
    switch (d->what) {
    case DECIDED_SEND:
        send_call(c, fn);
        break;
    case DECIDED_WAIT:
        call_move(c, CALL_WAITING);
        break;
    case DECIDED_HOLD:
        call_move(c, CALL_HELD);
        break;
    case DECIDED_RETRY:
        leave_call(c);
        wait_in_redis(c, d->at_ms);
        break;
    case DECIDED_PARK:
        leave_call(c);
        park_all(c, d->aside);
        break;
    case DECIDED_BACK:
        leave_call(c);
        give_all_back(c);
        break;
    case DECIDED_SPLIT:
        leave_call(c);
        if (d->apart)
            send_apart(c, d->at_ms);
        else
            split_call(c, d->at_ms);
        break;
    case DECIDED_SENT:
        call_move(c, CALL_OVER);
        if (d->duplicate)
            end_duplicate(call_leader(c));
        else
            end_all_sent(c);
        break;
    case DECIDED_DEAD:
        leave_call(c);
        bury_all(c, d);
        break;
    }
}
