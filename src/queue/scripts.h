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
    KEY_READY,
    KEY_RESULTS,
    KEY_DEAD,
    KEY_INBOX, /* of this worker */
    KEY_DUE,
    KEY_BATCH,
    KEY_MEMBER,
    KEY_OVERSIZE,
    KEY_COUNT,
    KEY_WORKERS,
    KEY_RUN,
    KEY_VERSION,
    KEY_APPS,
    KEY_STAT,
    KEY_CONFIG,
    KEY_FLOW, /* of the fleet, on the first queue's slot, as the next */
    KEY_CONTROL,
    KEYS_KNOWN,
    /* Of one call: command_key() names them. */
    KEY_ORPHAN = KEYS_KNOWN, /* another worker's inbox */
    KEY_LIST,
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
