/* SPDX-License-Identifier: MIT
 * A claim of jobs that may share calls, and whose ids were chosen so that they would all fall on
 * one place of a table that is hashed without a key. */
#ifndef WORK_CLAIM_H
#define WORK_CLAIM_H

#include "job/coalesce.h"

struct claim {
    struct coalesce_item items[GROUPING_MEMBERS_MAX];
    struct job_list lists[GROUPING_MEMBERS_MAX];
    const char *ids[GROUPING_MEMBERS_MAX * COALESCE_IDS_MAX];
    struct buf text;
    size_t n;
    struct grouping grouping;
};

/* About so many bytes of ids. */
void claim_make(struct claim *c, size_t bytes);
void claim_free(struct claim *c);

#endif
