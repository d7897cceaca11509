/* SPDX-License-Identifier: MIT
 * From the jobs of one claim to the calls that they share. A job that may share one waits until all
 * of its batch have been read and looked up; then calls are formed, and recorded in Redis before
 * they go on. A batch whose calls were recorded earlier is put together as the record says. */
#ifndef PB_PIPELINE_SHARED_SHARED_FORM_H
#define PB_PIPELINE_SHARED_SHARED_FORM_H

#include "pipeline/batch.h"

/* --- recorded earlier --- */

/* All members are in: forms the calls that were recorded. One that lacks members was ending when
 * its worker died, and cannot be made again: its others are broken. */
void shared_form_recorded(struct batch *b, const struct queue_claim *claim);
/* The job is of such a call, whole or broken: shared_form_next() tells when it goes on. */
bool shared_is_recorded(const struct flight *f);
/* The call cannot be made as it was: its members become broken, each for itself. */
void shared_break(struct call *c);
/* All have been read: the calls which were recorded, and those of broken jobs, go into out. Breaks
 * those that are others under this worker's configuration. */
size_t shared_form_next(const struct batch *b, struct call **out);

/* --- new ones --- */

/* May the flight share a call with others of its batch? */
bool shared_may_join(const struct flight *f);
/* It will, where others are like it: it waits for them, FORMING. False where its call cannot be
 * made: it ends of that by itself. */
bool shared_join(struct flight *f);
/* All have been read and looked up: forms calls of those that wait. True: they are RECORDING, and
 * b->text is to be recorded. */
bool shared_form(struct batch *b);
#endif
