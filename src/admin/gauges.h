/* SPDX-License-Identifier: MIT
 * The queues' figures for the page: read in the background every few seconds, and only while
 * somebody scrapes, so that a scrape itself asks Redis nothing. */
#ifndef PB_ADMIN_GAUGES_H
#define PB_ADMIN_GAUGES_H

#include "worker/dispatch.h"

struct gauges;

struct gauges *gauges_new(struct dispatch *d);
void gauges_free(struct gauges *g); /* after worker_close(): answers may be on their way */

/* Somebody looks: the figures are kept fresh for some minutes. */
void gauges_want(struct gauges *g, int64_t now_ms);
/* Asks when it is time; takes figures that have become old off the page. */
void gauges_tick(struct gauges *g, int64_t now_ms);

/* Age of a queue's first element: by its enqueued_at, else since it was first seen (seen_ms), both
 * on the clock of now_ms. */
int64_t gauges_head_age_ms(const char *job, size_t len, int64_t seen_ms, int64_t now_ms);

#endif
