/* SPDX-License-Identifier: MIT
 * What tools agree on with all workers: changes of the fleet's control state in Redis. */
#ifndef PB_CLI_FLEET_FLEET_CHANGE_H
#define PB_CLI_FLEET_FLEET_CHANGE_H

#include "cli/link.h"

/* field, value pairs; "" removes, "+n" is n ms from now. False after a message. *found: how many
 * of the fields were there before. Workers see it within a second. */
bool fleet_change(struct link *l, const struct config *config, const char *command,
                  const char *const *pairs, size_t n, int64_t *found);

#endif
