/* SPDX-License-Identifier: MIT
 * Answers that are not of the app, before its circuit hears of them: the account may not make
 * shared calls by MassPush, and how calls of an account are throttled. */
#ifndef PB_PIPELINE_REFUSAL_H
#define PB_PIPELINE_REFUSAL_H

#include "pipeline/flight.h"

/* The last reply refuses MassPush itself: from now on the account's jobs go out one by one, those
 * of this call at once. True: they have been ended. The app's circuit must not hear of it. */
bool refusal_of_mass(struct flight *f);

/* All accounts may try again: another configuration, or what it went with, may allow it. */
void refusal_forget(struct pipeline *p);
/* May this account's jobs become a MassPush now? Not where it was refused, nor while that action
 * rests. */
bool refusal_allows_mass(const struct pipeline *p, size_t app);

/* Reports the last reply to the rate limits, and notes in the envelopes of its jobs whether it was
 * throttled alone (verdict_input.alone). */
void refusal_note_rate(struct flight *f);
/* When a throttled call is due, Redis ms: not before its account's rest is over. */
int64_t refusal_due_ms(struct flight *f, int64_t at_ms);

#endif
