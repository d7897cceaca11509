/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <string.h>

#include "base/mem.h"

const char *reason_name(enum reason r)
{
    static const char *const names[] = {
        [REASON_NONE] = "none",
        [REASON_INVALID_JSON] = "invalid_json",
        [REASON_INVALID_JOB] = "invalid_job",
        [REASON_UNKNOWN_TEMPLATE] = "unknown_template",
        [REASON_INVALID_TARGET] = "invalid_target",
        [REASON_PROVIDER_REJECTED] = "provider_rejected",
        [REASON_RETRIES_EXHAUSTED] = "retries_exhausted",
        [REASON_EXPIRED] = "expired",
        [REASON_POISON] = "poison",
        [REASON_AMBIGUOUS] = "ambiguous",
        [REASON_CANCELLED] = "cancelled",
    };
    return r < sizeof names / sizeof *names ? names[r] : "?";
}

bool job_refuse_as(struct refusal *why, enum reason reason)
{
    why->reason = reason;
    return false;
}

bool job_refuse(struct refusal *why, enum reason reason, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err_set_args(&why->err, fmt, args);
    va_end(args);
    return job_refuse_as(why, reason);
}

const char *target_kind_name(enum target_kind k)
{
    static const char *const names[] = {
        [TARGET_IMPLIED] = "TAG", [TARGET_DEVICE] = "DEVICE", [TARGET_ACCOUNT] = "ACCOUNT",
        [TARGET_ALIAS] = "ALIAS", [TARGET_TAG] = "TAG",       [TARGET_ALL] = "ALL",
    };
    return names[k];
}

static void drop_list(struct job_list *list)
{
    mem_free(list->v);
    *list = (struct job_list){0};
}

/* Outcome, log, reply and each call of the job take these. */
static bool is_kept(const struct job *job, const char *member)
{
    static const char *const names[] = {"code", "school",   "id",          "app",
                                        "push", "reply_to", "traceparent", "meta"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(member, names[i]) == 0)
            return true;
    return (job->tags.n && strcmp(member, "tags") == 0) ||
           (job->target_ids.n && strcmp(member, "target") == 0);
}

void job_trim(struct job *job, bool with_lists)
{
    const char *member;
    void *next;
    json_t *value;
    if (!with_lists || job->target_kind != TARGET_IMPLIED)
        drop_list(&job->tags);
    if (!with_lists)
        drop_list(&job->target_ids);
    job->title = job->message = job->locale = NULL;
    job->params = job->target_tag = NULL;
    json_object_foreach_safe(job->root, next, member, value)
    {
        if (!is_kept(job, member))
            json_object_del(job->root, member);
    }
    if (json_is_object(job->root))
        return;
    json_decref(job->root);
    job->root = NULL;
}

void job_free(struct job *job)
{
    json_decref(job->root);
    mem_free(job->tags.v);
    mem_free(job->target_ids.v);
    *job = (struct job){0};
}
