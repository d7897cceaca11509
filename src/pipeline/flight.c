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
        envelope_assume_sent(&f->env, claim->digest, claim->t0_ms);
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
    if (f->app)
        return plan_build(&job, &f->app->app, config->templates, &limits, f->env.t0_ms, &f->plan,
                          why);
    if (!legs_plan(f, config, &limits, &job, why))
        return false;
    flight_next_call(f); /* an app of which all is out is past */
    return true;
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
    if (f->next < f->plan.n || !legs_take_next(f))
        return f->next < f->plan.n;
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
