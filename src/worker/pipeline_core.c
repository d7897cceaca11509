/* SPDX-License-Identifier: MIT */
#include "worker/pipeline_core.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "worker/batch.h"
#include "worker/bundle.h"

struct pipeline *pipeline_new(const struct config *config, struct sender *sender,
                              struct keyring *keyring, struct fleet *fleet, struct router *router,
                              const char *worker, pipeline_freed_fn fn, void *arg)
{
    struct pipeline *p = mem_zalloc(sizeof *p);
    *p = (struct pipeline){.config = config,
                           .sender = sender,
                           .keyring = keyring,
                           .fleet = fleet,
                           .circuits = fleet_circuits(fleet),
                           .router = router,
                           .worker = worker,
                           .freed = fn,
                           .arg = arg,
                           .sharing = PIPELINE_SHARING_ONE};
    p->window = config->concurrency < PIPELINE_WINDOW_MIN ? (size_t)config->concurrency
                                                          : PIPELINE_WINDOW_MIN;
    TAILQ_INIT(&p->flights);
    TAILQ_INIT(&p->waiting);
    buf_init(&p->scratch, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * (size_t)config->job_max_bytes);
    return p;
}

void pipeline_drop(struct pipeline *p, struct flight *f)
{
    TAILQ_REMOVE(&p->flights, f, link);
    p->count--;
    metrics_set(METRIC_JOBS_IN_FLIGHT, (int64_t)p->count);
    batch_leave(f);
    bundle_leave(f);
    flight_free(f);
    config_drop(f->config);
    mem_free(f);
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    while (!TAILQ_EMPTY(&p->flights))
        pipeline_drop(p, TAILQ_FIRST(&p->flights));
    buf_free(&p->scratch);
    mem_free(p);
}

size_t pipeline_flights(const struct pipeline *p)
{
    return p->count;
}

size_t pipeline_busy(const struct pipeline *p)
{
    return p->busy - p->bound;
}

size_t pipeline_app(const struct flight *f)
{
    const struct config *c = f->pipeline->config;
    if (f->config == c)
        return (size_t)(f->app - c->apps);
    const struct config_app *app = config_app_find(c, f->app->app.name);
    return app ? (size_t)(app - c->apps) : c->napps;
}

struct circuit *pipeline_circuit(const struct flight *f)
{
    return circuits_at(f->pipeline->circuits, pipeline_app(f));
}

const struct circuit *pipeline_circuit_at(const struct pipeline *p, size_t app)
{
    return circuits_at(p->circuits, app);
}

void pipeline_move(struct flight *f, enum flight_state to)
{
    struct pipeline *p = f->pipeline;
    assert(f->state != FLIGHT_FINISHING);
    if (f->state == FLIGHT_WAITING)
        TAILQ_REMOVE(&p->waiting, f, turn);
    if (to == FLIGHT_WAITING)
        TAILQ_INSERT_TAIL(&p->waiting, f, turn);
    p->checking += (to == FLIGHT_CHECKING) - (f->state == FLIGHT_CHECKING);
    p->out += (to == FLIGHT_OUT) - (f->state == FLIGHT_OUT);
    if (to == FLIGHT_FINISHING)
        p->busy--;
    p->bound += (to == FLIGHT_BOUND) - (f->state == FLIGHT_BOUND);
    p->held += (to == FLIGHT_HELD) - (f->state == FLIGHT_HELD);
    f->state = to;
}

bool pipeline_may_call(const struct pipeline *p, size_t app)
{
    return !fleet_app_paused(p->fleet, app) && keyring_ready(p->keyring, app);
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

static bool takes_jobs(const struct pipeline *p, size_t app)
{
    return circuits_at(p->circuits, app)->state == CIRCUIT_CLOSED && pipeline_may_call(p, app);
}

bool pipeline_all_open(const struct pipeline *p)
{
    for (size_t i = 0; i < p->config->napps; i++)
        if (takes_jobs(p, i))
            return false;
    return true;
}

/* Of n, those that the app's tokens are worth. */
static size_t jobs_for(struct pipeline *p, size_t app, size_t n)
{
    size_t calls = flow_offer_app(fleet_flow(p->fleet), app, pipeline_calls(p, n));
    size_t jobs = pipeline_jobs(p, calls);
    return jobs < n ? jobs : n;
}

size_t pipeline_drainable(struct pipeline *p, size_t n, struct queue_drain *out, bool *probe)
{
    int64_t now = clock_mono_ms();
    size_t found = 0;
    *probe = false;
    for (size_t i = 0; i < p->config->napps; i++) {
        const char *name = p->config->apps[i].app.name;
        if (circuit_probe_due(circuits_at(p->circuits, i), now) && pipeline_may_call(p, i)) {
            *probe = true;
            out[0] = (struct queue_drain){name, 1};
            return 1;
        }
        /* An app that drains nothing is not named: its parked list's bound holds then. */
        unsigned jobs = takes_jobs(p, i) ? (unsigned)jobs_for(p, i, n) : 0;
        if (jobs)
            out[found++] = (struct queue_drain){name, jobs};
    }
    return found;
}

size_t pipeline_sweepable(const struct pipeline *p, unsigned n, bool room, struct queue_drain *out)
{
    size_t found = 0;
    for (size_t i = 0; i < p->config->napps; i++)
        if (!takes_jobs(p, i) || (room && flow_rests(fleet_flow(p->fleet), i)))
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
