/* SPDX-License-Identifier: MIT
 * What the pipeline counts: which metrics and labels follow from a claim, a reply, an end. */
#ifndef PB_PIPELINE_TALLY_H
#define PB_PIPELINE_TALLY_H

#include "pipeline/flight.h"

/* Gives label values their names; after each load of a configuration. Sets the apps' label. */
void tally_name(struct config *config);
/* What the program is, once. */
void tally_build(const char *version, const char *commit);

void tally_claim(const struct queue_claim *claim, const char *queue);
/* The job has been read (or refused); it took since began_us. */
void tally_read(const struct flight *f, int64_t began_us);
void tally_token(const struct call *c); /* it has its rate token */
/* The call has ended; it began at began_us. */
void tally_reply(const struct call *c, const struct reply *reply, int64_t began_us);
void tally_end(const struct flight *f); /* Redis has confirmed it */

#endif
