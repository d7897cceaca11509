/* SPDX-License-Identifier: MIT
 * pushbridge check --online: Redis, or each queue's owner in a cluster, and the provider. */
#ifndef PB_CLI_CHECK_ONLINE_H
#define PB_CLI_CHECK_ONLINE_H

#include "cli/link.h"

/* Prints all findings. CLI_OK, CLI_FAILED when one is an error, CLI_UNSUPPORTED where Redis is too
 * old. */
int online_check(const struct config *config, bool strict);

#endif
