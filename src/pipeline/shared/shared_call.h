/* SPDX-License-Identifier: MIT
 * What a call has of its own when several jobs share it (docs/coalescing.md): how it is put
 * together and cut, its parameters and its tasks' names. No I/O. */
#ifndef PB_PIPELINE_SHARED_SHARED_CALL_H
#define PB_PIPELINE_SHARED_SHARED_CALL_H

#include "pipeline/flight.h"

/* With room for the call's members, EMPTY; freed when the last of those added has left. */
struct call *shared_call_new(const struct grouping_call *call);
/* From now on it is the flight's call. */
void shared_add(struct call *c, struct flight *f, unsigned task);
void shared_leave(struct call *c); /* for each that was added */
/* Once all are in: a task goes by the earliest deadline of its members, the call by that of all. */
void shared_close(struct call *c);
/* The job goes its own way from now on: its envelope names no shared call. */
void shared_forget(struct flight *f);

/* For call_params() and call_params_name(). A task's JobKey is the id of its job, given or not,
 * where it is one job's and fits, else the token's digits and the task's number. */
MUST_USE bool shared_params(const struct call *c, struct params *out, struct err *e);
void shared_name_tasks(const struct call *c, const char *token, struct params *params);

/* Where to cut it in two: between tasks, or within the only one. */
size_t shared_half(const struct call *c);
/* The id of the call that its first (0) or second (1) part becomes. */
void shared_half_id(const struct call *c, unsigned which, char id[GROUPING_ID_SIZE]);

/* The grouping of some members, two at least, renumbered from position 0, as one call named id. */
void shared_write(const struct call *c, size_t from, size_t n, const char *id, struct buf *out);

#endif
