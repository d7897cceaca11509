/* SPDX-License-Identifier: MIT
 * Error replies before anybody reads them: a server that does not know AUTH or EVALSHA quotes its
 * arguments (base/said.h). */
#ifndef PB_REDIS_REDIS_SAID_H
#define PB_REDIS_REDIS_SAID_H

#include <hiredis/hiredis.h>

/* Cleans every error within the reply, in place. A redirection keeps its address. */
void redis_said_clean(redisReply *reply);

#endif
