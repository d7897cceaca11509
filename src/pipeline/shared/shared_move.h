/* SPDX-License-Identifier: MIT
 * Members of a shared call wait together in Redis, as one call (I3e): one script for all. */
#ifndef PB_PIPELINE_SHARED_SHARED_MOVE_H
#define PB_PIPELINE_SHARED_SHARED_MOVE_H

#include "pipeline/flight.h"

/* n of the call's members, two at least, from one on, become the waiting call named id; with_next:
 * in one step with the end that follows. They are ENDING; once Redis has confirmed, fn gets the
 * first of them, a struct call_member, whose moved says how many there are. */
void shared_move(struct call *c, size_t from, size_t n, const char *id, int64_t at_ms,
                 bool with_next, queue_done_fn fn);

#endif
