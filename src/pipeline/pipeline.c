/* SPDX-License-Identifier: MIT */
#include "pipeline/pipeline_core.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "host/memory.h"
#include "pipeline/shared/shared_call.h"

struct pipeline *pipeline_new(const struct config *config, struct sender *sender,
                              struct app_credentials *credentials, struct fleet *fleet,
                              struct router *router, const char *worker, pipeline_freed_fn fn,
                              void *arg)
{
    struct pipeline *p = mem_zalloc(sizeof *p);
    *p = (struct pipeline){.config = config,
                           .sender = sender,
                           .credentials = credentials,
                           .fleet = fleet,
                           .circuits = fleet_circuits(fleet),
                           .own = fleet_own(fleet),
                           .router = router,
                           .worker = worker,
                           .freed = fn,
                           .arg = arg,
                           .sharing = PIPELINE_SHARING_ONE};
    p->window = config->concurrency < PIPELINE_WINDOW_MIN ? (size_t)config->concurrency
                                                          : PIPELINE_WINDOW_MIN;
    TAILQ_INIT(&p->flights);
    TAILQ_INIT(&p->unread);
    turns_init(&p->turns, config->napps);
    buf_init(&p->scratch, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * (size_t)config->job_max_bytes);
    return p;
}

void pipeline_add(struct pipeline *p, struct flight *f)
{
    f->pipeline = f->lone.pipeline = p;
    TAILQ_INSERT_TAIL(&p->flights, f, link);
    p->count++;
    pipeline_weigh(f, 0);
    call_move(&f->lone, CALL_FORMING);
}

void pipeline_drop(struct pipeline *p, struct flight *f)
{
    TAILQ_REMOVE(&p->flights, f, link);
    p->count--;
    p->bytes -= f->bytes_held;
    metrics_set(METRIC_JOBS_IN_FLIGHT, (int64_t)p->count);
    batch_leave(f);
    if (f->call != &f->lone)
        shared_leave(f->call);
    flight_free(f);
    config_drop(f->config);
    mem_free(f);
}

void pipeline_free(struct pipeline *p)
{
    struct batch *b;
    if (!p)
        return;
    while ((b = TAILQ_FIRST(&p->unread))) {
        TAILQ_REMOVE(&p->unread, b, link);
        batch_release(b);
    }
    while (!TAILQ_EMPTY(&p->flights))
        pipeline_drop(p, TAILQ_FIRST(&p->flights));
    turns_free(&p->turns);
    buf_free(&p->scratch);
    mem_free(p);
}

size_t pipeline_flights(const struct pipeline *p)
{
    return p->count;
}

size_t pipeline_bytes(const struct pipeline *p)
{
    return p->bytes;
}

void pipeline_weigh(struct flight *f, size_t parsed)
{
    size_t bytes = memory_of_job(f->bytes ? f->len : 0, parsed);
    for (size_t i = 0; i < f->plan.n; i++)
        bytes += strlen(f->plan.calls[i].target_value);
    f->pipeline->bytes += bytes - f->bytes_held;
    f->bytes_held = bytes;
}

size_t pipeline_busy(const struct pipeline *p)
{
    return p->busy;
}

void pipeline_load_of(const struct pipeline *p, const struct queue *queue, size_t *busy,
                      size_t *held)
{
    const struct flight *f;
    *busy = *held = 0;
    TAILQ_FOREACH(f, &p->flights, link)
    if (f->queue == queue) {
        *busy += f->state != FLIGHT_ENDING && call_leader(f->call) == f;
        ++*held;
    }
}

/* A batch that is one call tells that more would have fitted, not how many: without a guess upwards
 * small claims would make small calls, and these small claims, for ever. */
void pipeline_note_sharing(struct pipeline *p, size_t jobs, size_t calls, bool shareable)
{
    size_t ratio = PIPELINE_SHARING_ONE * jobs / (calls ? calls : 1);
    if (calls == 1 && shareable && ratio < 2 * p->sharing)
        ratio = 2 * p->sharing;
    if (ratio > PIPELINE_SHARING_ONE * PIPELINE_SHARING_MAX)
        ratio = PIPELINE_SHARING_ONE * PIPELINE_SHARING_MAX;
    p->sharing = (7 * p->sharing + ratio) / 8;
}

size_t pipeline_calls(const struct pipeline *p, size_t jobs)
{
    return (jobs * PIPELINE_SHARING_ONE + p->sharing - 1) / p->sharing;
}

size_t pipeline_jobs(const struct pipeline *p, size_t calls)
{
    return calls * p->sharing / PIPELINE_SHARING_ONE;
}

/* --- which apps take jobs, and how many of theirs are worth a claim ----------------------------
 */

bool pipeline_may_call(const struct pipeline *p, size_t app)
{
    return !fleet_app_paused(p->fleet, app) && app_credentials_ready(p->credentials, app);
}

