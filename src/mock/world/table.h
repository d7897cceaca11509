/* SPDX-License-Identifier: MIT
 * Bounded hash table from text to a value of fixed size. When it is full, the oldest entry makes
 * room: nonces, tokens and job keys are remembered as long as memory allows, never longer. */
#ifndef PB_MOCK_WORLD_TABLE_H
#define PB_MOCK_WORLD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_entry;

struct table {
    struct table_entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t count, max, value_size;
    struct table_entry *oldest, *newest;
    uint64_t seed;
};

void table_init(struct table *t, size_t max, size_t value_size);
void table_free(struct table *t);
void table_clear(struct table *t);

void *table_get(const struct table *t, const char *key); /* NULL when unknown */

/* The value of key, zeroed when it is new. Pointers stay valid until the entry is the oldest of a
 * full table and another key is put, so callers don't keep them. */
void *table_put(struct table *t, const char *key);

bool table_remove(struct table *t, const char *key); /* false: was not there */

/* Calls visit for each entry, oldest first. */
typedef void table_visit(const char *key, void *value, void *arg);
void table_each(const struct table *t, table_visit *visit, void *arg);

#endif
