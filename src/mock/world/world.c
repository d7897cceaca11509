/* SPDX-License-Identifier: MIT */
#include "mock/world/world.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void world_init(struct world *w)
{
    *w = (struct world){0};
    table_init(&w->by_id, WORLD_DEVICES_MAX, sizeof(uint32_t));
    table_init(&w->accounts, WORLD_DEVICES_MAX, sizeof(struct world_group));
    table_init(&w->aliases, (size_t)WORLD_DEVICES_MAX * 8, sizeof(struct world_group));
    table_init(&w->tags, WORLD_TAGS_MAX, sizeof(struct world_tag));
}

static void free_group(const char *key, void *value, void *arg)
{
    (void)key;
    (void)arg;
    mem_free(((struct world_group *)value)->items);
}

static void free_tag(const char *key, void *value, void *arg)
{
    (void)key;
    (void)arg;
    table_free(&((struct world_tag *)value)->pairs);
}

static void free_device(struct world_device *d)
{
    for (int i = 0; i < d->alias_count; i++)
        mem_free(d->aliases[i]);
    mem_free(d->aliases);
    mem_free(d->account);
    mem_free(d->phone);
    mem_free(d->token);
    mem_free(d->inbox);
    mem_free(d);
}

void world_free(struct world *w)
{
    table_each(&w->accounts, free_group, NULL);
    table_each(&w->aliases, free_group, NULL);
    table_each(&w->tags, free_tag, NULL);
    for (size_t i = 0; i < w->device_count; i++)
        free_device(w->devices[i]);
    table_free(&w->by_id);
    table_free(&w->accounts);
    table_free(&w->aliases);
    table_free(&w->tags);
    mem_free(w->devices);
    *w = (struct world){0};
}

/* --- devices --- */

bool world_id_ok(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)id[i]) && !islower((unsigned char)id[i]))
            return false;
    return len == WORLD_DEVICE_ID_LEN;
}

struct world_device *world_find(const struct world *w, const char *id)
{
    const uint32_t *at = table_get(&w->by_id, id);
    return at ? w->devices[*at] : NULL;
}

struct world_device *world_add(struct world *w, const char *id)
{
    struct world_device *d = world_find(w, id);
    if (d || w->device_count >= WORLD_DEVICES_MAX)
        return d;
    if (w->device_count == w->device_cap) {
        w->device_cap = w->device_cap ? w->device_cap * 2 : 64;
        w->devices = mem_resize(w->devices, w->device_cap * sizeof(struct world_device *));
    }
    d = mem_zalloc(sizeof(*d));
    snprintf(d->id, sizeof(d->id), "%s", id);
    snprintf(d->type, sizeof(d->type), "ANDROID");
    *(uint32_t *)table_put(&w->by_id, d->id) = (uint32_t)w->device_count;
    w->devices[w->device_count++] = d;
    return d;
}

/* --- accounts and aliases --- */

const struct world_group *world_account(const struct world *w, const char *account)
{
    return table_get(&w->accounts, account);
}

const struct world_group *world_alias(const struct world *w, const char *alias)
{
    return table_get(&w->aliases, alias);
}

static uint32_t index_of(const struct world *w, const struct world_device *d)
{
    return *(uint32_t *)table_get(&w->by_id, d->id);
}

static void join_members(struct world_group *g, uint32_t device)
{
    if (g->count == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 2;
        g->items = mem_resize(g->items, g->cap * sizeof(*g->items));
    }
    g->items[g->count++] = device;
}

static void leave_members(struct table *groups, const char *name, uint32_t device)
{
    struct world_group *g = table_get(groups, name);
    for (size_t i = 0; g && i < g->count; i++)
        if (g->items[i] == device) {
            memmove(g->items + i, g->items + i + 1, (g->count - i - 1) * sizeof(*g->items));
            g->count--;
        }
    if (g && !g->count) {
        mem_free(g->items);
        table_remove(groups, name);
    }
}

void world_log_in(struct world *w, struct world_device *d, const char *account)
{
    if (d->account)
        leave_members(&w->accounts, d->account, index_of(w, d));
    mem_free(d->account);
    d->account = mem_strdup(account);
    if (account)
        join_members(table_put(&w->accounts, account), index_of(w, d));
}

static int alias_at(const struct world_device *d, const char *alias)
{
    for (int i = 0; i < d->alias_count; i++)
        if (strcmp(d->aliases[i], alias) == 0)
            return i;
    return -1;
}

enum world_bound world_bind_alias(struct world *w, struct world_device *d, const char *alias)
{
    const struct world_group *known = world_alias(w, alias);
    if (alias_at(d, alias) >= 0)
        return WORLD_BOUND;
    if (d->alias_count == WORLD_ALIASES_PER_DEVICE)
        return WORLD_DEVICE_FULL;
    if ((known && known->count >= WORLD_DEVICES_PER_ALIAS) ||
        (!known && w->aliases.count == w->aliases.max))
        return WORLD_ALIAS_FULL;
    d->aliases = mem_resize(d->aliases, (size_t)(d->alias_count + 1) * sizeof(char *));
    d->aliases[d->alias_count++] = mem_strdup(alias);
    join_members(table_put(&w->aliases, alias), index_of(w, d));
    return WORLD_BOUND;
}

void world_unbind_alias(struct world *w, struct world_device *d, const char *alias)
{
    int at = alias_at(d, alias);
    if (at < 0)
        return;
    leave_members(&w->aliases, alias, index_of(w, d));
    mem_free(d->aliases[at]);
    d->aliases[at] = d->aliases[--d->alias_count];
}

/* --- tags --- */

bool world_pair(const char *key_type, const char *key, size_t key_len, char out[WORLD_PAIR_SIZE])
{
    static const struct {
        const char *type;
        char letter;
        size_t bytes_max;
    } types[] = {{"DEVICE", 'D', WORLD_DEVICE_ID_LEN},
                 {"ACCOUNT", 'U', WORLD_ACCOUNT_BYTES},
                 {"ALIAS", 'L', WORLD_ALIAS_BYTES}};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(key_type, types[i].type) == 0 && key_len && key_len <= types[i].bytes_max) {
            out[0] = types[i].letter;
            out[1] = ':';
            memcpy(out + 2, key, key_len);
            out[2 + key_len] = '\0';
            return true;
        }
    return false;
}

bool world_tag(struct world *w, const char *tag, const char *pair)
{
    struct world_tag *t = table_get(&w->tags, tag);
    if (t && table_get(&t->pairs, pair))
        return true;
    if (w->pair_count == WORLD_PAIRS_MAX || (!t && w->tags.count == WORLD_TAGS_MAX))
        return false;
    if (!t) {
        t = table_put(&w->tags, tag);
        table_init(&t->pairs, WORLD_PAIRS_MAX, 1);
    }
    table_put(&t->pairs, pair);
    w->pair_count++;
    return true;
}

bool world_remove_tag(struct world *w, const char *tag)
{
    struct world_tag *t = table_get(&w->tags, tag);
    if (!t)
        return false;
    w->pair_count -= t->pairs.count;
    table_free(&t->pairs);
    return table_remove(&w->tags, tag);
}

/* A tag that nobody has any more is still one of the app's. */
void world_untag(struct world *w, const char *tag, const char *pair)
{
    struct world_tag *t = table_get(&w->tags, tag);
    if (t && table_remove(&t->pairs, pair))
        w->pair_count--;
}

bool world_has_tag(const struct world *w, const char *tag, const char *pair)
{
    const struct world_tag *t = table_get(&w->tags, tag);
    return t && table_get(&t->pairs, pair);
}
