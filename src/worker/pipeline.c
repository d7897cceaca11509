/* SPDX-License-Identifier: MIT */
#include "worker/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

/* An outcome holds the job's bytes with JSON escapes, at most six characters for one. */
enum { OUTCOME_ROOM = 64 * 1024, ESCAPE_MAX = 6, ENVELOPE_ROOM = 64 * 1024 };

TAILQ_HEAD(flight_list, flight);

struct pipeline {
    const struct config *config;
    struct sender *sender;
    struct redis *cmd;
    const char *worker;
    struct circuit *circuits; /* one per app, same index */
    struct flight_list flights;
    size_t count, busy;
    bool draining;
    struct buf scratch; /* outcome or envelope being written */
    pipeline_freed_fn freed;
    void *arg;
};

struct pipeline *pipeline_new(const struct config *config, struct sender *sender, struct redis *cmd,
                              const char *worker, pipeline_freed_fn fn, void *arg)
{
    struct pipeline *p = mem_zalloc(sizeof *p);
    *p = (struct pipeline){
        .config = config, .sender = sender, .cmd = cmd, .worker = worker, .freed = fn, .arg = arg};
    TAILQ_INIT(&p->flights);
    p->circuits = mem_zalloc((config->napps + 1) * sizeof *p->circuits);
    for (size_t i = 0; i < config->napps; i++)
        circuit_init(&p->circuits[i], config->circuit_failures, config->circuit_probe_ms);
    buf_init(&p->scratch, OUTCOME_ROOM + ESCAPE_MAX * (size_t)config->job_max_bytes);
    return p;
}

static void drop_flight(struct pipeline *p, struct flight *f)
{
    TAILQ_REMOVE(&p->flights, f, link);
    p->count--;
    metrics_set(METRIC_IN_FLIGHT, (int64_t)p->count);
    flight_free(f);
    mem_free(f);
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    while (!TAILQ_EMPTY(&p->flights))
        drop_flight(p, TAILQ_FIRST(&p->flights));
    buf_free(&p->scratch);
    mem_free(p->circuits);
    mem_free(p);
}

size_t pipeline_flights(const struct pipeline *p)
{
    return p->count;
}

size_t pipeline_busy(const struct pipeline *p)
{
    return p->busy;
}

static struct circuit *circuit_of(const struct flight *f)
{
    return &f->pipeline->circuits[f->app - f->pipeline->config->apps];
}

/* The one place where a flight changes its state. */
static void move(struct flight *f, enum flight_state to)
{
    assert(f->state != FLIGHT_FINISHING);
    if (to == FLIGHT_FINISHING)
        f->pipeline->busy--;
    f->state = to;
}

/* --- the end of a flight --------------------------------------------------------------------- */

static void reply_sent(void *arg, redisReply *reply)
{
    (void)arg; /* best effort: the outcome is in its list already */
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        log_warn("event=reply_to_failed why=%s", log_value(reply ? reply->str : "connection lost"));
}

static void send_reply_to(struct flight *f)
{
    char ttl[24];
    snprintf(ttl, sizeof ttl, "%lld", (long long)f->pipeline->config->reply_ttl_s);
    const char *push[] = {"RPUSH", f->job.reply_to, f->outcome};
    const size_t lens[] = {5, strlen(f->job.reply_to), f->outcome_len};
    const char *expire[] = {"EXPIRE", f->job.reply_to, ttl};
    redis_command(f->pipeline->cmd, 3, push, lens, reply_sent, NULL);
    redis_command(f->pipeline->cmd, 3, expire, NULL, reply_sent, NULL);
}

static enum metric metric_of(enum queue_end_kind end)
{
    switch (end) {
    case END_SENT:
    case END_DUPLICATE:
        return METRIC_JOBS_SENT;
    case END_DEAD:
        return METRIC_JOBS_DEAD;
    case END_RETRY:
        return METRIC_JOBS_RETRIED;
    case END_PARK:
        return METRIC_JOBS_PARKED;
    case END_RETURN:
        break;
    }
    return METRIC_JOBS_RETURNED;
}

static void on_finished(void *arg, enum queue_done done)
{
    struct flight *f = arg;
    struct pipeline *p = f->pipeline;
    if (done == QUEUE_STALE) {
        metrics_add(METRIC_JOBS_STALE, 1);
        log_warn("event=finish_stale id=%s", log_value(f->env.uid));
    } else {
        metrics_add(metric_of(f->end), 1);
        if (f->outcome)
            send_reply_to(f);
    }
    drop_flight(p, f);
    p->freed(p->arg);
}