const struct circuit *pipeline_circuit_at(const struct pipeline *p, size_t app)
{
    return circuits_at(p->circuits, app);
}

bool pipeline_takes(const struct pipeline *p, size_t app)
{
    return app < p->config->napps && circuits_at(p->circuits, app)->state == CIRCUIT_CLOSED &&
           pipeline_may_call(p, app) && !own_holds(p->own, app);
}

size_t pipeline_takers(const struct pipeline *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->config->napps; i++)
        n += pipeline_takes(p, i);
    return n;
}

bool pipeline_all_open(const struct pipeline *p)
{
    return pipeline_takers(p) == 0;
}

bool pipeline_all_rest(const struct pipeline *p)
{
    for (size_t i = 0; i < p->config->napps; i++)
        if (circuits_at(p->circuits, i)->state == CIRCUIT_CLOSED && !fleet_app_paused(p->fleet, i))
            return false;
    return true;
}

size_t pipeline_most(const struct pipeline *p)
{
    size_t slots = (size_t)p->config->concurrency;
    return slots + (slots < PIPELINE_AHEAD_MAX ? slots : PIPELINE_AHEAD_MAX);
}

static bool is_crowded(const struct pipeline *p)
{
    return p->turns.all >= pipeline_most(p);
}

/* Nothing of it is or may be out, and nobody expects it anywhere. */
static bool is_untouched(const struct flight *f)
{
    return f->from_ready && !f->env.first_sent_ms && !f->env.npushes;
}

bool pipeline_sets_aside(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    if (p->config->napps < 2 || !is_untouched(f) || flight_app(f) == p->config->napps)
        return false;
    size_t app = flight_app(f);
    return queue_parked(f->queue, f->app->app.name) > 0 ||
           (is_crowded(p) &&
            turns_held(&p->turns, app) >= pipeline_most(p) / turns_apps(&p->turns, app));
}

/* Of n, those that the app's tokens are worth. */
static size_t jobs_by_tokens(struct pipeline *p, size_t app, size_t n)
{
    size_t calls = limits_calls_of_app(fleet_limits(p->fleet), app, pipeline_calls(p, n));
    size_t jobs = pipeline_jobs(p, calls);
    return jobs < n ? jobs : n;
}

size_t pipeline_drainable(struct pipeline *p, size_t n, struct queue_unpark *out)
{
    size_t found = 0;
    for (size_t i = 0; i < p->config->napps; i++) {
        unsigned jobs = pipeline_takes(p, i) ? (unsigned)jobs_by_tokens(p, i, n) : 0;
        if (jobs)
            out[found++] = (struct queue_unpark){p->config->apps[i].app.name, jobs};
    }
    return found;
}

size_t pipeline_probes(const struct pipeline *p, unsigned n, struct queue_unpark *out)
{
    int64_t now = clock_mono_ms();
    size_t found = 0;
    for (size_t i = 0; i < p->config->napps && found < n; i++) {
        const struct circuit *c = circuits_at(p->circuits, i);
        unsigned most = 0;
        if (circuit_probe_due(c, now))
            most = (unsigned)c->failed.n + 1;
        else if (own_holds(p->own, i) && own_probe_due(p->own, now))
            most = 1;
        if (most && pipeline_may_call(p, i))
            out[found++] = (struct queue_unpark){p->config->apps[i].app.name, most};
    }
    for (size_t i = 0; i < found; i++)
        if (out[i].limit > n / (unsigned)found)
            out[i].limit = n / (unsigned)found;
    return found;
}

bool pipeline_seeks(const struct pipeline *p)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < p->config->napps; i++)
        if (own_holds(p->own, i) && own_probe_due(p->own, now) && pipeline_may_call(p, i))
            return true;
    return false;
}

size_t pipeline_sweepable(const struct pipeline *p, unsigned n, bool room, struct queue_unpark *out)
{
    size_t found = 0;
    for (size_t i = 0; i < p->config->napps; i++)
        if (!pipeline_takes(p, i) || (room && limits_rests(fleet_limits(p->fleet), i)))
            out[found++].app = p->config->apps[i].app.name;
    for (size_t i = 0; i < found; i++)
        out[i].limit = n < found ? 1 : n / (unsigned)found;
    return found;
}

void pipeline_write_circuits(const struct pipeline *p, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < p->config->napps; i++) {
        const struct circuit *c = circuits_at(p->circuits, i);
        if (c->state == CIRCUIT_CLOSED)
            continue;
        buf_puts(out, any ? "," : ",\"circuits\":{");
        buf_json_or_null(out, p->config->apps[i].app.name);
        buf_putc(out, ':');
        buf_json_or_null(out, circuit_state_name(c->state));
        any = true;
    }
    if (any)
        buf_putc(out, '}');
}
