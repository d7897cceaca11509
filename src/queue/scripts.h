/* SPDX-License-Identifier: MIT
 * The queue's Lua scripts (src/queue/lua), embedded at build time, and what each calls its keys,
 * arguments and answers: CLAIM_ARGV_LEASE_MS stands for the argument that claim.lua knows as
 * ARGV.lease_ms. */
#ifndef PB_QUEUE_SCRIPTS_H
#define PB_QUEUE_SCRIPTS_H

#include "redis/redis.h"

#include "queue/script_names.h" /* enum script, generated from the heads of the scripts */

/* A queue's keys, by the names that the scripts have for them. */
enum queue_key {
    QUEUE_KEY_READY,
    QUEUE_KEY_RESULTS,
    QUEUE_KEY_DEAD,
    QUEUE_KEY_INBOX, /* of this worker */
    QUEUE_KEY_DUE,
    QUEUE_KEY_BATCH,
    QUEUE_KEY_MEMBER,
    QUEUE_KEY_OVERSIZE,
    QUEUE_KEY_COUNT,
    QUEUE_KEY_WORKERS,
    QUEUE_KEY_RUN,
    QUEUE_KEY_VERSION,
    QUEUE_KEY_APPS,
    QUEUE_KEY_STAT,
    QUEUE_KEY_CONFIG,
    QUEUE_KEY_FLOW, /* of the fleet, on the first queue's slot, as the next */
    QUEUE_KEY_CONTROL,
    QUEUE_KEYS_KNOWN,
    /* Of one call: command_key() names them. */
    QUEUE_KEY_ORPHAN = QUEUE_KEYS_KNOWN, /* another worker's inbox */
    QUEUE_KEY_LIST,
};

/* How a call of a script is laid out. */
enum { SCRIPT_KEYS_MAX = 10 };
struct script_shape {
    unsigned char keys[SCRIPT_KEYS_MAX]; /* enum queue_key */
    unsigned char nkeys;
    bool more_keys; /* others may follow these */
    unsigned char nargs,
        width; /* those that come once, and of each group that comes again; 0: none does */
};

/* With its sha, which is computed once. */
const struct redis_script *script_get(enum script which);
const struct script_shape *script_shape(enum script which);

#endif
