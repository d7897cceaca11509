/* SPDX-License-Identifier: MIT
 * The first stages of a job's walk: from its bytes to its plan, or to what becomes of it unread;
 * and its id is looked up in Redis (queue.dedup_s), all ids of a claim in one script. */
#ifndef PB_PIPELINE_READING_H
#define PB_PIPELINE_READING_H

#include "pipeline/admit.h"
#include "pipeline/flight.h"

/* True: the flight has been read, and is CALLED. False: its call is not to be made, and with all
 * that share it ends by d, whose text may stand in why. */
MUST_USE bool reading_take(struct flight *f, struct decision *d, struct refusal *why);

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
