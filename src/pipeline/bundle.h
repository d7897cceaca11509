/* SPDX-License-Identifier: MIT
 * The jobs that go out in one call (job/coalesce.h). The first of them leads: it alone waits for a
 * slot, a token, the lease and the answer, and what is decided for it is done to all. No I/O. */
#ifndef PB_PIPELINE_BUNDLE_H
#define PB_PIPELINE_BUNDLE_H

#include "aliyun/request.h"
#include "fleet/limits.h"
#include "job/grouping.h"
#include "pipeline/flight.h"

struct bundle {
    char id[GROUPING_ID_SIZE];
    bool mass;
    struct flight **members; /* in the order of their tasks; all there until the call is over */
    size_t n, tasks;
    size_t held;     /* members that have not left */
    char (*ids)[32]; /* MessageIds of the last answer, room for one per task */
    size_t nids;     /* how many came: more than tasks are counted, not kept */
};

/* With room for the call's members; freed when the last of those added has left. */
struct bundle *bundle_new(const struct grouping_call *call);
void bundle_add(struct bundle *b, struct flight *f, unsigned task);
void bundle_leave(struct flight *f);
/* Once all are in: a task goes by the earliest deadline of its members, the call by that of all. */
void bundle_close(struct bundle *b);

/* Who shares the flight's call: all members of its bundle, or itself. */
size_t bundle_members(struct flight *f, struct flight ***out);
enum limit_action bundle_action(const struct flight *f); /* of the flight's call */
/* May this call be out? Then its members must stay together (I3e). */
bool bundle_is_open(const struct flight *f);
/* Its members go their own ways from now on. */
void bundle_forget(struct flight *f);

/* Makes the parameters that the flight's job alone asks for and keeps them with it, so that they
 * are made once. False where they cannot be made. */
bool bundle_keep_params(struct flight *f);

/* The parameters of the flight's call, without token and JobKey: its bundle's, where it has one.
 * False with e (invalid_job). params_free() in both cases, before the flights of the call. */
bool bundle_params(const struct flight *f, struct params *out, struct err *e);
/* Adds what tells the call from others, its token, and its jobs from each other in the provider's
 * receipts: a JobKey for each task, all different: the id of its job, given or not, where it is one
 * job's and fits, else the token's digits and the task's number. A call of one job has its given id
 * where it fits, else the token's digits. */
void bundle_name_call(const struct flight *f, struct params *params);

/* Where to cut it in two: between tasks, or within the only one. */
size_t bundle_half(const struct bundle *b);
/* The id of the call that its first (0) or second (1) part becomes. */
void bundle_half_id(const struct bundle *b, unsigned which, char id[GROUPING_ID_SIZE]);

/* The grouping of some members, renumbered from position 0, as one call named id. False where they
 * are less than two: nothing is written. */
bool bundle_write(const struct bundle *b, size_t from, size_t n, const char *id, struct buf *out);

#endif
