/* SPDX-License-Identifier: MIT */
#include "job/job.h"

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

void job_free(struct job *job)
{
    json_decref(job->root);
    mem_free(job->tags.v);
    mem_free(job->target_ids.v);
    *job = (struct job){0};
}
