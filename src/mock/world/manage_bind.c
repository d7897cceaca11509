/* SPDX-License-Identifier: MIT */
#include "mock/world/manage.h"

#include <string.h>

#include "base/text.h"
#include "mock/check/params.h"

enum { TAGS_LISTED = 100 };

const char *manage_get(const struct deed *d, const char *name)
{
    const char *value = fields_get(&d->request->fields, name);
    return value ? value : "";
}

int64_t manage_number(const struct deed *d, const char *name)
{
    int64_t n;
    return text_int(manage_get(d, name), INT64_MIN, INT64_MAX, &n) ? n : 0;
}

struct world_device *manage_device(struct deed *d, const char *id)
{
    struct world *w = &d->provider->world;
    struct world_device *found = w->seeded ? world_find(w, id) : world_add(w, id);
    if (found && (!found->app_key || found->app_key == manage_number(d, "AppKey")))
        return found;
    refusal_named(d->refusal, "Invalid", "DeviceId", ".NotFound", "The device does not exist.");
    return NULL;
}

json_t *manage_list(const char *wrapper, const char *element, json_t *list)
{
    return json_pack("{s:{s:o}}", wrapper, element, list);
}

/* --- tags --- */

struct binding {
    struct world *world;
    const char *key_type, *keys, *tag;
    bool unbind;
};

static bool bind_key(const char *key, void *arg)
{
    const struct binding *b = arg;
    char pair[WORLD_PAIR_SIZE];
    if (!world_pair(b->key_type, key, strlen(key), pair))
        return false;
    if (!b->unbind)
        return world_tag(b->world, b->tag, pair);
    world_untag(b->world, b->tag, pair);
    return true;
}

static bool bind_keys(const char *tag, void *arg)
{
    struct binding *b = arg;
    b->tag = tag;
    return params_each(b->keys, bind_key, b);
}

static enum record_outcome bind_tags(struct deed *d, bool unbind)
{
    struct binding b = {.world = &d->provider->world,
                        .key_type = manage_get(d, "KeyType"),
                        .keys = manage_get(d, "ClientKey"),
                        .unbind = unbind};
    if (params_each(manage_get(d, "TagName"), bind_keys, &b))
        return RECORD_DONE;
    refusal_set(d->refusal, 400, "TagsNumberBeyondLimit", "The app has too many tags.");
    return RECORD_REFUSED;
}

enum record_outcome manage_bind_tag(struct deed *d)
{
    return bind_tags(d, false);
}

enum record_outcome manage_unbind_tag(struct deed *d)
{
    return bind_tags(d, true);
}

enum record_outcome manage_remove_tag(struct deed *d)
{
    world_remove_tag(&d->provider->world, manage_get(d, "TagName"));
    return RECORD_DONE;
}

struct tag_list {
    json_t *list;
    const char *pair; /* NULL: all tags */
    size_t max;
};

static void list_bound_tag(const char *tag, void *value, void *arg)
{
    struct tag_list *l = arg;
    const struct world_tag *t = value;
    if (json_array_size(l->list) < l->max && (!l->pair || table_get(&t->pairs, l->pair)))
        json_array_append_new(l->list, json_pack("{s:s}", "TagName", tag));
}

static enum record_outcome answer_tags(struct deed *d, const char *pair, size_t max)
{
    struct tag_list l = {.list = json_array(), .pair = pair, .max = max};
    table_each(&d->provider->world.tags, list_bound_tag, &l);
    d->answer = manage_list("TagInfos", "TagInfo", l.list);
    return RECORD_DONE;
}

enum record_outcome manage_query_tags(struct deed *d)
{
    char pair[WORLD_PAIR_SIZE];
    const char *key = manage_get(d, "ClientKey");
    world_pair(manage_get(d, "KeyType"), key, strlen(key), pair);
    return answer_tags(d, pair, WORLD_TAGS_MAX);
}

enum record_outcome manage_list_tags(struct deed *d)
{
    return answer_tags(d, NULL, TAGS_LISTED);
}

/* --- aliases --- */

struct alias_change {
    struct world *world;
    struct world_device *device;
    enum world_bound result;
};

static bool bind_alias(const char *alias, void *arg)
{
    struct alias_change *c = arg;
    c->result = world_bind_alias(c->world, c->device, alias);
    return c->result == WORLD_BOUND;
}

static bool unbind_alias(const char *alias, void *arg)
{
    const struct alias_change *c = arg;
    world_unbind_alias(c->world, c->device, alias);
    return true;
}

enum record_outcome manage_bind_alias(struct deed *d)
{
    struct alias_change c = {.world = &d->provider->world,
                             .device = manage_device(d, manage_get(d, "DeviceId"))};
    if (!c.device)
        return RECORD_REFUSED;
    if (params_each(manage_get(d, "AliasName"), bind_alias, &c))
        return RECORD_DONE;
    bool many_aliases = c.result == WORLD_DEVICE_FULL;
    refusal_set(d->refusal, 400, many_aliases ? "AliasLimitExceed" : "DeviceLimitExceed",
                "At most %d %s.", many_aliases ? WORLD_ALIASES_PER_DEVICE : WORLD_DEVICES_PER_ALIAS,
                many_aliases ? "aliases of a device" : "devices of an alias");
    return RECORD_REFUSED;
}

enum record_outcome manage_unbind_alias(struct deed *d)
{
    struct alias_change c = {.world = &d->provider->world};
    bool all = strcmp(manage_get(d, "UnbindAll"), "true") == 0;
    if (!all && !*manage_get(d, "AliasName")) {
        refusal_named(d->refusal, "Missing", "AliasName", "", "It is mandatory without UnbindAll.");
        return RECORD_REFUSED;
    }
    c.device = manage_device(d, manage_get(d, "DeviceId"));
    if (!c.device)
        return RECORD_REFUSED;
    if (!all)
        params_each(manage_get(d, "AliasName"), unbind_alias, &c);
    while (all && c.device->alias_count)
        world_unbind_alias(c.world, c.device, c.device->aliases[0]);
    return RECORD_DONE;
}

enum record_outcome manage_query_aliases(struct deed *d)
{
    json_t *list = json_array();
    const struct world_device *device = manage_device(d, manage_get(d, "DeviceId"));
    for (int i = 0; device && i < device->alias_count; i++)
        json_array_append_new(list, json_pack("{s:s}", "AliasName", device->aliases[i]));
    d->answer = manage_list("AliasInfos", "AliasInfo", list);
    return device ? RECORD_DONE : RECORD_REFUSED;
}
