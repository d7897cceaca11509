/* SPDX-License-Identifier: MIT
 * What a reply means for its flight: the app's circuit notes it, the verdict is made, and the
 * flight goes on to its next call or is sent to its end. */
#ifndef PB_PIPELINE_ANSWER_H
#define PB_PIPELINE_ANSWER_H

#include "pipeline/flight.h"

/* The limits of the flight's app, and where it has none of its own, the worker's. */
struct verdict_policy answer_policy(const struct flight *f);

/* Takes the reply to the flight's call on the wire. True: the flight is READY and goes on to its
 * next call or its sent end; false: it has been ended. */
bool answer_settle(struct flight *f, const struct reply *reply);

/* Its call may be out and cannot be repeated as it was: by the app's policy a dead letter, or a
 * push of its own that may be a second one. */
void answer_give_up(struct flight *f);

/* Before a call is sent: false when it may not go out now, and the flight has been ended. */
bool answer_may_send(struct flight *f);
/* Ends one whose time is over, by its deadline or for a repeat; true when it did. */
bool answer_too_late(struct flight *f);

#endif
