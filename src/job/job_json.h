/* SPDX-License-Identifier: MIT
 * The bytes of a job as JSON: what is wrong with them is said without quoting them. */
#ifndef PB_JOB_JOB_JSON_H
#define PB_JOB_JOB_JSON_H

#include "base/buf.h"
#include "job/job_schema.h"

/* Sets r->job->root, or refuses; after a doubled member both, with the member left out. */
void job_json_load(struct reading *r, const char *bytes, size_t len);

/* Appends a list or an object, compact, kept numbers as they were written. False when it does not
 * fit. */
bool job_json_dump(const json_t *value, struct buf *out);

#endif
