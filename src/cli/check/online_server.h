/* SPDX-License-Identifier: MIT
 * What a Redis server is and does with what it is given: role, version, persistence, replicas,
 * eviction, clock. */
#ifndef PB_CLI_CHECK_ONLINE_SERVER_H
#define PB_CLI_CHECK_ONLINE_SERVER_H

#include "cli/check/findings.h"
#include "cli/link.h"

void online_server(struct link *l, const struct config *config, struct report *r);

#endif
