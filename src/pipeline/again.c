/* SPDX-License-Identifier: MIT */
#include "pipeline/again.h"

#include <stdio.h>
#include <string.h>

#include "aliyun/content.h"
#include "base/mem.h"
#include "config/marks.h"
#include "pipeline/shared/call_params.h"

enum { TEXT_MAX = 4096, APPS_TEXT_MAX = 1024 };

static bool is_of_config(const struct flight *f, const char *digest)
{
    return strcmp(digest, f->config->digest) == 0;
}

/* An envelope that names none is taken at its word: its job is what it was. */
static bool is_made_here(const struct flight *f)
{
    return !f->env.digest[0] || is_of_config(f, f->env.digest);
}

/* --- texts ----------------------------------------------------------------------------------- */

static void set_reason(char **to, struct buf *text)
{
    mem_free(*to);
    *to = buf_take(text);
}

/* what: what differs, "" where that is not known. */
static void say_another(const struct flight *f, const char *config, const char *what, char **to)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_printf(&b, "a call made under configuration %s may be out, ", config[0] ? config : "?");
    if (what[0])
        buf_printf(&b, "and under %s it is another: %.1024s", f->config->digest, what);
    else
        buf_printf(&b, "and whether it is the same under %s is not known", f->config->digest);
    set_reason(to, &b);
}

/* --- configurations -------------------------------------------------------------------------- */

static struct marks_of marks_of_job(const struct flight *f)
{
    struct marks_of m = {.code = f->job.code};
    if (!f->group) {
        m.apps[m.napps++] = f->app->app.name;
        return m;
    }
    m.group = f->group->name;
    for (size_t i = 0; i < f->group->n; i++)
        m.apps[m.napps++] = f->group->v[i].app->app.name;
    return m;
}

/* What differs goes to f->foreign; that stays NULL where the two make the same of the job. */
static void compare_marks(struct flight *f, const char *digest, const char *marks)
{
    struct buf what;
    const struct marks_of job = marks_of_job(f);
    if (is_of_config(f, digest))
        return;
    buf_init(&what, TEXT_MAX);
    if (marks[0])
        marks_write_lacking(f->config, &job, marks, &what);
    if (!marks[0] || what.len)
        say_another(f, digest, buf_text(&what), &f->foreign);
    buf_free(&what);
}

/* --- content --------------------------------------------------------------------------------- */

static void keep_content_as(struct flight *f, unsigned part, const char *config,
                            const struct content *content)
{
    struct begun_call call = {.part = part};
    memcpy(call.content, content->digest, sizeof call.content);
    snprintf(call.config, sizeof call.config, "%s", config);
    begun_add(&f->env.begun, &call, content->checks);
}

static void keep_content(struct flight *f, unsigned part, const char *config,
                         const struct params *params)
{
    struct content content;
    content_of(params, &content);
    keep_content_as(f, part, config, &content);
}

static bool is_to_keep(const struct flight *f, const struct plan_call *call)
{
    return call->part < ENVELOPE_PARTS_MAX && (f->env.unanswered >> call->part & 1) &&
           !begun_find(&f->env.begun, call->part);
}

/* The calls of a plan differ in their audience only: what may be large is made and hashed once. The
 * checks are those of the first call that is kept. */
static void keep_plan(struct flight *f, const struct config_app *app, const struct plan *plan,
                      const char *config)
{
    struct err e;
    struct params params;
    struct request_common *common = NULL;
    size_t i = 0;
    while (i < plan->n && !is_to_keep(f, &plan->calls[i]))
        i++;
    if (i == plan->n)
        return;
    if (request_params(&f->job, &app->app, plan, &plan->calls[i], (size_t)f->config->payload_max,
                       &params, &e)) {
        keep_content(f, plan->calls[i].part, config, &params);
        common = request_common_new(&params);
    }
    while (common && ++i < plan->n) {
        struct content content;
        if (!is_to_keep(f, &plan->calls[i]))
            continue;
        request_set_audience(&plan->calls[i], &params);
        content_of_common(common, &params, &content);
        keep_content_as(f, plan->calls[i].part, config, &content);
    }
    request_common_free(common);
    params_free(&params);
}

/* Every call of it that may be out is one that this configuration makes. */
static void keep_all(struct flight *f, const char *config)
{
    keep_plan(f, f->app, &f->plan, config);
    for (size_t i = 0; f->group && i < f->group->n; i++)
        if (i != f->leg)
            keep_plan(f, f->group->v[i].app, &f->group->v[i].plan, config);
}

void again_compare_configs(struct flight *f, const char *digest, const char *marks)
{
    char config[sizeof f->env.digest];
    const bool shared = call_is_shared(f->call);
    if (!f->env.unanswered && !shared)
        return;
    compare_marks(f, digest, marks);
    memcpy(config, f->env.digest, sizeof config);
    if (!f->foreign && strcmp(config, digest) == 0)
        memcpy(f->env.digest, f->config->digest, sizeof f->env.digest);
    if (!shared && is_made_here(f))
        keep_all(f, config);
}

