/* SPDX-License-Identifier: MIT
 * Part of the loader: no two things of the configuration may mean one key of Redis. */
#ifndef PB_CONFIG_CONFIG_NAMES_H
#define PB_CONFIG_CONFIG_NAMES_H

#include "config/config.h"

/* Queues, their lists, their inner keys and what reply.prefix covers. False with e, which names
 * both: else a queue would be read as a list of outcomes, or the life of a reply given to it. */
MUST_USE bool config_names_check(const struct config *c, struct err *e);

#endif
