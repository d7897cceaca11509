/* SPDX-License-Identifier: MIT
 * The part of `pushbridge stats` that is no queue's: rate limits, pauses and circuits. */
#ifndef PB_CLI_FLEET_STATS_FLEET_H
#define PB_CLI_FLEET_STATS_FLEET_H

#include <jansson.h>

#include "cli/tool.h"

/* Sets the members limits, paused and circuits of stats (stats.h). */
void stats_fleet_take(struct tool *t, json_t *stats);
void stats_fleet_print(const json_t *stats, FILE *out);

#endif
