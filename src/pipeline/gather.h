/* SPDX-License-Identifier: MIT
 * From the jobs of one claim to calls. Those that may share one are gathered until all of the batch
 * have been read and looked up; then the grouping is recorded in Redis, and their leaders go on. A
 * batch whose grouping was recorded earlier is put together as it says. */
#ifndef PB_PIPELINE_GATHER_H
#define PB_PIPELINE_GATHER_H

#include "pipeline/batch.h"

/* b->go gets each flight that waited here and may go on, READY: alone, or as the leader of a call.
 */

/* All members are in: bundles those whose calls were recorded. A call that lacks members was ending
 * when its worker died, and cannot be made again: its others are broken. So are, once
 * they have been read, those of a call that is another one under this worker's configuration. */
void gather_bundle(struct batch *b, const struct queue_claim *claim);
/* The flight cannot take part in its bundle's call: all members become broken, each for itself. */
void gather_break(struct flight *f);

/* May the flight share a call with others? If so it is GATHERING from now on. */
bool gather_takes(struct flight *f);
/* To be asked when members have been started or looked up: once all have been read and none is
 * CHECKING, those that are gathered get their calls. */
void gather_look(struct batch *b);

#endif
