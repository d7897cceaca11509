/* SPDX-License-Identifier: MIT
 * Outcomes for producers that wait: a job's reply_to list, which lives for reply.ttl_s and keeps
 * the newest reply.list_max, since many jobs may name one list and nobody need read it. */
#ifndef PB_PIPELINE_REPLIES_H
#define PB_PIPELINE_REPLIES_H

#include "config/config.h"
#include "redis/router.h"

/* Best effort, as the outcome is in its own list already: a failure is logged. The texts are
 * copied. */
void replies_send(struct router *router, const struct config *config, const char *list,
                  const char *outcome, size_t len);

#endif
