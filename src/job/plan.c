/* SPDX-License-Identifier: MIT */
#include "job/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

/* Far above what the provider takes (1800 bytes over all fields), so that the refusal that names
 * its ceiling is made where that is an option; this one only keeps a template from exploding. */
enum { TITLE_MAX = 16 << 10, BODY_MAX = 128 << 10 };

static const int64_t second_ms = 1000;
static const int64_t schedule_max_ms = INT64_C(7) * 86400 * 1000;
static const int64_t enqueued_past_ms = INT64_C(7) * 86400 * 1000;
static const int64_t enqueued_future_ms = INT64_C(60) * 1000;
static const int64_t expire_max_ms = INT64_C(72) * 3600 * 1000;
static const int64_t expire_lead_ms = 3 * 1000;

/* --- parameters that decide how the call is made --------------------------------------------- */

static const char *push_text(const json_t *push, const char *name)
{
    return json_string_value(json_object_get(push, name));
}

/* All of a job's values are checked with the call; these ones are needed before. */
static bool check_overrides(const struct job *job, struct err *e)
{
    static const char *const names[] = {"PushType", "DeviceType"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(job->push, names[i]);
        if (value && !json_is_string(value))
            return err_set(e, "push.%s: takes a string", names[i]);
    }
    return true;
}

/* What the job, its template or the app says, the first of them that does. */
static const char *param_of(const struct job *job, const struct app *app, const struct plan *p,
                            const char *name)
{
    const char *text = push_text(job->push, name);
    for (size_t i = p->nlayers; i-- > 0 && !text;)
        text = push_text(p->layers[i].push, name);
    return text ? text : push_text(app->push, name);
}

static void set_kind(const struct job *job, const struct app *app, struct plan *out)
{
    const char *push_type = param_of(job, app, out, "PushType");
    const char *device_type = param_of(job, app, out, "DeviceType");
    out->push_type = push_type ? push_type : app->push_type;
    out->device_type = device_type ? device_type : app->device_type;
}

/* --- message -------------------------------------------------------------------------------- */

static void write_body(const struct plan *p, int type, const char *text, size_t len,
                       struct buf *body)
{
    if (strcmp(p->push_type, "MESSAGE") != 0) {
        buf_add(body, text, len);
        return;
    }
    buf_puts(body, "{\"type\":");
    buf_int(body, type);
    buf_puts(body, ",\"message\":");
    buf_json_raw(body, text, len);
    buf_putc(body, '}');
}

static void write_literal(const struct job *job, const struct app *app, struct plan *out)
{
    const char *by_app = app->title ? app->title : app->name;
    out->own_title = job->title != NULL;
    buf_puts(&out->title, job->title ? job->title : by_app);
    write_body(out, job->type, job->message, strlen(job->message), &out->body);
}

static bool write_template(const struct job *job, const struct template *t, struct plan *out,
                           struct err *e)
{
    struct buf text;
    buf_init(&text, BODY_MAX);
    bool ok = template_render(t, job, &out->title, &text, e);
    if (ok && !buf_ok(&text))
        ok =
            err_set(e, "template %.64s: a message of more than %d bytes", job->code, (int)BODY_MAX);
    out->own_title = template_has_title(t);
    if (ok && !out->own_title)
        buf_puts(&out->title, job->code);
    if (ok)
        write_body(out, job->type, buf_text(&text), text.len, &out->body);
    buf_free(&text);
    return ok;
}

static bool check_sizes(const struct plan *p, struct err *e)
{
    if (!buf_ok(&p->title))
        return err_set(e, "title: more than %d bytes", (int)TITLE_MAX);
    if (!buf_ok(&p->body))
        return err_set(e, "message: more than %d bytes", (int)BODY_MAX);
    return true;
}

static bool unknown_template(const struct job *job, struct refusal *why)
{
    return job_refuse(why, REASON_UNKNOWN_TEMPLATE, "template %.64s: unknown%s%.32s", job->code,
                      job->locale ? ", also for locale " : "", job->locale ? job->locale : "");
}

/* The kind of the push follows from what is rendered first. */
static bool render_layers(const struct template_pick *pick, const struct job *job,
                          const struct app *app, struct plan *out, struct err *e)
{
    for (size_t i = 0; i < pick->n; i++)
        if (!template_render_push(pick->layers[i], job, &out->layers[out->nlayers++].push, e))
            return false;
    set_kind(job, app, out);
    if (strcmp(out->push_type, "NOTICE") != 0)
        return true;
    for (size_t i = 0; i < pick->n; i++)
        if (!template_render_parts(pick->layers[i], job, &out->layers[i].parts, e))
            return false;
    return true;
}

static bool write_message(const struct job *job, const struct app *app,
                          const struct template_set *templates, struct plan *out,
                          struct refusal *why)
{
    struct template_pick pick = {0};
    assert(job->message || job->code);
    if (job->code && !template_pick(templates, job->code, out->device_type, job->locale, &pick))
        return unknown_template(job, why);
    if (!render_layers(&pick, job, app, out, &why->err))
        return job_refuse_as(why, REASON_INVALID_JOB);
    if (job->message)
        write_literal(job, app, out);
    else if (!write_template(job, pick.text, out, &why->err))
        return job_refuse_as(why, REASON_INVALID_JOB);
    return check_sizes(out, &why->err) || job_refuse_as(why, REASON_INVALID_JOB);
}

/* --- times ---------------------------------------------------------------------------------- */

