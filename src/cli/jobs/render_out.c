/* SPDX-License-Identifier: MIT */
#include "cli/jobs/render_out.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/visible.h"

enum { NAME_WIDTH = 16 };

static unsigned long number_of(const struct render_out *o, const struct flight *f)
{
    return o->first + f->pos;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void add_json_text(struct buf *b, const char *name, const char *text)
{
    buf_json(b, name, strlen(name));
    buf_putc(b, ':');
    buf_json_or_null(b, text);
}

static void next_text(struct buf *b, const char *name, const char *text)
{
    buf_putc(b, ',');
    add_json_text(b, name, text);
}

static void json_refusal(struct render_out *o, const struct flight *f, const struct refusal *why)
{
    buf_printf(&o->buf, "{\"job\":%lu", number_of(o, f));
    next_text(&o->buf, "id", f->job.id);
    buf_puts(&o->buf, ",\"error\":{");
    add_json_text(&o->buf, "reason", reason_name(why->reason));
    next_text(&o->buf, "message", why->err.text);
    buf_puts(&o->buf, "}}\n");
}

static void json_begin(struct render_out *o, const struct flight *f, unsigned long shared)
{
    char deadline[CLOCK_UTC_SIZE];
    clock_format_utc(f->plan.deadline_ms, deadline);
    buf_printf(&o->buf, "{\"job\":%lu", number_of(o, f));
    next_text(&o->buf, "id", f->job.id);
    next_text(&o->buf, "app", flight_app_name(f));
    next_text(&o->buf, "deadline", deadline);
    buf_printf(&o->buf, ",\"overlap\":%s", f->plan.target.overlap ? "true" : "false");
    if (shared)
        buf_printf(&o->buf, ",\"shared\":{\"call\":%lu,\"task\":%u}", shared, f->env.task);
    buf_puts(&o->buf, ",\"calls\":[");
}

static void json_parameters(struct buf *b, const struct params *params)
{
    next_text(b, "token", params_get(params, "IdempotentToken"));
    buf_puts(b, ",\"parameters\":{");
    for (size_t i = 0; i < params->n; i++) {
        if (i)
            buf_putc(b, ',');
        add_json_text(b, params->v[i].name, params->v[i].value);
    }
    buf_putc(b, '}');
}

static void json_call(struct render_out *o, const struct flight *f, const struct params *params)
{
    const struct plan_call *call = &f->plan.calls[f->next];
    buf_printf(&o->buf, "%s{\"part\":%u", call->part ? "," : "", call->part);
    if (f->group)
        next_text(&o->buf, "app", f->app->app.name);
    next_text(&o->buf, "target", target_kind_name(call->kind));
    next_text(&o->buf, "target_value", call->target_value);
    next_text(&o->buf, "title", params_get(params, "Title"));
    next_text(&o->buf, "body", params_get(params, "Body"));
    json_parameters(&o->buf, params);
    buf_putc(&o->buf, '}');
}

/* A parameter of a task, which bears the task's number in a MassPush only. */
static const char *task_param(const struct call *c, const struct params *params, unsigned task,
                              const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "PushTask.%u.%s", task + 1, name);
    return params_get(params, c->mass ? full : name);
}

static void json_task(struct render_out *o, const struct call *c, unsigned task,
                      const struct params *params)
{
    static const struct {
        const char *member, *name;
    } shown[] = {{"target", "Target"},
                 {"target_value", "TargetValue"},
                 {"title", "Title"},
                 {"body", "Body"},
                 {"job_key", "JobKey"}};
    const char *between = "";
    buf_printf(&o->buf, "%s{\"task\":%u,\"jobs\":[", task ? "," : "", task);
    for (size_t i = 0; i < c->n; i++)
        if (c->members[i].task == task) {
            buf_printf(&o->buf, "%s%lu", between, number_of(o, c->members[i].flight));
            between = ",";
        }
    buf_putc(&o->buf, ']');
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        next_text(&o->buf, shown[i].member, task_param(c, params, task, shown[i].name));
    buf_putc(&o->buf, '}');
}

static void json_shared(struct render_out *o, const struct call *c, unsigned long number,
                        const struct params *params, const char *text)
{
    buf_printf(&o->buf, "{\"call\":%lu", number);
    next_text(&o->buf, "action", call_action_name(c));
    next_text(&o->buf, "app", call_leader(c)->app->app.name);
    if (params) {
        buf_puts(&o->buf, ",\"tasks\":[");
        for (unsigned task = 0; task < c->tasks; task++)
            json_task(o, c, task, params);
        buf_putc(&o->buf, ']');
        json_parameters(&o->buf, params);
    } else {
        next_text(&o->buf, "error", text);
    }
    buf_puts(&o->buf, "}\n");
}

/* --- text ------------------------------------------------------------------------------------ */

