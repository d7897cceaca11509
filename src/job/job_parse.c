/* SPDX-License-Identifier: MIT */
#include "job/job_json.h"
#include "job/job_members.h"
#include "job/written/foreign.h"

static bool check_job_text(struct reading *r)
{
    const struct job *job = r->job;
    if (job->code && job->message)
        return reading_refuse(r, REASON_INVALID_JOB, "code and message: only one of them");
    if (!job->code && !job->message)
        return reading_refuse(r, REASON_INVALID_JOB, "code or message: one of them is required");
    if (job->title && !job->message)
        return reading_refuse(r, REASON_INVALID_JOB, "title: only with message");
    return true;
}

static bool check_job_times(struct reading *r)
{
    const struct job *job = r->job;
    if (job->delay_s != JOB_ABSENT && job->push_at_ms != JOB_ABSENT)
        return reading_refuse(r, REASON_INVALID_JOB, "delay_s and push_at: only one of them");
    if (job->ttl_s != JOB_ABSENT && job->expire_at_ms != JOB_ABSENT)
        return reading_refuse(r, REASON_INVALID_JOB, "ttl_s and expire_at: only one of them");
    return true;
}

static bool check_audience(struct reading *r)
{
    const struct job *job = r->job;
    if (job->target_kind == TARGET_IMPLIED && !job->school && !job->tags.n)
        return reading_refuse(r, REASON_INVALID_TARGET,
                              "no audience: school, tags or target is required");
    return true;
}

/* The first refusal says what it is, if that is known; the others would be about its members. */
static void read_job_root(struct reading *r)
{
    json_t *root = r->job->root;
    const char *member, *foreign = foreign_value(root, &member);
    if (json_is_object(root) && foreign)
        reading_refuse(r, REASON_INVALID_JOB, "looks like %s: %s: unknown member", foreign, member);
    if (json_is_object(root))
        members_read(r, &job_members, root);
    else
        reading_refuse(r, REASON_INVALID_JOB, "%s%s%sjob: %s, must be an object",
                       foreign ? "looks like " : "", foreign ? foreign : "", foreign ? ": " : "",
                       job_kind_name(root));
}

bool job_parse(const char *bytes, size_t len, const struct job_limits *limits, struct job *job,
               struct refusal *why)
{
    *job = (struct job){.delay_s = JOB_ABSENT,
                        .push_at_ms = JOB_ABSENT,
                        .ttl_s = JOB_ABSENT,
                        .expire_at_ms = JOB_ABSENT,
                        .enqueued_at_ms = JOB_ABSENT};
    why->reason = REASON_NONE;
    struct reading r = {.job = job, .limits = limits, .why = why};
    job_json_load(&r, bytes, len);
    if (job->root)
        read_job_root(&r);
    return why->reason == REASON_NONE && check_job_text(&r) && check_job_times(&r) &&
           check_audience(&r);
}
