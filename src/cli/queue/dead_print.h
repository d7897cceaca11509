/* SPDX-License-Identifier: MIT
 * Dead letters as rows of a table on standard output. */
#ifndef PB_CLI_QUEUE_DEAD_PRINT_H
#define PB_CLI_QUEUE_DEAD_PRINT_H

#include "cli/queue/dead_walk.h"

void dead_print_head(void);
void dead_print_row(const struct dead_seen *s); /* one that cannot be read: its place, and why */

#endif
