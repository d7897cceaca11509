/* SPDX-License-Identifier: MIT
 * pushbridge dead replay and drop. */
#ifndef PB_CLI_QUEUE_DEAD_MOVE_H
#define PB_CLI_QUEUE_DEAD_MOVE_H

#include "cli/queue/dead_args.h"
#include "cli/tool.h"

int dead_move(struct tool *t, const struct dead_args *args);

#endif
