/* SPDX-License-Identifier: MIT
 * The members of a job: one table, and the setter of each. */
#ifndef PB_JOB_JOB_MEMBERS_H
#define PB_JOB_JOB_MEMBERS_H

#include "job/job_schema.h"

extern const struct members job_members;

#endif
