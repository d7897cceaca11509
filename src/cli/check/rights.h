/* SPDX-License-Identifier: MIT
 * Every Redis command that workers and tools run, every script and every kind of key, tried. No
 * job is touched: commands run on a text of our own, where those for lists, hashes and sets are
 * answered with WRONGTYPE, which only who has the right to run them is told. */
#ifndef PB_CLI_CHECK_RIGHTS_H
#define PB_CLI_CHECK_RIGHTS_H

#include "cli/check/findings.h"
#include "cli/link.h"

/* For the configured queues from first up to end, whose keys are all behind l. */
void rights_try(struct link *l, const struct config *config, size_t first, size_t end,
                struct report *r);

#endif