static void text_begin(struct render_out *o, const struct flight *f, unsigned long shared)
{
    char deadline[CLOCK_UTC_SIZE];
    clock_format_utc(f->plan.deadline_ms, deadline);
    buf_printf(&o->buf, "job %lu: app %s, not sent after %s", number_of(o, f), flight_app_name(f),
               deadline);
    if (shared)
        buf_printf(&o->buf, "; in shared call %lu, task %u", shared, f->env.task + 1);
    else if (!f->job.id)
        buf_puts(&o->buf, "; without an id: token and JobKey are examples");
    if (f->plan.target.overlap)
        buf_puts(&o->buf, "; the calls may reach a device twice");
    buf_putc(&o->buf, '\n');
}

static const char tasks[] = "PushTask.";

static void text_parameter(struct buf *b, const char *name, const char *value)
{
    buf_puts(b, "    ");
    visible_add(b, name, strlen(name));
    buf_printf(b, "%*s ", strlen(name) < NAME_WIDTH ? NAME_WIDTH - (int)strlen(name) : 0, "");
    visible_add(b, value, strlen(value));
    buf_putc(b, '\n');
}

/* Those whose names begin with prefix, without it; "": those of no task. */
static void text_parameters(struct buf *b, const struct params *params, const char *prefix)
{
    const size_t len = strlen(prefix);
    for (size_t i = 0; i < params->n; i++) {
        const char *name = params->v[i].name;
        if (len ? strncmp(name, prefix, len) == 0 : strncmp(name, tasks, sizeof tasks - 1) != 0)
            text_parameter(b, name + len, params->v[i].value);
    }
}

/* Over all apps of a group. */
static size_t parts_of(const struct flight *f)
{
    size_t parts = f->group ? 0 : f->plan.n;
    for (size_t i = 0; f->group && i < f->group->n; i++)
        parts += f->group->v[i].parts;
    return parts;
}

static void text_call(struct render_out *o, const struct flight *f, const struct params *params)
{
    const struct plan_call *call = &f->plan.calls[f->next];
    buf_printf(&o->buf, "  call %u of %zu: Push to %s%s%s\n", call->part + 1, parts_of(f),
               target_kind_name(call->kind), f->group ? " of app " : "",
               f->group ? f->app->app.name : "");
    text_parameters(&o->buf, params, "");
}

/* Its jobs. */
static void text_task(struct render_out *o, const struct call *c, unsigned task)
{
    const char *between = ": jobs ";
    buf_printf(&o->buf, "  task %u", task + 1);
    for (size_t i = 0; i < c->n; i++)
        if (c->members[i].task == task) {
            buf_printf(&o->buf, "%s%lu", between, number_of(o, c->members[i].flight));
            between = ", ";
        }
    buf_putc(&o->buf, '\n');
}

static void text_shared(struct render_out *o, const struct call *c, unsigned long number,
                        const struct params *params, const char *text)
{
    char prefix[32] = "";
    buf_printf(&o->buf, "shared call %lu: %s, app %s, jobs: %zu, tasks: %zu%s", number,
               call_action_name(c), call_leader(c)->app->app.name, c->n, c->tasks,
               params ? "; the token is an example" : "; cannot be made: ");
    visible_add(&o->buf, params ? "" : text, params ? 0 : strlen(text));
    buf_putc(&o->buf, '\n');
    if (params && c->mass)
        text_parameters(&o->buf, params, prefix);
    for (unsigned task = 0; task < c->tasks; task++) {
        text_task(o, c, task);
        if (c->mass)
            snprintf(prefix, sizeof prefix, "%s%u.", tasks, task + 1);
        if (params)
            text_parameters(&o->buf, params, prefix);
    }
}

/* -------------------------------------------------------------------------------------------- */

static void text_refusal(struct render_out *o, const struct flight *f, const struct refusal *why)
{
    buf_printf(&o->buf, "job %lu: refused: %s: ", number_of(o, f), reason_name(why->reason));
    visible_add(&o->buf, why->err.text, strlen(why->err.text));
    buf_putc(&o->buf, '\n');
}

void render_refusal(struct render_out *o, const struct flight *f, const struct refusal *why)
{
    if (o->json)
        json_refusal(o, f, why);
    else
        text_refusal(o, f, why);
}

void render_begin(struct render_out *o, const struct flight *f, unsigned long shared)
{
    if (o->json)
        json_begin(o, f, shared);
    else
        text_begin(o, f, shared);
}

void render_call(struct render_out *o, const struct flight *f, const struct params *params)
{
    if (o->json)
        json_call(o, f, params);
    else
        text_call(o, f, params);
}

void render_end(struct render_out *o)
{
    if (o->json)
        buf_puts(&o->buf, "]}\n");
}

void render_shared(struct render_out *o, const struct call *c, unsigned long number,
                   const struct params *params, const char *text)
{
    if (o->json)
        json_shared(o, c, number, params, text);
    else
        text_shared(o, c, number, params, text);
}
