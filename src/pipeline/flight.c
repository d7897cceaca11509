/* SPDX-License-Identifier: MIT */
#include "pipeline/flight.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "pipeline/pipeline_core.h"

/* A fresh job: everything follows from the claim. */
static void fresh_envelope(struct flight *f, const struct queue_claim *claim)
{
    f->env = (struct envelope){.t0_ms = claim->t0_ms};
    assert(strlen(claim->batch) < ORIGIN_SIZE - 12);
    text_number(stpcpy(stpcpy(f->env.uid, claim->batch), "-"), f->pos);
    memcpy(f->env.origin, f->env.uid, sizeof f->env.origin - 1);
}

/* Is there a call that may be out and whose content is not known? */
static bool is_open_unknown(const struct envelope *v)
{
    uint64_t known = 0;
    for (size_t i = 0; i < v->begun.ncalls; i++)
        known |= UINT64_C(1) << v->begun.calls[i].part;
    return (v->unanswered & ~known) != 0;
}

/* Its earlier holder may have sent any call that is not known to be out: from now on each of
 * them is unanswered, since the claim that the holder made (conservative), and made under the
 * holder's configuration, unless its content is known. */
static void assume_sent(struct flight *f, const struct queue_claim *claim)
{
    if (!f->env.digest[0] || !is_open_unknown(&f->env))
        snprintf(f->env.digest, sizeof f->env.digest, "%s", claim->digest);
    f->env.unanswered = UINT64_MAX;
    for (size_t i = 0; i < f->env.npushes; i++)
        f->env.unanswered &= ~(UINT64_C(1) << f->env.pushes[i].part);
    if (!f->env.first_sent_ms)
        f->env.first_sent_ms = claim->t0_ms;
}

void flight_move(struct flight *f, enum flight_state to)
{
    assert(f->state != FLIGHT_ENDING);
    f->pipeline->checking += (to == FLIGHT_CHECKING) - (f->state == FLIGHT_CHECKING);
    f->state = to;
}

/* EMPTY, and f is its only member. */
static void init_lone(struct call *c, struct flight *f)
{
    c->only = (struct call_member){.flight = f};
    c->members = &c->only;
    c->n = c->tasks = 1;
    c->compared = -1;
    f->call = c;
}

static void free_lone(struct call *c)
{
    if (c->made)
        params_free(c->made);
    mem_free(c->made);
    mem_free(c->another);
}

bool flight_init(struct flight *f, const struct queue_claim *claim, const struct queue_member *m,
                 struct err *e)
{
    *f = (struct flight){.lease = claim->lease,
                         .pos = m->pos,
                         .crashes = m->crashes,
                         .oversize = m->oversize,
                         .claimed_at_ms = claim->now_ms,
                         .len = m->len};
    init_lone(&f->lone, f);
    f->bytes = m->oversize ? NULL : mem_dup(m->bytes, m->len);
    bool ok = true;
    if (m->envelope_len == 0)
        fresh_envelope(f, claim);
    else if (!envelope_read(m->envelope, m->envelope_len, &f->env, e)) {
        fresh_envelope(f, claim);
        ok = false;
    }
    if (m->taken_over)
        assume_sent(f, claim);
    return ok;
}

void flight_free(struct flight *f)
{
    free_lone(&f->lone);
    plan_free(&f->plan);
    if (f->group)
        legs_free(f->group);
    mem_free(f->group);
    job_free(&f->job);
    envelope_free(&f->env);
    mem_free(f->foreign);
    mem_free(f->bytes);
    mem_free(f->outcome);
}

size_t flight_app(const struct flight *f)
{
    const struct config *c = f->pipeline->config;
    if (f->config == c)
        return (size_t)(f->app - c->apps);
    const struct config_app *app = config_app_find(c, f->app->app.name);
    return app ? (size_t)(app - c->apps) : c->napps;
}

const char *flight_app_name(const struct flight *f)
{
    return f->group && f->group->n ? f->group->name : f->app ? f->app->app.name : f->job.app;
}

/* The plan of another app of the group becomes the current one. */
static void take_leg(struct flight *f, size_t leg)
{
    struct leg *l = f->group->v;
    if (f->plan.n)
        l[f->leg].plan = f->plan;
    f->plan = l[leg].plan;
    l[leg].plan = (struct plan){0};
    f->app = l[leg].app;
    f->leg = leg;
    f->next = 0;
}

static bool build_group(struct flight *f, const struct config *config,
                        const struct target_limits *limits, const struct job *job,
                        struct refusal *why)
{
    f->group = mem_zalloc(sizeof *f->group);
    if (!legs_build(f->group, config, limits, job, f->env.begun.apps, f->env.t0_ms, why))
        return false;
    take_leg(f, 0);
    flight_next_call(f);
    return true;
}

