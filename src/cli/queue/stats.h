/* SPDX-License-Identifier: MIT
 * What `pushbridge stats` knows at one moment, as JSON; printed as it is or as one screen. */
#ifndef PB_CLI_QUEUE_STATS_H
#define PB_CLI_QUEUE_STATS_H

#include <jansson.h>

#include "cli/tool.h"

enum { STATS_DEAD_SCANNED = 10000 }; /* letters whose reasons are counted, the newest */

/* {"at","queues":[{"queue","ready","oldest_ms","inbox","leased","delayed","parked":{app:n},
 *   "results","counters":{name:n},"rate"?:{"sent","dead"},"workers":[{"name","seen_ms",…}],
 *   "workers_gone"}],"dead":[{"list","length","scanned","reasons":{reason:n}}],
 *   "limits":[{"name","configured","override","rate","tokens","cooling_ms"}],
 *   "paused":[{"app","until"}],"circuits":[{"app","state","since","probe_at","why"}]}
 * docs/operations.md says what the last three mean; they are null where Redis did not show them.
 * before: the picture taken earlier, for rates, or NULL. NULL after a message when Redis did not
 * answer. */
json_t *stats_take(struct tool *t, const json_t *before);
void stats_print(const json_t *stats, FILE *out);

#endif
