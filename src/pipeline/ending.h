/* SPDX-License-Identifier: MIT
 * The ends of a flight: each writes one outcome or envelope and hands it to the queue; once Redis
 * has confirmed, the flight is counted, its producer answered (reply_to) and its credit freed.
 * After any of these the flight is FINISHING and must not be touched by the caller. All jobs that
 * share its call end with it: in one step where one left behind could not be sent any more. */
#ifndef PB_PIPELINE_ENDING_H
#define PB_PIPELINE_ENDING_H

#include "pipeline/flight.h"

void ending_sent(struct flight *f);
void ending_duplicate(struct flight *f); /* another job had its id within queue.dedup_s */
/* text, when not NULL, is our own refusal; else the outcome shows the provider's last reply. */
void ending_dead(struct flight *f, enum reason reason, bool maybe_sent, const char *text);
void ending_retry(struct flight *f, int64_t at_ms); /* Redis ms */
/* Of an app that only other workers have; the job has been read as far as its app. */
void ending_park_for_others(struct flight *f);
void ending_park(struct flight *f); /* to its app's parked list */
/* Not begun, or not to be begun now: as raw bytes to the head of the queue when nothing is known
 * of it that they don't say, else as a retry that is due at once. */
void ending_back(struct flight *f);
/* A definite refusal of a call of several that was sent once: its halves are tried, each as a call
 * of its own, so that the culprit is found. The others lose no attempt. */
void ending_split(struct flight *f, int64_t at_ms);

/* A call of several that was refused for what it is: each of its jobs goes by itself, at once. */
void ending_dissolve(struct flight *f);

#endif
