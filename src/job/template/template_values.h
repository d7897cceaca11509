/* SPDX-License-Identifier: MIT
 * A JSON value (provider parameters by name) whose texts may hold a template's arguments. Pure. */
#ifndef PB_JOB_TEMPLATE_TEMPLATE_VALUES_H
#define PB_JOB_TEMPLATE_TEMPLATE_VALUES_H

#include "job/job.h"

enum { TEMPLATE_TEXT_MAX = 128 << 10 }; /* bytes of one rendered text */

/* Every text is well formed and nothing is nested deeper than 16. False with e. */
MUST_USE bool template_values_check(json_t *values, struct err *e);

/* A new reference with the texts rendered; what holds no braces is shared. NULL with e: the
 * argument that the job lacks, or a text beyond its bound. Values passed the check. */
json_t *template_values_render(json_t *values, const struct job *job, struct err *e);

#endif