/* A replay is a new start: a relative deadline counts from it, not from the first enqueueing. */
static bool build_plan(struct flight *f, const struct config *config, struct refusal *why)
{
    struct job job = f->job;
    struct target_limits limits = config->limits;
    const char *name = f->env.begun.apps ? f->env.begun.apps : job.app ? job.app : "default";
    begun_limits(&f->env.begun, &limits);
    if (f->env.replayed)
        job.enqueued_at_ms = JOB_ABSENT;
    f->app = config_app_find(config, name);
    if (!f->app)
        return build_group(f, config, &limits, &job, why);
    return plan_build(&job, &f->app->app, config->templates, &limits, f->env.t0_ms, &f->plan, why);
}

bool flight_read(struct flight *f, const struct config *config, struct refusal *why)
{
    if (f->oversize)
        return job_refuse(why, REASON_INVALID_JOB,
                          "job: %zu bytes, at most %lld (queue.job_max_bytes)", f->len,
                          (long long)config->job_max_bytes);
    fault_job_read(f->bytes, f->len);
    bool ok = job_parse(f->bytes, f->len, &config->job_limits, &f->job, why);
    if (f->job.id && !f->env.id_given && strlen(f->job.id) < sizeof f->env.uid) {
        snprintf(f->env.uid, sizeof f->env.uid, "%s", f->job.id);
        f->env.id_given = true;
    }
    ok = ok && build_plan(f, config, why);
    job_trim(&f->job, ok && !f->group && f->plan.n == 1);
    return ok;
}

static bool part_is_out(const struct flight *f, unsigned part)
{
    for (size_t i = 0; i < f->env.npushes; i++)
        if (f->env.pushes[i].part == part)
            return true;
    return false;
}

bool flight_next_call(struct flight *f)
{
    while (f->next < f->plan.n && part_is_out(f, f->plan.calls[f->next].part))
        f->next++;
    if (f->next < f->plan.n || !f->group || f->leg + 1 >= f->group->n)
        return f->next < f->plan.n;
    take_leg(f, f->leg + 1);
    return flight_next_call(f);
}

uint64_t flight_part_bit(const struct flight *f)
{
    assert(f->next < f->plan.n && f->plan.calls[f->next].part < ENVELOPE_PARTS_MAX);
    return UINT64_C(1) << f->plan.calls[f->next].part;
}

void flight_record_sent(struct flight *f, const struct reply *reply)
{
    f->env.unanswered &= ~flight_part_bit(f);
    f->env.pushes = mem_resize(f->env.pushes, (f->env.npushes + 1) * sizeof *f->env.pushes);
    struct push_done *done = &f->env.pushes[f->env.npushes++];
    done->part = f->plan.calls[f->next].part;
    done->app = NULL;
    memcpy(done->message_id, reply->message_id, sizeof done->message_id);
    memcpy(done->request_id, reply->request_id, sizeof done->request_id);
    begun_drop(&f->env.begun, done->part);
}

/* Message ids belong to the apps of their parts. */
static void name_apps(const struct flight *f)
{
    for (size_t i = 0; f->group && i < f->env.npushes; i++) {
        const struct config_app *app = legs_app_of(f->group, f->env.pushes[i].part);
        f->env.pushes[i].app = app ? app->app.name : NULL;
    }
}

void flight_write_outcome(const struct flight *f, enum reason reason, bool maybe_sent,
                          const char *text, const char *worker, int64_t now_ms, struct buf *out)
{
    char ref[512];
    name_apps(f);
    if (f->oversize)
        snprintf(ref, sizeof ref, "%s:oversize %s", queue_key_prefix(f->lease), f->env.uid);
    const struct outcome o = {
        .id = f->env.uid,
        .app = flight_app_name(f),
        .code = f->job.code,
        .worker = worker,
        .traceparent = f->job.traceparent,
        .reason = reason,
        .duplicate = f->end == END_DUPLICATE,
        .maybe_sent = maybe_sent,
        .overlap = f->plan.target.overlap,
        .error = reason && f->call->has_reply ? &f->call->last : NULL,
        .error_message = text,
        .call = f->env.call[0] ? f->env.call : NULL,
        .task = f->env.task,
        .pushes = f->env.pushes,
        .npushes = f->env.npushes,
        .attempts = f->env.attempts,
        .crashes = f->crashes,
        .enqueued_at_ms = f->job.root ? f->job.enqueued_at_ms : JOB_ABSENT,
        .claimed_at_ms = f->claimed_at_ms,
        .done_at_ms = now_ms,
        .meta = f->job.meta,
        .history = f->env.history,
        .queue = queue_lease_queue(f->lease),
        .gen = f->env.gen,
        .begun = &f->env.begun,
        .job_ref = f->oversize ? ref : NULL,
        .bytes = f->bytes,
        .len = f->len,
    };
    outcome_write(&o, out);
}
