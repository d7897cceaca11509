/* SPDX-License-Identifier: MIT */
#include "pipeline/again.h"

#include <stdio.h>
#include <string.h>

#include "aliyun/content.h"
#include "base/mem.h"
#include "config/marks.h"
#include "pipeline/bundle.h"

enum { TEXT_MAX = 4096 };

static unsigned part_of(const struct flight *f)
{
    return f->plan.calls[f->next].part;
}

static bool is_open(const struct flight *f)
{
    return (f->env.unanswered & flight_part_bit(f)) != 0;
}

static bool is_own(const struct flight *f, const char *digest)
{
    return strcmp(digest, f->config->digest) == 0;
}

/* An envelope that names none is taken at its word: its job is what it was. */
static bool is_made_here(const struct flight *f)
{
    return !f->env.digest[0] || is_own(f, f->env.digest);
}

/* --- texts ----------------------------------------------------------------------------------- */

static void say(char **to, struct buf *text)
{
    mem_free(*to);
    *to = buf_take(text);
}

/* what: what differs, "" where that is not known. */
static void say_another(struct flight *f, const char *config, const char *what, char **to)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_printf(&b, "a call made under configuration %s may be out, ", config[0] ? config : "?");
    if (what[0])
        buf_printf(&b, "and under %s it is another: %.1024s", f->config->digest, what);
    else
        buf_printf(&b, "and whether it is the same under %s is not known", f->config->digest);
    say(to, &b);
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
    if (is_own(f, digest))
        return;
    buf_init(&what, TEXT_MAX);
    if (marks[0])
        marks_write_lacking(f->config, &job, marks, &what);
    if (!marks[0] || what.len)
        say_another(f, digest, buf_text(&what), &f->foreign);
    buf_free(&what);
}

/* --- content --------------------------------------------------------------------------------- */

static void keep_as(struct flight *f, unsigned part, const char *config,
                    const struct content *content)
{
    struct begun_call call = {.part = part};
    memcpy(call.content, content->digest, sizeof call.content);
    snprintf(call.config, sizeof call.config, "%s", config);
    begun_add(&f->env.begun, &call, content->checks);
}

static void keep(struct flight *f, unsigned part, const char *config, const struct params *params)
{
    struct content content;
    content_of(params, &content);
    keep_as(f, part, config, &content);
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
        keep(f, plan->calls[i].part, config, &params);
        common = request_common_new(&params);
    }
    while (common && ++i < plan->n) {
        struct content content;
        if (!is_to_keep(f, &plan->calls[i]))
            continue;
        request_set_audience(&plan->calls[i], &params);
        content_of_common(common, &params, &content);
        keep_as(f, plan->calls[i].part, config, &content);
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
    if (!f->env.unanswered && !f->bundle)
        return;
    compare_marks(f, digest, marks);
    memcpy(config, f->env.digest, sizeof config);
    if (!f->foreign && strcmp(config, digest) == 0)
        memcpy(f->env.digest, f->config->digest, sizeof f->env.digest);
    if (!f->bundle && is_made_here(f))
        keep_all(f, config);
}

void again_keep_content(struct flight *f)
{
    struct err e;
    struct params params;
    struct flight **all;
    size_t n = bundle_members(f, &all);
    if (n == 1 && begun_find(&f->env.begun, part_of(f)))
        return;
    bool ok = bundle_params(f, &params, &e);
    for (size_t i = 0; ok && i < n; i++)
        keep(all[i], part_of(f), f->config->digest, &params);
    params_free(&params);
}

void again_forget(struct flight *f)
{
    begun_drop_all(&f->env.begun);
    f->env.digest[0] = '\0';
    mem_free(f->another);
    f->another = NULL;
    f->compared = -1;
}

/* --- the next call --------------------------------------------------------------------------- */

/* The checks are of the first call that is kept, and of those of the same app. */
static void say_differences(struct flight *f, const struct begun_call *was,
                            const struct content *now)
{
    struct buf what;
    const struct begun *b = &f->env.begun;
    buf_init(&what, TEXT_MAX);
    if (b->checks && (was == b->calls || !f->group))
        content_write_differences(b->checks, now->checks, &what);
    if (!what.len)
        buf_puts(&what, "TargetValue or other parameters");
    say_another(f, was->config, buf_text(&what), &f->another);
    buf_free(&what);
}

static void compare_content(struct flight *f, const struct begun_call *was)
{
    struct err e;
    struct params params;
    struct content now;
    if (bundle_params(f, &params, &e)) {
        content_of(&params, &now);
        if (strcmp(now.digest, was->content) != 0)
            say_differences(f, was, &now);
    } else {
        say_another(f, was->config, e.text, &f->another);
    }
    params_free(&params);
}

static void compare_next(struct flight *f)
{
    const struct begun_call *was = begun_find(&f->env.begun, part_of(f));
    mem_free(f->another);
    f->another = NULL;
    if (!is_open(f))
        return;
    if (was)
        compare_content(f, was);
    else if (!is_made_here(f) && f->foreign)
        f->another = mem_strdup(f->foreign);
    else if (!is_made_here(f))
        say_another(f, f->env.digest, "", &f->another);
}

bool again_is_another(struct flight *f)
{
    if (f->compared != (int)part_of(f))
        compare_next(f);
    f->compared = (int)part_of(f);
    return f->another != NULL;
}

/* --- a call of several ----------------------------------------------------------------------- */

/* Each of them may have become a job of several calls, or of another app. */
static bool is_shareable(const struct flight *leader, const struct flight *m)
{
    return !m->group && m->plan.n == 1 && m->app == leader->app;
}

static bool is_any_foreign(struct flight *leader)
{
    struct flight **all;
    size_t n = bundle_members(leader, &all);
    bool known = bundle_is_open(leader) && begun_find(&leader->env.begun, 0);
    for (size_t i = 0; i < n; i++) {
        if (!is_shareable(leader, all[i])) {
            say_another(leader, leader->env.digest, "its jobs share no call", &leader->another);
            return true;
        }
        if (!known && all[i]->foreign) {
            mem_free(leader->another);
            leader->another = mem_strdup(all[i]->foreign);
            return true;
        }
    }
    return false;
}

static void tell_all(struct flight *leader)
{
    struct flight **all;
    size_t n = bundle_members(leader, &all);
    for (size_t i = 0; i < n; i++)
        if (all[i] != leader && !all[i]->another)
            all[i]->another = mem_strdup(leader->another);
}

bool again_bundle_differs(struct flight *leader)
{
    if (!is_any_foreign(leader) && !again_is_another(leader)) {
        if (bundle_is_open(leader))
            again_keep_content(leader);
        return false;
    }
    tell_all(leader);
    return true;
}
