/* SPDX-License-Identifier: MIT */
#include "pipeline/legs.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "job/begun.h"
#include "pipeline/flight.h"

static bool find_begun_apps(struct legs *out, const struct config *c, const char *apps,
                            struct err *e)
{
    char name[BEGUN_APPS_MAX + 1];
    for (const char *p = apps; *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        assert(len < sizeof name);
        memcpy(name, p, len);
        name[len] = '\0';
        const struct config_app *app = config_app_find(c, name);
        if (!app || out->n == CONFIG_GROUP_MAX)
            return err_set(e, "app: no app \"%.64s\" is configured, for which it was begun", name);
        out->v[out->n++].app = app;
        p += len;
    }
    return true;
}

static bool find_leg_apps(struct legs *out, const struct config *c, const struct job *job,
                          const char *apps, struct err *e)
{
    out->name = job->app ? job->app : "default";
    if (apps)
        return find_begun_apps(out, c, apps, e);
    const struct config_app *app = config_app_find(c, out->name);
    const struct config_group *group = app ? NULL : config_group_find(c, out->name);
    out->n = app ? 1 : group ? group->n : 0;
    for (size_t i = 0; i < out->n; i++)
        out->v[i].app = app ? app : group->apps[i];
    return out->n || err_set(e, "app: no app \"%.64s\" is configured", out->name);
}

static void number_parts(struct leg *leg, size_t first)
{
    leg->part = (unsigned)first;
    leg->parts = leg->plan.n;
    for (size_t i = 0; i < leg->parts; i++)
        leg->plan.calls[i].part += leg->part;
}

/* The calls of a plan differ in their target alone. */
static bool check_leg(const struct leg *leg, const struct config *c, const struct job *job,
                      struct err *e)
{
    struct params params;
    bool ok = request_params(job, &leg->app->app, &leg->plan, &leg->plan.calls[0],
                             (size_t)c->payload_max, &params, e);
    params_free(&params);
    return ok;
}

static bool check_legs(const struct legs *l, const struct config *c, const struct job *job,
                       size_t parts, size_t most, struct refusal *why)
{
    if (parts > most)
        return job_refuse(why, REASON_INVALID_TARGET,
                          "target: %zu parts over the group's apps, at most %zu (plan.max_parts)",
                          parts, most);
    for (size_t i = 0; i < l->n; i++)
        if (!check_leg(&l->v[i], c, job, &why->err))
            return err_prefix(&why->err, l->v[i].app->app.name) ||
                   job_refuse_as(why, REASON_INVALID_JOB);
    return true;
}

bool legs_build(struct legs *out, const struct config *c, const struct target_limits *limits,
                const struct job *job, const char *apps, int64_t t0_ms, struct refusal *why)
{
    size_t parts = 0;
    *out = (struct legs){0};
    if (!find_leg_apps(out, c, job, apps, &why->err))
        return job_refuse_as(why, REASON_INVALID_JOB);
    for (size_t i = 0; i < out->n; i++) {
        struct leg *leg = &out->v[i];
        if (!plan_build(job, &leg->app->app, c->templates, limits, t0_ms, &leg->plan, why))
            return out->n > 1 ? err_prefix(&why->err, leg->app->app.name) : false;
        number_parts(leg, parts);
        parts += leg->parts;
    }
    return out->n == 1 || check_legs(out, c, job, parts, limits->max_parts, why);
}

/* --- of a flight ----------------------------------------------------------------------------- */

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

bool legs_plan(struct flight *f, const struct config *config, const struct target_limits *limits,
               const struct job *job, struct refusal *why)
{
    f->group = mem_zalloc(sizeof *f->group);
    if (!legs_build(f->group, config, limits, job, f->env.begun.apps, f->env.t0_ms, why))
        return false;
    take_leg(f, 0);
    return true;
}

bool legs_take_next(struct flight *f)
{
    if (!f->group || f->leg + 1 >= f->group->n)
        return false;
    take_leg(f, f->leg + 1);
    return true;
}

void legs_free(struct legs *l)
{
    for (size_t i = 0; i < l->n; i++)
        plan_free(&l->v[i].plan);
}

const struct config_app *legs_app_of(const struct legs *l, unsigned part)
{
    for (size_t i = 0; i < l->n; i++)
        if (part >= l->v[i].part && part - l->v[i].part < l->v[i].parts)
            return l->v[i].app;
    return NULL;
}
