/* SPDX-License-Identifier: MIT
 * Duplicates by producers (queue.dedup_s): between reading a job and its first call its id is
 * looked up in Redis, all ids of a claim in one script. */
#ifndef PB_PIPELINE_DUPLICATES_H
#define PB_PIPELINE_DUPLICATES_H

#include "pipeline/flight.h"

/* Logs at the start and at a reload that queue.dedup_s does not hold for all queues, where it is
 * so.
 */
void duplicates_announce(const struct config *c);

/* Must the flight's id be looked up before it is sent? Not without an id, not twice, and not for
 * a dead letter that an operator sent back. */
bool duplicates_concern(const struct flight *f);

/* Asks for all flights that are CHECKING and have no answer on its way. on_new gets each whose id
 * is new, READY; the others end as duplicates. Where Redis does not answer, the next call of this
 * asks again. */
typedef void (*duplicates_fn)(struct flight *f);
void duplicates_ask(struct pipeline *p, duplicates_fn on_new);

#endif
