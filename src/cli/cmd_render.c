/* SPDX-License-Identifier: MIT
 * pushbridge render: the calls that jobs would make, without sending them. */
#include <getopt.h>
#include <string.h>

#include "aliyun/request.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "worker/legs.h"

enum { OUT_MAX = 64 * 1024 * 1024 };

static const char help[] =
    "usage: pushbridge render [-c FILE] [--json] [JOB…]\n"
    "\n"
    "Shows the calls that each JOB (without any: each line of the standard input) would make if "
    "it\n"
    "were claimed now, and why a job would be refused (exit 1). Nothing is sent; credentials are\n"
    "not needed and never shown.\n"
    "\n"
    "  -c, --config FILE   configuration file\n"
    "  --json              one JSON object per job\n";

/* What a job without an id is called before a worker has claimed it. */
static const char example_uid[] = "0000000000000000-0";

struct render {
    const struct config *config;
    bool json;
    unsigned long jobs, refused;
    struct buf out;
};

/* One job on its way; the parts point into each other. */
struct rendering {
    struct job job;
    struct legs legs;
    enum reason why;
    struct err e;
};

/* --- JSON ------------------------------------------------------------------------------------ */

static void add_text(struct buf *b, const char *name, const char *text)
{
    buf_json(b, name, strlen(name));
    buf_putc(b, ':');
    buf_json_or_null(b, text);
}

static void json_refusal(struct render *r, const struct rendering *x)
{
    buf_printf(&r->out, "{\"job\":%lu,", r->jobs);
    add_text(&r->out, "id", x->job.id);
    buf_puts(&r->out, ",\"error\":{");
    add_text(&r->out, "reason", reason_name(x->why));
    buf_putc(&r->out, ',');
    add_text(&r->out, "message", x->e.text);
    buf_puts(&r->out, "}}\n");
}

static void json_call(struct render *r, const char *app, const struct call *call,
                      const struct params *params)
{
    if (call->part)
        buf_putc(&r->out, ',');
    buf_printf(&r->out, "{\"part\":%u,", call->part);
    if (app) {
        add_text(&r->out, "app", app);
        buf_putc(&r->out, ',');
    }
    add_text(&r->out, "target", target_kind_name(call->kind));
    buf_putc(&r->out, ',');
    add_text(&r->out, "target_value", call->target_value);
    buf_putc(&r->out, ',');
    add_text(&r->out, "title", params_get(params, "Title"));
    buf_putc(&r->out, ',');
    add_text(&r->out, "body", params_get(params, "Body"));
    buf_putc(&r->out, ',');
    add_text(&r->out, "token", params_get(params, "IdempotentToken"));
    buf_puts(&r->out, ",\"parameters\":{");
    for (size_t i = 0; i < params->n; i++) {
        if (i)
            buf_putc(&r->out, ',');
        add_text(&r->out, params->v[i].name, params->v[i].value);
    }
    buf_puts(&r->out, "}}");
}

static void json_begin(struct render *r, const struct rendering *x)
{
    char deadline[CLOCK_UTC_SIZE];
    clock_format_utc(x->legs.v[0].plan.deadline_ms, deadline);
    buf_printf(&r->out, "{\"job\":%lu,", r->jobs);
    add_text(&r->out, "id", x->job.id);
    buf_putc(&r->out, ',');
    add_text(&r->out, "app", x->legs.name);
    buf_putc(&r->out, ',');
    add_text(&r->out, "deadline", deadline);
    buf_printf(&r->out, ",\"overlap\":%s,\"calls\":[",
               x->legs.v[0].plan.target.overlap ? "true" : "false");
}

/* --- text ------------------------------------------------------------------------------------ */

static void text_refusal(struct render *r, const struct rendering *x)
{
    buf_printf(&r->out, "job %lu: refused: %s: %s\n", r->jobs, reason_name(x->why), x->e.text);
}

static void text_call(struct render *r, const char *app, size_t parts, const struct call *call,
                      const struct params *params)
{
    buf_printf(&r->out, "  call %u of %zu: Push to %s%s%s\n", call->part + 1, parts,
               target_kind_name(call->kind), app ? " of app " : "", app ? app : "");
    for (size_t i = 0; i < params->n; i++)
        buf_printf(&r->out, "    %-16s %s\n", params->v[i].name, params->v[i].value);
}

static void text_begin(struct render *r, const struct rendering *x)
{
    char deadline[CLOCK_UTC_SIZE];
    clock_format_utc(x->legs.v[0].plan.deadline_ms, deadline);
    buf_printf(&r->out, "job %lu: app %s, not sent after %s%s%s\n", r->jobs, x->legs.name, deadline,
               x->job.id ? "" : "; without an id: token and JobKey are examples",
               x->legs.v[0].plan.target.overlap ? "; the calls may reach a device twice" : "");
}