static void finish(struct flight *f, struct queue_end *end)
{
    end->bytes = f->bytes;
    end->len = f->oversize ? 0 : f->len;
    end->crashes = f->crashes;
    f->end = end->kind;
    if (f->probe && end->kind != END_SENT && f->app)
        circuit_probe_lost(circuit_of(f));
    move(f, FLIGHT_FINISHING);
    queue_finish(f->lease, f->pos, end, on_finished, f);
}

static void finish_with_outcome(struct flight *f, struct queue_end *end, enum reason reason,
                                bool maybe_sent, const char *text)
{
    struct buf *out = &f->pipeline->scratch;
    buf_reset(out);
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

static void finish_sent(struct flight *f)
{
    log_info("event=job_sent id=%s app=%s code=%s parts=%zu attempts=%lld crashes=%u "
             "message_id=%s request_id=%s traceparent=%s",
             log_value(f->env.uid), log_value(f->app->app.name), log_value(f->job.code),
             f->env.npushes, (long long)f->env.attempts, f->crashes, log_value(f->last.message_id),
             log_value(f->last.request_id), log_value(f->job.traceparent));
    struct queue_end end = {.kind = END_SENT};
    f->has_reply = false;
    finish_with_outcome(f, &end, REASON_NONE, false, NULL);
}

static void finish_dead(struct flight *f, enum reason reason, bool maybe_sent, const char *text)
{
    maybe_sent |= f->env.given_up;
    log_warn("event=job_dead id=%s reason=%s maybe_sent=%s attempts=%lld crashes=%u code=%s "
             "error=%s request_id=%s why=%s",
             log_value(f->env.uid), reason_name(reason), maybe_sent ? "true" : "false",
             (long long)f->env.attempts, f->crashes, log_value(f->job.code),
             log_value(f->has_reply ? f->last.code : NULL),
             log_value(f->has_reply ? f->last.request_id : NULL), log_value(text));
    struct queue_end end = {.kind = END_DEAD};
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

static void finish_retry(struct flight *f, int64_t at_ms)
{
    log_debug("event=job_retry id=%s class=%s code=%s attempts=%lld at=%lld", log_value(f->env.uid),
              reply_class_name(f->last.class), log_value(f->last.code), (long long)f->env.attempts,
              (long long)at_ms);
    struct queue_end end = {.kind = END_RETRY, .at_ms = at_ms};
    finish_with_envelope(f, &end);
}

static void finish_park(struct flight *f)
{
    struct queue_end end = {.kind = END_PARK, .app = f->app->app.name};
    finish_with_envelope(f, &end);
}

/* Not begun, or not to be begun now: as raw bytes when nothing is known of it that they don't say.
 */
static void finish_back(struct flight *f)
{
    const struct envelope *v = &f->env;
    bool raw = f->oversize || (!v->first_sent_ms && !v->attempts && !v->throttles && !v->npushes &&
                               !v->history && !v->gen && !f->crashes);
    struct queue_end end = {.kind = END_RETURN};
    if (raw)
        finish(f, &end);
    else
        finish_retry(f, queue_lease_now_ms(f->lease));
}

/* --- verdicts -------------------------------------------------------------------------------- */

static struct verdict_policy policy_of(const struct flight *f)
{
    const struct config *c = f->pipeline->config;
    return (struct verdict_policy){
        .max_attempts = f->app->app.max_attempts ? f->app->app.max_attempts : c->max_attempts,
        .base_ms = c->retry_base_ms,
        .cap_ms = c->retry_cap_ms,
        .settle_ms = c->settle_ms,
        .window_ms = c->idempotency_window_ms,
        .resend_ambiguous = f->app->app.resend_ambiguous,
    };
}

static void advance(struct flight *f);

static struct verdict decide(const struct flight *f)
{
    uint64_t random;
    clock_random(&random, sizeof random);
    const struct verdict_policy policy = policy_of(f);
    const struct verdict_input in = {
        .reply = &f->last,
        /* calls whose part went out are no failures of the one that did not */
        .attempts = f->env.attempts - (int64_t)f->env.npushes,
        .throttles = f->env.throttles,
        .unanswered = (f->env.unanswered & flight_part_bit(f)) != 0,
        .retried_special = f->env.special_used,
        .first_sent_ms = f->env.first_sent_ms,
        .now_ms = queue_lease_now_ms(f->lease),
        .deadline_ms = f->plan.deadline_ms,
        .random = random,
    };
    return verdict_decide(&policy, &in);
}

/* What the envelope keeps of a call that is to be repeated. */
static void note_repeat(struct flight *f, const struct verdict *v)
{
    struct envelope *env = &f->env;
    if (v->maybe_sent) {
        env->unanswered |= flight_part_bit(f);
        if (!env->digest[0])
            snprintf(env->digest, sizeof env->digest, "%s", f->pipeline->config->digest);
    } else {
        env->unanswered &= ~flight_part_bit(f);
    }
    if (v->new_token) {
        env->gen++;
        env->given_up = true; /* nobody will hear of the old call any more */
        env->unanswered = 0;
        env->first_sent_ms = 0;
        env->digest[0] = '\0';
    }
    env->throttles = f->last.class == REPLY_THROTTLED ? env->throttles + 1 : 0;
    if (f->last.class == REPLY_NONCE_USED || f->last.class == REPLY_CLOCK)
        env->special_used = true;
}

static void log_circuit(const struct flight *f, enum circuit_state before)
{
    const struct circuit *c = circuit_of(f);
    if (before == CIRCUIT_CLOSED && c->state != CIRCUIT_CLOSED) {
        metrics_add(METRIC_CIRCUIT_OPENED, 1);
        log_error("event=circuit_open app=%s why=%s message=%s", log_value(f->app->app.name),
                  log_value(c->why), log_value(f->last.message));
    } else if (before != CIRCUIT_CLOSED && c->state == CIRCUIT_CLOSED) {
        log_warn("event=circuit_closed app=%s", log_value(f->app->app.name));
    }
}

/* The app is in trouble (I5): the job waits, and this attempt costs it nothing. An unanswered call
 * waits in due, where it also sits out the settle time. */
static void wait_for_app(struct flight *f, const struct verdict *v)
{
    struct verdict kept = *v;
    kept.maybe_sent = f->last.ambiguous || (f->env.unanswered & flight_part_bit(f));
    kept.new_token = false;
    note_repeat(f, &kept);
    int64_t settled = queue_lease_now_ms(f->lease) + f->pipeline->config->settle_ms;
    if (f->last.ambiguous)
        finish_retry(f, settled);
    else
        finish_park(f);
}

static bool is_apps_trouble(const struct flight *f, const struct verdict *v, bool open)
{
    if (v->kind == VERDICT_PAUSE)
        return true;
    if (!open || v->kind == VERDICT_SENT || f->last.class == REPLY_THROTTLED)
        return false;
    return v->kind == VERDICT_RETRY || v->reason == REASON_RETRIES_EXHAUSTED ||
           f->last.class == REPLY_UNKNOWN_4XX;
}

static void follow(struct flight *f, const struct verdict *v)
{
    f->env.attempts += v->counts;
    switch (v->kind) {
    case VERDICT_SENT:
        f->env.throttles = 0;
        flight_record_sent(f, &f->last);
        advance(f);
        break;
    case VERDICT_RETRY:
        note_repeat(f, v);
        finish_retry(f, v->at_ms);
        break;
    case VERDICT_DEAD:
        finish_dead(f, v->reason, v->maybe_sent, NULL);
        break;
    case VERDICT_PAUSE:
        assert(v->kind != VERDICT_PAUSE); /* on_reply() has seen to it */
    }
}

/* FNV-1a: enough to tell two jobs of a row apart. */
static uint64_t hash_uid(const char *uid)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (; *uid; uid++)
        h = (h ^ (unsigned char)*uid) * UINT64_C(1099511628211);
    return h;
}

static void on_reply(struct flight *f, const struct reply *reply)
{
    f->last = *reply;
    f->has_reply = true;
    struct circuit *c = circuit_of(f);
    enum circuit_state before = c->state;
    int64_t now = clock_mono_ms();
    move(f, FLIGHT_READY);
    bool open = circuit_note(c, reply, hash_uid(f->env.uid), now);
    const struct verdict v = decide(f);
    if (v.kind == VERDICT_PAUSE)
        circuit_trip(c, reply->code[0] ? reply->code : reply_class_name(reply->class), now);
    log_circuit(f, before);
    if (is_apps_trouble(f, &v, open))
        wait_for_app(f, &v);
    else
        follow(f, &v);
}

/* --- the way to a call ----------------------------------------------------------------------- */

static bool lease_allows(struct flight *f)
{
    const struct config *c = f->pipeline->config;
    f->checked_boot_ms = clock_boot_ms();
    return queue_lease_safe(f->lease, f->checked_boot_ms, c->timeout_ms + c->settle_ms);
}

static void send_call(struct flight *f)
{
    struct err e;
    if (!f->env.first_sent_ms)
        f->env.first_sent_ms = f->claimed_at_ms;
    if (sender_send(f->pipeline->sender, f, on_reply, &e))
        move(f, FLIGHT_OUT);
    else
        finish_dead(f, REASON_INVALID_JOB, f->env.unanswered != 0, e.text);
}

/* A claimed-again job may have a call out there: the policy says whether it may be repeated. */
static bool may_send(struct flight *f)
{
    const struct verdict_policy policy = policy_of(f);
    int64_t now = queue_lease_now_ms(f->lease);
    bool unanswered = (f->env.unanswered & flight_part_bit(f)) != 0;
    const struct verdict v = verdict_before_send(&policy, unanswered, f->digest_changed,
                                                 f->env.first_sent_ms, now, f->plan.deadline_ms);
    if (v.kind == VERDICT_DEAD) {
        finish_dead(f, v.reason, v.maybe_sent, NULL);
        return false;
    }
    if (v.new_token)
        note_repeat(f, &v);
    if (v.at_ms <= now)
        return true;
    finish_retry(f, v.at_ms);
    return false;
}

/* The next step of a flight that has no call out: the next call, or its end. */
static void advance(struct flight *f)
{
    if (!flight_next_call(f)) {
        finish_sent(f);
        return;
    }
    if (queue_lease_lost(f->lease)) {
        finish_back(f); /* it has moved on: Redis will say so, and nothing is written */
        return;
    }
    if (f->pipeline->draining) {
        finish_back(f);
        return;
    }
    if (!lease_allows(f)) {
        move(f, FLIGHT_HELD);
        return;
    }
    struct circuit *c = circuit_of(f);
    if (c->state != CIRCUIT_CLOSED && !f->probe) {
        f->probe = circuit_admit(c, clock_mono_ms());
        if (!f->probe) {
            finish_park(f);
            return;
        }
    }
    if (may_send(f))
        send_call(f);
}

/* I4: a job that outlived too many workers is tried alone once; then it is poison. */
static bool stop_poison(struct flight *f, size_t batch_size)
{
    int64_t limit = f->pipeline->config->crash_limit;
    if (f->crashes < limit || f->oversize)
        return false; /* what is too large is refused unread, so it cannot harm */
    if (batch_size > 1) {
        finish_retry(f, queue_lease_now_ms(f->lease));
        return true;
    }
    if (f->crashes == limit)
        return false;
    char text[96];
    snprintf(text, sizeof text, "its claim outlived %u workers, at most %lld", f->crashes,
             (long long)limit);
    finish_dead(f, REASON_POISON, f->env.unanswered != 0, text);
    return true;
}

static void start(struct flight *f, size_t batch_size)
{
    struct err e;
    enum reason why;
    if (stop_poison(f, batch_size))
        return;
    if (flight_read(f, f->pipeline->config, &why, &e))
        advance(f);
    else
        finish_dead(f, why, f->env.unanswered != 0, e.text);
}

void pipeline_take(struct pipeline *p, const struct queue_claim *claim, struct queue *queue)
{
    for (size_t i = 0; i < claim->n; i++) {
        struct err e;
        struct flight *f = mem_alloc(sizeof *f);
        if (!flight_init(f, claim, &claim->members[i], p->config->digest, &e))
            log_error("event=envelope_unreadable queue=%s id=%s why=%s", queue_name(queue),
                      log_value(f->env.uid), log_value(e.text));
        f->pipeline = p;
        TAILQ_INSERT_TAIL(&p->flights, f, link);
        p->count++;
        p->busy++;
        metrics_add(METRIC_JOBS_CLAIMED, 1);
        metrics_add(METRIC_JOBS_RECLAIMED, claim->members[i].taken_over);
        start(f, claim->n);
    }
    metrics_set(METRIC_IN_FLIGHT, (int64_t)p->count);
}

/* advance() may end a flight but never frees it (the finish is confirmed later), so the list
 * stays as it is meanwhile. */
static void look_again(struct pipeline *p)
{
    struct flight *f;
    TAILQ_FOREACH(f, &p->flights, link)
    if (f->state == FLIGHT_HELD)
        advance(f);
}

void pipeline_tick(struct pipeline *p)
{
    look_again(p);
}

void pipeline_drain(struct pipeline *p)
{
    p->draining = true;
    look_again(p);
}

bool pipeline_all_open(const struct pipeline *p)
{
    for (size_t i = 0; i < p->config->napps; i++)
        if (p->circuits[i].state == CIRCUIT_CLOSED)
            return false;
    return true;
}

size_t pipeline_drainable(struct pipeline *p, const char **names, bool *probe)
{
    int64_t now = clock_mono_ms();
    size_t n = 0;
    *probe = false;
    for (size_t i = 0; i < p->config->napps; i++) {
        if (circuit_probe_due(&p->circuits[i], now)) {
            *probe = true;
            names[0] = p->config->apps[i].app.name;
            return 1;
        }
        if (p->circuits[i].state == CIRCUIT_CLOSED)
            names[n++] = p->config->apps[i].app.name;
    }
    return n;
}
