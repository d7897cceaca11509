/* SPDX-License-Identifier: MIT */
#include "mock/world/table.h"

#include <stdalign.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"

struct table_entry {
    struct table_entry *next_in_bucket, *next_younger, *next_older;
    uint64_t hash;
    size_t key_at; /* the key stands behind the value */
    alignas(max_align_t) unsigned char data[];
};

enum { FIRST_BUCKETS = 16 };

static uint64_t hash_key_of(const struct table *t, const char *key)
{
    uint64_t h = hash_add(HASH_START ^ t->seed, key, strlen(key));
    return h ^ h >> 29;
}

static const char *entry_key(const struct table_entry *e)
{
    return (const char *)e->data + e->key_at;
}

static struct table_entry **bucket_of(const struct table *t, uint64_t hash)
{
    return &t->buckets[hash & (t->bucket_count - 1)];
}

static struct table_entry *find_table_entry(const struct table *t, const char *key, uint64_t hash)
{
    for (struct table_entry *e = *bucket_of(t, hash); e; e = e->next_in_bucket)
        if (e->hash == hash && strcmp(entry_key(e), key) == 0)
            return e;
    return NULL;
}

static void link_in_bucket(struct table *t, struct table_entry *e)
{
    struct table_entry **bucket = bucket_of(t, e->hash);
    e->next_in_bucket = *bucket;
    *bucket = e;
}

static void grow_buckets(struct table *t)
{
    mem_free(t->buckets);
    t->bucket_count *= 2;
    t->buckets = mem_zalloc(t->bucket_count * sizeof(struct table_entry *));
    for (struct table_entry *e = t->oldest; e; e = e->next_younger)
        link_in_bucket(t, e);
}

static void drop_entry(struct table *t, struct table_entry *e)
{
    struct table_entry **at = bucket_of(t, e->hash);
    while (*at != e)
        at = &(*at)->next_in_bucket;
    *at = e->next_in_bucket;
    *(e->next_older ? &e->next_older->next_younger : &t->oldest) = e->next_younger;
    *(e->next_younger ? &e->next_younger->next_older : &t->newest) = e->next_older;
    t->count--;
    mem_free(e);
}

static struct table_entry *append_entry(struct table *t, const char *key, uint64_t hash)
{
    size_t key_size = strlen(key) + 1;
    struct table_entry *e = mem_zalloc(sizeof(*e) + t->value_size + key_size);
    e->hash = hash;
    e->key_at = t->value_size;
    memcpy(e->data + e->key_at, key, key_size);
    link_in_bucket(t, e);
    e->next_older = t->newest;
    if (t->newest)
        t->newest->next_younger = e;
    else
        t->oldest = e;
    t->newest = e;
    t->count++;
    return e;
}

void table_init(struct table *t, size_t max, size_t value_size)
{
    *t = (struct table){.bucket_count = FIRST_BUCKETS, .max = max, .value_size = value_size};
    t->buckets = mem_zalloc(FIRST_BUCKETS * sizeof(struct table_entry *));
    clock_random(&t->seed, sizeof(t->seed));
}

void table_clear(struct table *t)
{
    while (t->oldest)
        drop_entry(t, t->oldest);
}

void table_free(struct table *t)
{
    table_clear(t);
    mem_free(t->buckets);
    t->buckets = NULL;
}

void *table_get(const struct table *t, const char *key)
{
    struct table_entry *e = find_table_entry(t, key, hash_key_of(t, key));
    return e ? e->data : NULL;
}

bool table_remove(struct table *t, const char *key)
{
    struct table_entry *e = find_table_entry(t, key, hash_key_of(t, key));
    if (e)
        drop_entry(t, e);
    return e != NULL;
}

void *table_put(struct table *t, const char *key)
{
    uint64_t hash = hash_key_of(t, key);
    struct table_entry *e = find_table_entry(t, key, hash);
    if (e)
        return e->data;
    if (t->count >= t->max)
        drop_entry(t, t->oldest);
    if (t->count >= t->bucket_count)
        grow_buckets(t);
    return append_entry(t, key, hash)->data;
}

void table_each(const struct table *t, table_visit *visit, void *arg)
{
    for (struct table_entry *e = t->oldest; e; e = e->next_younger)
        visit(entry_key(e), e->data, arg);
}
