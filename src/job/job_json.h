/* SPDX-License-Identifier: MIT
 * The bytes of a job as JSON: what is wrong with them is said without quoting them. */
#ifndef PB_JOB_JOB_JSON_H
#define PB_JOB_JOB_JSON_H

#include "job/job_schema.h"

/* Sets r->job->root, or refuses; after a doubled member both, with the member left out. */
void job_json_load(struct reading *r, const char *bytes, size_t len);

#endif
