/* SPDX-License-Identifier: MIT
 * Does what was decided of a call, with all of its jobs. Nobody else sends a call or ends a flight.
 */
#ifndef PB_PIPELINE_CARRY_OUT_H
#define PB_PIPELINE_CARRY_OUT_H

#include "pipeline/admit.h"
#include "pipeline/sender.h"

/* fn: gets the reply of a call that is sent. After SEND the call is OUT, or, where it cannot be
 * made, OVER; after WAIT and HOLD it is that; after all others it is OVER, and its flights are
 * ENDING. */
void carry_out(struct call *c, const struct decision *d, sender_done_fn fn);

#endif
