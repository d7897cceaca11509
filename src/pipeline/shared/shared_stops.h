/* SPDX-License-Identifier: MIT
 * Accounts that may not make shared calls by MassPush: their jobs go out one by one, for a while.
 */
#ifndef PB_PIPELINE_SHARED_SHARED_STOPS_H
#define PB_PIPELINE_SHARED_SHARED_STOPS_H

#include "pipeline/call.h"

/* Takes note of the call's reply. True: it refuses MassPush itself, so from now on the account's
 * jobs go out one by one. The app's circuit must not hear of that. */
bool shared_stops_note(struct call *c);

/* All accounts may try again: another configuration, or what it went with, may allow it. */
void shared_stops_forget(struct pipeline *p);
/* May this account's jobs become a MassPush now? Not where it was refused, nor while that action
 * rests. */
bool shared_stops_allow(const struct pipeline *p, size_t app);

#endif
