/* SPDX-License-Identifier: MIT
 * pushbridge render: the calls that jobs would make, without sending them. */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/jobs/render_out.h"
#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shareable.h"
#include "pipeline/shared/shared_call.h"

enum { OUT_MAX = 64 * 1024 * 1024 };

/* What stands for a batch's id before a worker has claimed it. */
static const char example_batch[] = "0000000000000000";

/* One job on its way. */
struct rendering {
    struct flight flight;
    struct refusal why;
    bool refused;
};

/* The jobs that are looked at together, as if one claim had brought them. */
struct render {
    const struct config *config;
    struct render_out out;
    unsigned long refused, calls; /* of the whole input; calls: shared ones */
    int64_t now_ms;
    struct rendering *jobs;
    size_t n, max;
    struct coalesce_item items[SHAREABLE_CLAIM_MAX];
    struct grouping grouping;
};

/* --- reading --------------------------------------------------------------------------------- */

static bool has_app_key(const struct config_app *app, struct err *e)
{
    return app->app.app_key || err_set(e, "app: \"%.64s\" has no app_key", app->app.name);
}

static bool read_job(const struct config *c, struct rendering *x)
{
    struct flight *f = &x->flight;
    if (!flight_read(f, c, &x->why))
        return false;
    x->why.reason = REASON_INVALID_JOB;
    if (!f->group)
        return has_app_key(f->app, &x->why.err);
    for (size_t i = 0; i < f->group->n; i++)
        if (!has_app_key(f->group->v[i].app, &x->why.err))
            return false;
    return true;
}

static void add_job(struct render *r, const char *bytes, size_t len)
{
    struct rendering *x = &r->jobs[r->n];
    if (!r->n)
        r->now_ms = clock_wall_ms();
    const struct queue_claim claim = {.batch = example_batch,
                                      .t0_ms = r->now_ms,
                                      .now_ms = r->now_ms,
                                      .digest = r->config->digest};
    const struct queue_member member = {.pos = (unsigned)r->n++,
                                        .oversize = len > (size_t)r->config->job_max_bytes,
                                        .envelope = "",
                                        .bytes = bytes,
                                        .len = len};
    *x = (struct rendering){0};
    const bool fresh = flight_init(&x->flight, &claim, &member, &x->why.err);
    x->flight.config = r->config;
    x->refused = !fresh || !read_job(r->config, x);
}

/* --- what shares calls ----------------------------------------------------------------------- */

static size_t describe_all(struct render *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        struct rendering *x = &r->jobs[i];
        struct params params;
        struct err e;
        if (x->refused || !shareable_allows(&x->flight, r->now_ms))
            continue;
        size_t app = (size_t)(x->flight.app - r->config->apps);
        if (call_params(&x->flight.lone, &params, &e))
            shareable_describe(&x->flight, app, &params, &r->items[n++]);
        params_free(&params);
    }
    return n;
}

static void group(struct render *r)
{
    const struct coalesce_rules rules = shareable_rules(r->config);
    struct grouping *g = &r->grouping;
    g->ncalls = g->n = 0;
    if (r->n > 1)
        coalesce(r->items, describe_all(r), &rules, example_batch, g);
    for (size_t i = 0; i < g->ncalls; i++) {
        const struct grouping_call *call = &g->calls[i];
        struct call *c = shared_call_new(call);
        for (size_t k = call->first; k < call->first + call->n; k++)
            shared_add(c, &r->jobs[g->members[k].pos].flight, g->members[k].task);
    }
}