/* base + seconds, held at the end of time where that is beyond it. */
static int64_t after(int64_t base_ms, int64_t seconds)
{
    int64_t ms, sum;
    if (__builtin_mul_overflow(seconds, second_ms, &ms) ||
        __builtin_add_overflow(base_ms, ms, &sum))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

static bool schedule(const struct job *job, const struct app *app, int64_t t0_ms,
                     int64_t *push_time_ms, struct err *e)
{
    const char *member = "the app's push_delay_s";
    int64_t at_ms;
    if (job->delay_s != JOB_ABSENT) {
        member = "delay_s";
        at_ms = after(t0_ms, job->delay_s);
    } else if (job->push_at_ms != JOB_ABSENT) {
        member = "push_at";
        at_ms = job->push_at_ms;
    } else {
        at_ms = after(t0_ms, app->push_delay_s);
    }
    *push_time_ms = at_ms > t0_ms ? at_ms : 0;
    if (*push_time_ms > after(t0_ms, schedule_max_ms / second_ms))
        return err_set(e, "%s: %" PRId64 " s ahead, at most 7 days (%" PRId64 " s)", member,
                       (at_ms - t0_ms) / second_ms, schedule_max_ms / second_ms);
    return true;
}

static int64_t base_time(const struct job *job, const struct plan *p, int64_t t0_ms)
{
    const int64_t enqueued = job->enqueued_at_ms;
    if (p->push_time_ms)
        return p->push_time_ms;
    if (enqueued != JOB_ABSENT && enqueued >= t0_ms - enqueued_past_ms &&
        enqueued <= t0_ms + enqueued_future_ms)
        return enqueued;
    return t0_ms;
}

static void set_deadline(const struct job *job, const struct app *app, int64_t base_ms,
                         struct plan *out)
{
    int64_t deadline = INT64_MAX;
    if (job->ttl_s != JOB_ABSENT)
        deadline = after(base_ms, job->ttl_s);
    if (job->expire_at_ms != JOB_ABSENT)
        deadline = min_int(deadline, job->expire_at_ms);
    if (job->ttl_s == JOB_ABSENT && job->expire_at_ms == JOB_ABSENT)
        deadline = after(base_ms, app->ttl_s);
    out->deadline_ms = deadline;
    out->expire_time_ms = min_int(deadline, base_ms + expire_max_ms);
    if (param_of(job, app, out, "SmsTemplateName"))
        out->expire_time_ms = 0; /* the provider uses SmsDelaySecs instead */
}

/* ExpireTime goes out in whole seconds, and must be later than this many after sending. */
static void set_send_by(struct plan *out)
{
    int64_t whole_ms = out->expire_time_ms / second_ms * second_ms;
    out->send_by_ms = out->expire_time_ms ? whole_ms - expire_lead_ms - 1 : out->deadline_ms;
}

static bool shows_in_time(const struct plan *p, struct refusal *why)
{
    if (!p->push_time_ms || p->push_time_ms <= p->send_by_ms)
        return true;
    return job_refuse(why, REASON_EXPIRED,
                      "its deadline is not more than %" PRId64 " s after it would show",
                      expire_lead_ms / second_ms);
}

int64_t plan_quiet_end_ms(const struct job *job, const struct app *app, int64_t at_ms)
{
    return job->type == 0 ? quiet_end_ms(&app->quiet, at_ms) : at_ms;
}

static bool keep_quiet(const struct job *job, const struct app *app, int64_t t0_ms,
                       struct plan *out, struct refusal *why)
{
    int64_t shows_ms = out->push_time_ms ? out->push_time_ms : t0_ms;
    int64_t loud_ms = plan_quiet_end_ms(job, app, shows_ms);
    if (loud_ms == shows_ms)
        return true;
    if (loud_ms > out->deadline_ms)
        return job_refuse(why, REASON_EXPIRED,
                          "quiet: its deadline is %" PRId64 " s before the quiet hours' end",
                          (loud_ms - out->deadline_ms) / second_ms);
    if (loud_ms > t0_ms + schedule_max_ms)
        return job_refuse(why, REASON_INVALID_JOB,
                          "quiet: the quiet hours' end is more than 7 days ahead");
    out->push_time_ms = loud_ms;
    return true;
}

/* -------------------------------------------------------------------------------------------- */

static void set_calls(struct plan *p)
{
    p->n = p->target.n;
    p->calls = mem_alloc(p->n * sizeof *p->calls);
    for (size_t i = 0; i < p->n; i++)
        p->calls[i] = (struct plan_call){
            .part = (unsigned)i, .kind = p->target.kind, .target_value = p->target.values[i]};
}

bool plan_build(const struct job *job, const struct app *app, const struct template_set *templates,
                const struct target_limits *limits, int64_t t0_ms, struct plan *out,
                struct refusal *why)
{
    *out = (struct plan){0};
    buf_init(&out->title, TITLE_MAX);
    buf_init(&out->body, BODY_MAX);
    why->reason = REASON_NONE;
    if (!check_overrides(job, &why->err) ||
        !schedule(job, app, t0_ms, &out->push_time_ms, &why->err))
        return job_refuse_as(why, REASON_INVALID_JOB);
    set_kind(job, app, out);
    if (!write_message(job, app, templates, out, why))
        return false;
    if (!target_build(job, limits, &out->target, &why->err))
        return job_refuse_as(why, REASON_INVALID_TARGET);
    set_deadline(job, app, base_time(job, out, t0_ms), out);
    set_send_by(out);
    if (!keep_quiet(job, app, t0_ms, out, why) || !shows_in_time(out, why))
        return false;
    set_calls(out);
    return true;
}

void plan_free(struct plan *p)
{
    buf_free(&p->title);
    buf_free(&p->body);
    for (size_t i = 0; i < p->nlayers; i++) {
        json_decref(p->layers[i].parts);
        json_decref(p->layers[i].push);
    }
    p->nlayers = 0;
    target_free(&p->target);
    mem_free(p->calls);
    p->calls = NULL;
    p->n = 0;
}
