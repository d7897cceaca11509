/* SPDX-License-Identifier: MIT
 * The queue's Lua scripts (src/queue/lua), embedded at build time. */
#ifndef PB_QUEUE_SCRIPTS_H
#define PB_QUEUE_SCRIPTS_H

#include "redis/redis.h"

enum script {
    SCRIPT_OPEN,
    SCRIPT_CONFIG,
    SCRIPT_CLAIM,
    SCRIPT_FINISH,
    SCRIPT_EXTEND,
    SCRIPT_ADOPT,
    SCRIPT_AUDIT,
    SCRIPT_LEAVE,
    SCRIPT_LEFTOVERS,
    SCRIPT_COUNT,
    SCRIPT_LENGTHS,
    SCRIPT_SEEN,
    SCRIPT_LOOK,
    SCRIPT_DEAD_MOVE,
    SCRIPT_CANCEL_LISTED,
    SCRIPT_CANCEL_WAITING,
    SCRIPT_FLOW,
    SCRIPT_CONTROL,
    SCRIPT_CIRCUIT,
    SCRIPT_VOTE,
    SCRIPT_SENT,
    SCRIPTS_N,
};

/* With its sha, which is computed once. */
const struct redis_script *script_get(enum script which);

#endif