static unsigned long shared_call(const struct render *r, const struct flight *f)
{
    const struct grouping *g = &r->grouping;
    for (size_t i = 0; call_is_shared(f->call) && i < g->ncalls; i++)
        if (strcmp(g->calls[i].id, f->call->id) == 0)
            return r->calls + i + 1;
    return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static void flush(struct render_out *o)
{
    fwrite(buf_text(&o->buf), 1, o->buf.len, stdout);
    buf_reset(&o->buf);
}

static bool write_own_calls(struct render_out *o, struct rendering *x)
{
    bool ok = true;
    for (struct flight *f = &x->flight; ok && flight_next_call(f); f->next++) {
        struct params params;
        ok = call_params(f->call, &params, &x->why.err);
        if (ok) {
            call_params_name(f->call, &params);
            params_sort(&params);
            render_call(o, f, &params);
        }
        params_free(&params);
    }
    return ok;
}

static void write_job(struct render *r, struct rendering *x)
{
    struct render_out *o = &r->out;
    if (!x->refused) {
        render_begin(o, &x->flight, shared_call(r, &x->flight));
        x->refused = !call_is_shared(x->flight.call) && !write_own_calls(o, x);
        render_end(o);
    }
    if (x->refused) {
        r->refused++;
        buf_reset(&o->buf);
        render_refusal(o, &x->flight, &x->why);
    }
    flush(o);
}

/* Tasks stay in their order. */
static void write_shared(struct render *r, struct call *c)
{
    struct params params;
    struct err e = {""};
    shared_close(c);
    bool ok = call_params(c, &params, &e);
    if (ok) {
        call_params_name(c, &params);
        if (!c->mass)
            params_sort(&params);
    }
    render_shared(&r->out, c, ++r->calls, ok ? &params : NULL, e.text);
    r->refused += !ok;
    params_free(&params);
    flush(&r->out);
}

static void render_jobs(struct render *r)
{
    const struct grouping *g = &r->grouping;
    group(r);
    for (size_t i = 0; i < r->n; i++)
        write_job(r, &r->jobs[i]);
    for (size_t i = 0; i < g->ncalls; i++)
        write_shared(r, r->jobs[g->members[g->calls[i].first].pos].flight.call);
    for (size_t i = 0; i < r->n; i++) {
        struct flight *f = &r->jobs[i].flight;
        if (call_is_shared(f->call))
            shared_leave(f->call);
        flight_free(f);
    }
    r->out.first += r->n;
    r->n = 0;
}

static void take_job(struct render *r, const char *bytes, size_t len)
{
    add_job(r, bytes, len);
    if (r->n == r->max)
        render_jobs(r);
}

static bool take_input(struct render *r)
{
    struct buf line;
    buf_init(&line, (size_t)r->config->job_max_bytes + 1);
    while (cli_read_line(stdin, &line))
        if (line.len)
            take_job(r, buf_text(&line), line.len);
    bool ok = cli_input_ok();
    buf_free(&line);
    return ok;
}

/* --- command --------------------------------------------------------------------------------- */

static int take_all(struct render *r, int njobs, char **jobs)
{
    if (!r->config->napps) {
        fputs("pushbridge: no app: set PREQ_APP_KEY, aliyun.app_key or a list of apps\n", stderr);
        return CLI_CONFIG;
    }
    for (int i = 0; i < njobs; i++)
        take_job(r, jobs[i], strlen(jobs[i]));
    bool ok = njobs || take_input(r);
    render_jobs(r);
    return r->refused || !ok ? CLI_FAILED : CLI_OK;
}

struct render_args {
    struct cli_args common;
    bool json;
};

static int run_render(void *args, struct config *config)
{
    const struct render_args *a = args;
    struct render *r = mem_zalloc(sizeof *r);
    r->config = config;
    r->out = (struct render_out){.json = a->json, .first = 1};
    r->max = config->coalesce ? SHAREABLE_CLAIM_MAX : 1; /* 1: each is shown as it comes */
    r->jobs = mem_alloc(r->max * sizeof *r->jobs);
    buf_init(&r->out.buf, OUT_MAX);
    int code = take_all(r, a->common.given.nwords, a->common.given.words);
    buf_free(&r->out.buf);
    mem_free(r->jobs);
    mem_free(r);
    return code;
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_FLAG("json", struct render_args, json,
                  "one JSON object per job, and per shared call")},
};
static const struct args_command render_args = {
    .name = "render",
    .title = "show the calls that jobs would make, send nothing",
    .about =
        "Shows the calls that each JOB (without any: each line of the standard input) would make "
        "if it were claimed now, and why a job would be refused (exit 1). Nothing is sent; "
        "credentials are not needed and never shown.\n\n"
        "Jobs that would share a call if they were claimed together (plan.coalesce) are shown with "
        "that call behind them. They are taken in groups of 200, a claim's most; a worker's claims "
        "may be smaller, and share less.",
    ARGS_NO_VERB("[-c FILE] [--json]", "[JOB…]", 0, ARGS_MANY),
    ARGS_OPTIONS(options),
    .size = sizeof(struct render_args),
};
const struct cli_command cmd_render = {&render_args, CLI_NEEDS_TOOL, run_render};
