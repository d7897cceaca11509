/* SPDX-License-Identifier: MIT
 * From a job, its rendered message and its target to the calls that deliver it. Pure: t0 comes
 * in as an argument, so that every attempt makes the same calls. */
#ifndef PB_JOB_PLAN_H
#define PB_JOB_PLAN_H

#include "base/buf.h"
#include "job/job.h"
#include "job/quiet.h"
#include "job/target.h"
#include "job/template/template.h"

/* A configured app: what its jobs have in common. Strings are owned by the configuration. */
struct app {
    const char *name;        /* "default" */
    const char *app_key;     /* decimal text */
    const char *title;       /* for literal messages; NULL: the name */
    const char *device_type; /* ANDROID, iOS, HARMONY, ALL */
    const char *push_type;   /* MESSAGE, NOTICE */
    bool store_offline;
    int64_t push_delay_s;  /* PushTime = t0 + this; 0: no PushTime */
    int64_t ttl_s;         /* default deadline: 86400 */
    bool resend_ambiguous; /* policy for ambiguous calls: resend, else dead */
    int64_t max_attempts;  /* 0: the general option */
    const char *quiet_text;
    struct quiet quiet; /* no message push (type 0) shows in these hours */
    json_t *push;       /* defaults of provider parameters by name, or NULL */
};

/* One call-to-be. Strings are owned by the plan. */
struct plan_call {
    unsigned part;
    enum target_kind kind;
    const char *target_value;
};

/* Parameters that a layer of the template gives; parts only for a NOTICE. Owned, NULL: none. */
struct plan_layer {
    json_t *parts, *push;
};

struct plan {
    struct buf title, body; /* Title and Body parameters */
    struct target target;
    struct plan_call *calls;
    size_t n;
    bool own_title; /* the job's or its template's: an app's default Title does not replace it */
    struct plan_layer layers[TEMPLATE_LAYERS_MAX]; /* of the template, weakest first */
    size_t nlayers;
    const char *push_type, *device_type; /* app, template, job: the last that says; borrowed */
    int64_t push_time_ms;                /* 0: at once */
    int64_t deadline_ms;                 /* not sent after this */
    int64_t expire_time_ms;              /* the ExpireTime parameter; 0: none */
    int64_t send_by_ms; /* the deadline, or before it, while the provider takes ExpireTime */
};

/* False with why (unknown_template, invalid_target, invalid_job, expired). plan_free() must be
 * called in both cases. Title: template title, else code; literal message: title, else the
 * app's title, else its name. Body: {"type":T,"message":"…"} for MESSAGE, the plain text for
 * NOTICE. A template's variant for a platform is picked by the DeviceType of the job, else the
 * app's. Times by the contract: base = PushTime if scheduled, else enqueued_at if within 7 days
 * back and 60 s ahead of t0, else t0; deadline = the earlier of ttl_s and expire_at, without both
 * the app's ttl; expire_time = min(deadline, base + 72 h). A push_at more than 7 days ahead of t0
 * is invalid_job, one in the past means at once. A message push that would show in the app's quiet
 * hours gets their end as PushTime, without another deadline; where that lies behind the deadline
 * the job is expired. ExpireTime must lie more than 3 s after sending and showing, so that a job
 * whose PushTime is not that long before its deadline is expired too; with SMS linkage (its
 * parameters are set) there is no ExpireTime. */
MUST_USE bool plan_build(const struct job *job, const struct app *app,
                         const struct template_set *templates, const struct target_limits *limits,
                         int64_t t0_ms, struct plan *out, struct refusal *why);
/* at_ms, or when the job may show again: the end of its app's quiet hours. */
int64_t plan_quiet_end_ms(const struct job *job, const struct app *app, int64_t at_ms);
void plan_free(struct plan *p);

#endif