/* --- one job --------------------------------------------------------------------------------- */

static bool read_job(const struct config *c, const char *bytes, size_t len, struct rendering *x)
{
    if (len > (size_t)c->job_max_bytes) {
        x->why = REASON_INVALID_JOB;
        return err_set(&x->e, "job: %zu bytes, at most %lld (queue.job_max_bytes)", len,
                       (long long)c->job_max_bytes);
    }
    if (!job_parse(bytes, len, &c->job_limits, &x->job, &x->why, &x->e))
        return false;
    if (!legs_build(&x->legs, c, &x->job, clock_wall_ms(), &x->why, &x->e))
        return false;
    x->why = REASON_INVALID_JOB;
    for (size_t i = 0; i < x->legs.n; i++)
        if (!x->legs.v[i].app->app.app_key)
            return err_set(&x->e, "app: \"%.64s\" has no app_key", x->legs.v[i].app->app.name);
    return true;
}

static bool make_call(const struct config *c, struct rendering *x, const struct leg *leg,
                      const struct call *call, struct params *params)
{
    char token[TOKEN_SIZE], key[TOKEN_SIZE];
    x->why = REASON_INVALID_JOB;
    if (!request_params(&x->job, &leg->app->app, &leg->plan, call, (size_t)c->payload_max, params,
                        &x->e))
        return false;
    request_token(params, x->job.id ? x->job.id : example_uid, 0, call->part, token);
    request_job_key(x->job.id, token, key);
    params_set_copy(params, "IdempotentToken", token);
    params_set_copy(params, "JobKey", key);
    params_sort(params);
    return true;
}

static bool write_leg(struct render *r, struct rendering *x, const struct leg *leg, size_t parts)
{
    const char *app = x->legs.n > 1 ? leg->app->app.name : NULL;
    bool ok = true;
    for (size_t i = 0; i < leg->plan.n && ok; i++) {
        struct params params;
        ok = make_call(r->config, x, leg, &leg->plan.calls[i], &params);
        if (ok && r->json)
            json_call(r, app, &leg->plan.calls[i], &params);
        else if (ok)
            text_call(r, app, parts, &leg->plan.calls[i], &params);
        params_free(&params);
    }
    return ok;
}

static bool write_calls(struct render *r, struct rendering *x)
{
    size_t parts = 0;
    bool ok = true;
    for (size_t i = 0; i < x->legs.n; i++)
        parts += x->legs.v[i].parts;
    for (size_t i = 0; i < x->legs.n && ok; i++)
        ok = write_leg(r, x, &x->legs.v[i], parts);
    return ok;
}

static bool write_job(struct render *r, struct rendering *x)
{
    if (r->json)
        json_begin(r, x);
    else
        text_begin(r, x);
    if (!write_calls(r, x))
        return false;
    if (r->json)
        buf_puts(&r->out, "]}\n");
    return true;
}

static void render_job(struct render *r, const char *bytes, size_t len)
{
    struct rendering x = {0};
    r->jobs++;
    buf_reset(&r->out);
    if (!read_job(r->config, bytes, len, &x) || !write_job(r, &x)) {
        r->refused++;
        buf_reset(&r->out);
        if (r->json)
            json_refusal(r, &x);
        else
            text_refusal(r, &x);
    }
    fwrite(buf_text(&r->out), 1, r->out.len, stdout);
    legs_free(&x.legs);
    job_free(&x.job);
}

static void render_input(struct render *r)
{
    struct buf line;
    buf_init(&line, (size_t)r->config->job_max_bytes + 1);
    while (cli_read_line(stdin, &line))
        if (line.len)
            render_job(r, buf_text(&line), line.len);
    buf_free(&line);
}

/* --- command --------------------------------------------------------------------------------- */

static int render(const char *file, bool json, int njobs, char **jobs)
{
    struct config config;
    if (!cli_load(file, false, &config))
        return CLI_CONFIG;
    struct render r = {.config = &config, .json = json};
    buf_init(&r.out, OUT_MAX);
    if (!config.napps)
        fputs("pushbridge: no app: set PREQ_APP_KEY, aliyun.app_key or a list of apps\n", stderr);
    for (int i = 0; i < njobs && config.napps; i++)
        render_job(&r, jobs[i], strlen(jobs[i]));
    if (!njobs && config.napps)
        render_input(&r);
    int code = !config.napps ? CLI_CONFIG : r.refused ? CLI_FAILED : CLI_OK;
    buf_free(&r.out);
    config_free(&config);
    return code;
}

int cmd_render(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool json = false;
    int c;
    optind = 1;
    while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (c == 'c')
            file = optarg;
        else if (c == 'j')
            json = true;
        else if (c == 'h')
            return fputs(help, stdout), CLI_OK;
        else
            return CLI_USAGE;
    }
    return render(file, json, argc - optind, argv + optind);
}
