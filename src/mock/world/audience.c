/* SPDX-License-Identifier: MIT */
#include "mock/world/audience.h"

#include <string.h>

#include "base/mem.h"
#include "mock/check/tagexpr.h"

struct search {
    struct world *world;
    const struct audience_ask *ask;
    struct audience *out;
    json_t *expr;
    struct table seen; /* pairs already looked at */
    const char *pair;  /* the one being looked at */
};

static void take_device(struct search *s, uint32_t index)
{
    struct world_device *d = s->world->devices[index];
    struct audience *a = s->out;
    bool fits =
        (d->app_key == 0 || d->app_key == s->ask->app_key) &&
        (strcmp(s->ask->device_type, "ALL") == 0 || strcmp(s->ask->device_type, d->type) == 0);
    if (!fits || d->stamp == s->world->stamp)
        return;
    d->stamp = s->world->stamp;
    if (a->count == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 16;
        a->items = mem_resize(a->items, a->cap * sizeof(*a->items));
    }
    a->items[a->count++] = index;
}

static void take_group(struct search *s, const struct world_group *g)
{
    for (size_t i = 0; g && i < g->count; i++)
        take_device(s, g->items[i]);
}

static void take_key(struct search *s, char kind, const char *key)
{
    const uint32_t *device = kind == 'D' ? table_get(&s->world->by_id, key) : NULL;
    if (device)
        take_device(s, *device);
    else if (kind != 'D')
        take_group(s, kind == 'U' ? world_account(s->world, key) : world_alias(s->world, key));
}

static void take_list(struct search *s, char kind, const char *list)
{
    char key[WORLD_PAIR_SIZE];
    for (;; list++) {
        size_t len = strcspn(list, ",");
        if (len < sizeof(key)) {
            memcpy(key, list, len);
            key[len] = '\0';
            take_key(s, kind, key);
        }
        list += len;
        if (!*list)
            return;
    }
}

/* --- tags --- */

static bool pair_has(const char *tag, void *arg)
{
    const struct search *s = arg;
    return world_has_tag(s->world, tag, s->pair);
}

static void look_at_pair(const char *pair, void *value, void *arg)
{
    struct search *s = arg;
    (void)value;
    if (table_get(&s->seen, pair))
        return;
    table_put(&s->seen, pair);
    s->pair = pair;
    if (tagexpr_holds(s->expr, pair_has, s))
        take_key(s, pair[0], pair + 2);
}

static void look_at_tag(const char *tag, void *arg)
{
    const struct search *s = arg;
    const struct world_tag *t = table_get(&s->world->tags, tag);
    if (t)
        table_each(&t->pairs, look_at_pair, arg);
}

static void take_tagged(struct search *s)
{
    s->expr = tagexpr_parse(s->ask->value);
    table_init(&s->seen, WORLD_PAIRS_MAX, 1);
    tagexpr_each_positive(s->expr, look_at_tag, s);
    table_free(&s->seen);
    json_decref(s->expr);
}

void audience_find(struct world *w, const struct audience_ask *ask, struct audience *out)
{
    struct search s = {.world = w, .ask = ask, .out = out};
    *out = (struct audience){0};
    w->stamp++;
    if (strcmp(ask->target, "DEVICE") == 0)
        take_list(&s, 'D', ask->value);
    else if (strcmp(ask->target, "ACCOUNT") == 0)
        take_list(&s, 'U', ask->value);
    else if (strcmp(ask->target, "ALIAS") == 0)
        take_list(&s, 'L', ask->value);
    else if (strcmp(ask->target, "TAG") == 0)
        take_tagged(&s);
    else if (strcmp(ask->target, "ALL") == 0)
        for (uint32_t i = 0; i < w->device_count; i++)
            take_device(&s, i);
}

void audience_free(struct audience *a)
{
    mem_free(a->items);
    *a = (struct audience){0};
}