/* The names of the plan's apps, in their order. */
static void write_plan_apps(const struct flight *f, struct buf *out)
{
    for (size_t i = 0; f->group && i < f->group->n; i++) {
        buf_puts(out, i ? "," : "");
        buf_puts(out, f->group->v[i].app->app.name);
    }
    if (!f->group)
        buf_puts(out, f->app->app.name);
}

static void keep_parts(struct flight *f)
{
    struct buf apps;
    if (!f->app || f->env.begun.apps)
        return; /* not read, or begun before */
    buf_init(&apps, APPS_TEXT_MAX);
    write_plan_apps(f, &apps);
    if (buf_ok(&apps))
        begun_keep_parts(&f->env.begun, buf_text(&apps), &f->config->limits);
    buf_free(&apps);
}

void again_keep_begun(struct flight *f)
{
    struct envelope *env = &f->env;
    if (!env->unanswered && !env->npushes) {
        env->digest[0] = '\0';
        begun_free(&env->begun);
        return;
    }
    if (!env->digest[0])
        memcpy(env->digest, f->config->digest, sizeof env->digest);
    keep_parts(f);
}

void again_keep_content(struct call *c)
{
    struct err e;
    struct params params;
    struct flight *leader = call_leader(c);
    if (!call_is_shared(c) && begun_find(&leader->env.begun, call_part(c)))
        return;
    bool ok = call_params(c, &params, &e);
    for (size_t i = 0; ok && i < c->n; i++)
        keep_content(c->members[i].flight, call_part(c), leader->config->digest, &params);
    params_free(&params);
}

void again_forget(struct call *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct envelope *env = &c->members[i].flight->env;
        begun_drop_all(&env->begun);
        env->digest[0] = '\0';
    }
    mem_free(c->another);
    c->another = NULL;
    c->compared = -1;
}

/* --- the call -------------------------------------------------------------------------------- */

/* The checks are of the first call that is kept, and of those of the same app. */
static void say_differences(struct call *c, const struct begun_call *was, const struct content *now)
{
    struct buf what;
    const struct flight *f = call_leader(c);
    const struct begun *b = &f->env.begun;
    buf_init(&what, TEXT_MAX);
    if (b->checks && (was == b->calls || !f->group))
        content_write_differences(b->checks, now->checks, &what);
    if (!what.len)
        buf_puts(&what, "TargetValue or other parameters");
    say_another(f, was->config, buf_text(&what), &c->another);
    buf_free(&what);
}

static void compare_content(struct call *c, const struct begun_call *was)
{
    struct err e;
    struct params params;
    struct content now;
    if (call_params(c, &params, &e)) {
        content_of(&params, &now);
        if (strcmp(now.digest, was->content) != 0)
            say_differences(c, was, &now);
    } else {
        say_another(call_leader(c), was->config, e.text, &c->another);
    }
    params_free(&params);
}

static void compare_call(struct call *c)
{
    const struct flight *f = call_leader(c);
    const struct begun_call *was = begun_find(&f->env.begun, call_part(c));
    mem_free(c->another);
    c->another = NULL;
    if (!call_may_be_out(c))
        return;
    if (was)
        compare_content(c, was);
    else if (!is_made_here(f) && f->foreign)
        c->another = mem_strdup(f->foreign);
    else if (!is_made_here(f))
        say_another(f, f->env.digest, "", &c->another);
}

bool again_is_another(struct call *c)
{
    if (c->compared != (int)call_part(c))
        compare_call(c);
    c->compared = (int)call_part(c);
    return c->another != NULL;
}

/* --- a shared call --------------------------------------------------------------------------- */

/* A member may have become a job of several calls, or of another app. */
static bool may_still_share(const struct flight *leader, const struct flight *m)
{
    return !m->group && m->plan.n == 1 && m->app == leader->app;
}

static bool is_any_foreign(struct call *c)
{
    const struct flight *leader = call_leader(c);
    bool known = call_stays_whole(c) && begun_find(&leader->env.begun, 0);
    for (size_t i = 0; i < c->n; i++) {
        const struct flight *m = c->members[i].flight;
        if (!may_still_share(leader, m)) {
            say_another(leader, leader->env.digest, "its jobs share no call", &c->another);
            return true;
        }
        if (!known && m->foreign) {
            mem_free(c->another);
            c->another = mem_strdup(m->foreign);
            return true;
        }
    }
    return false;
}

bool again_shared_differs(struct call *c)
{
    if (is_any_foreign(c) || again_is_another(c))
        return true;
    if (call_stays_whole(c))
        again_keep_content(c);
    return false;
}
