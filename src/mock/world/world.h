/* SPDX-License-Identifier: MIT
 * Who could receive: devices, the accounts on them, their aliases, and tags. A tag is a set of
 * (KeyType, ClientKey) pairs, and stays one: pairs turn into devices only when a push asks. */
#ifndef PB_MOCK_WORLD_WORLD_H
#define PB_MOCK_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mock/world/table.h"

enum {
    WORLD_DEVICE_ID_LEN = 32,
    WORLD_ACCOUNT_BYTES = 64,
    WORLD_ALIAS_BYTES = 128,
    WORLD_DEVICES_MAX = 200000,
    WORLD_TAGS_MAX = 10000,
    WORLD_PAIRS_MAX = 2000000,
    WORLD_ALIASES_PER_DEVICE = 128,
    WORLD_DEVICES_PER_ALIAS = 128,
    WORLD_DEVICES_PER_ACCOUNT = 10000,
    WORLD_PAIR_SIZE = 2 + WORLD_ALIAS_BYTES + 1
};

struct world_device {
    char id[WORLD_DEVICE_ID_LEN + 1];
    char type[8];                  /* iOS, ANDROID, HARMONY */
    int64_t app_key;               /* 0: of every app */
    char *account, *phone, *token; /* NULL: none */
    char **aliases;
    int alias_count;
    bool offline;
    uint64_t stamp; /* of the last audience it was taken into */
    /* indexes into the inbox's messages */
    uint32_t *inbox;
    size_t inbox_count, inbox_cap;
};

/* Devices of one account, or of one alias; indexes into the world's devices. */
struct world_group {
    uint32_t *items;
    size_t count, cap;
};

struct world_tag {
    struct table pairs; /* "D:…", "U:…", "L:…" */
};

struct world {
    bool seeded; /* false: any id is good, and nothing is delivered */
    struct world_device **devices;
    size_t device_count, device_cap, pair_count;
    struct table by_id;    /* device id → index (uint32_t) */
    struct table accounts; /* → struct world_group */
    struct table aliases;  /* → struct world_group */
    struct table tags;     /* → struct world_tag */
    uint64_t stamp;
};

void world_init(struct world *w);
void world_free(struct world *w);

struct world_device *world_find(const struct world *w, const char *id);

/* The device, new when the id is unknown; NULL when there are too many. */
struct world_device *world_add(struct world *w, const char *id);

bool world_id_ok(const char *id, size_t len); /* digits and lower-case letters, 32 of them */

/* An account's or alias's devices; NULL: none. */
const struct world_group *world_account(const struct world *w, const char *account);
const struct world_group *world_alias(const struct world *w, const char *alias);

void world_log_in(struct world *w, struct world_device *d, const char *account);

enum world_bound { WORLD_BOUND, WORLD_DEVICE_FULL, WORLD_ALIAS_FULL };
enum world_bound world_bind_alias(struct world *w, struct world_device *d, const char *alias);
void world_unbind_alias(struct world *w, struct world_device *d, const char *alias);

/* "DEVICE", "ACCOUNT" or "ALIAS" and the key as a pair; false: an unknown type or a long key. */
bool world_pair(const char *key_type, const char *key, size_t key_len, char out[WORLD_PAIR_SIZE]);

/* False when there are too many tags or pairs. */
bool world_tag(struct world *w, const char *tag, const char *pair);
void world_untag(struct world *w, const char *tag, const char *pair);
bool world_remove_tag(struct world *w, const char *tag);
bool world_has_tag(const struct world *w, const char *tag, const char *pair);

#endif
