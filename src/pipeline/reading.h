/* SPDX-License-Identifier: MIT
 * Jobs that are read and cannot go on: those that are refused, and those whose id is first looked
 * up in Redis (queue.dedup_s), all ids of a claim in one script. */
#ifndef PB_PIPELINE_READING_H
#define PB_PIPELINE_READING_H

#include "pipeline/admit.h"
#include "pipeline/flight.h"

/* What becomes of a job that could not be read, or planned, and why. The decision borrows from why.
 */
struct decision reading_unreadable(struct flight *f, const struct refusal *why);

/* Logs at the start and at a reload that queue.dedup_s does not hold for all queues, where it is
 * so.
 */
void reading_announce_dedup(const struct config *c);

/* Must the flight's id be looked up before it is sent? Not without an id, not twice, and not for
 * a dead letter that an operator sent back. */
bool reading_checks_id(const struct flight *f);

/* Asks for all flights that are CHECKING and have no answer on its way; fn gets each of them.
 * Where Redis does not answer, the next call of this asks again. */
void reading_ask_ids(struct pipeline *p, queue_seen_fn fn);

#endif
