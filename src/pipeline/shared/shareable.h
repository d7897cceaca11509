/* SPDX-License-Identifier: MIT
 * Which flights may share a call, by what they are: read and planned, in a worker or only to be
 * shown. What depends on the worker (circuits, pauses, what is recorded) is not looked at. Pure.
 */
#ifndef PB_PIPELINE_SHARED_SHAREABLE_H
#define PB_PIPELINE_SHARED_SHAREABLE_H

#include "job/coalesce.h"
#include "pipeline/flight.h"

enum { SHAREABLE_CLAIM_MAX = 200 }; /* most jobs of a claim while jobs share calls: two full ones */

/* Of one call, which could be joined with others', and of which nothing has ever gone out nor been
 * tried, with the options' leave. now_ms: Redis' clock. */
bool shareable_allows(const struct flight *f, int64_t now_ms);
/* app: its place among the configured ones. params: of its own call, without token and JobKey. */
void shareable_describe(const struct flight *f, size_t app, const struct params *params,
                        struct coalesce_item *item);
struct coalesce_rules shareable_rules(const struct config *c);

#endif
