/* SPDX-License-Identifier: MIT
 * What the world hears of a flight's end. */
#ifndef PB_PIPELINE_FLIGHT_OUTCOME_H
#define PB_PIPELINE_FLIGHT_OUTCOME_H

#include "pipeline/flight.h"

/* The outcome's JSON. reason NONE: sent, or a duplicate where f->end says so. text, when not NULL,
 * is our own refusal; else a dead letter shows its call's last reply. */
void flight_write_outcome(const struct flight *f, enum reason reason, bool maybe_sent,
                          const char *text, const char *worker, int64_t now_ms, struct buf *out);

#endif
