/* SPDX-License-Identifier: MIT
 * A list of texts in a job: tags, or the ids of an explicit target. */
#ifndef PB_JOB_JOB_LIST_H
#define PB_JOB_JOB_LIST_H

#include "job/job_schema.h"

/* Checks each element and keeps the first of equal ones; an empty array leaves out as it is.
 * At most max elements. False after a refusal. out->v is the caller's to free. */
bool job_list_read(struct reading *r, const struct member *m, json_t *array, size_t max,
                   struct job_list *out);

#endif
