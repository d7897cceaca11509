/* SPDX-License-Identifier: MIT
 * Which of the jobs that were claimed together may share a call. Pure.
 *   the same call but for its ids, of one unicast kind: one task, with the ids of all;
 *   several tasks of one app: one MassPush;
 *   with merge_tags, the same call and school but for the tags: one Push to the union.
 * Two jobs for the same id never share a task: each of them is a push. A call goes by the earliest
 * deadline in it, so those of all its jobs are near each other. Provider facts: API
 * reference §3.1 and §6.1 (ids), §4.1 (tasks). */
#ifndef PB_JOB_COALESCE_H
#define PB_JOB_COALESCE_H

#include "base/hash.h"
#include "job/grouping.h"
#include "job/job.h"

enum {
    COALESCE_CONTENT = 32,
    COALESCE_IDS_MAX = 100,            /* a job with more ids has a task of its own */
    COALESCE_CALL_BYTES = 1024 * 1024, /* of the parameters of one call */
};

struct coalesce_item {
    unsigned pos; /* in the batch */
    size_t app;   /* jobs of different apps never share a call */
    enum target_kind kind;
    /* SHA-256 of all that must be equal in one task: every parameter but the ids or tags, and the
     * token, JobKey and ExpireTime. */
    unsigned char content[COALESCE_CONTENT];
    const struct job_list *values; /* the ids, or the tags of a TAG item; borrowed */
    int64_t deadline_ms;
    size_t bytes;  /* of its parameters */
    bool taskable; /* MassPush takes all of its parameters */
};

struct coalesce_rules {
    size_t devices, accounts, aliases; /* ids of one task: 1000 each */
    size_t tags;                       /* of one call: what an expression holds beside a school */
    size_t tasks;                      /* of a MassPush: 100 */
    int64_t slack_ms;                  /* deadlines so far apart at most share a call */
    struct hash_key key; /* of the table of values, which producers choose; changes no result */
};

/* Items of one batch, at most GROUPING_MEMBERS_MAX, the first come first: out gets the calls of two
 * and more. What is in none of them goes out by itself. The n-th call's id is
 * "<batch>.<n>". */
void coalesce(const struct coalesce_item *items, size_t n, const struct coalesce_rules *rules,
              const char *batch, struct grouping *out);

#endif
