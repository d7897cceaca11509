/* SPDX-License-Identifier: MIT
 * What a reply means for its call: limits, circuit and keys hear of it, the envelopes of its jobs
 * note it, and by the verdict it is decided what becomes of the call. */
#ifndef PB_PIPELINE_SETTLE_H
#define PB_PIPELINE_SETTLE_H

#include "pipeline/admit.h"
#include "pipeline/call.h"

/* The limits of the call's app, and where it has none of its own, the worker's. */
struct verdict_policy settle_policy(const struct call *c);

/* Of a READY call that was on the wire. SENT: its part is; others may be left to go. */
struct decision settle_reply(struct call *c, const struct reply *reply);

/* The call may be out and cannot be repeated as it was: by the app's policy dead letters, or
 * another try of each of its jobs, that may be a second push. */
struct decision settle_unrepeatable(struct call *c);
/* The same where it is known how it goes on: a call under a new token takes its place now. */
void settle_give_up(struct call *c, const char *why);

#endif
