/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <string.h>

#include "base/mem.h"

const char *reason_name(enum reason r)
{
    switch (r) {
    case REASON_NONE:
        return "none";
    case REASON_INVALID_JSON:
        return "invalid_json";
    case REASON_INVALID_JOB:
        return "invalid_job";
    case REASON_UNKNOWN_TEMPLATE:
        return "unknown_template";
    case REASON_INVALID_TARGET:
        return "invalid_target";
    case REASON_PROVIDER_REJECTED:
        return "provider_rejected";
    case REASON_RETRIES_EXHAUSTED:
        return "retries_exhausted";
    case REASON_EXPIRED:
        return "expired";
    case REASON_POISON:
        return "poison";
    case REASON_AMBIGUOUS:
        return "ambiguous";
    case REASON_CANCELLED:
        return "cancelled";
    }
    return "?";
}

const char *target_kind_name(enum target_kind k)
{
    switch (k) {
    case TARGET_DEVICE:
        return "DEVICE";
    case TARGET_ACCOUNT:
        return "ACCOUNT";
    case TARGET_ALIAS:
        return "ALIAS";
    case TARGET_ALL:
        return "ALL";
    case TARGET_IMPLIED:
    case TARGET_TAG:
        break;
    }
    return "TAG";
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
