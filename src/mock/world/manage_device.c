/* SPDX-License-Identifier: MIT */
#include "mock/world/manage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mock/check/params.h"
#include "mock/wire/answer.h"

static const int64_t certificate_ms = 365 * 86400000LL;

static bool is_of_app(const struct world_device *device, int64_t app_key)
{
    return !device->app_key || device->app_key == app_key;
}

static enum record_outcome answer_group(struct deed *d, const struct world_group *g)
{
    json_t *list = json_array();
    int64_t app_key = manage_number(d, "AppKey");
    for (size_t i = 0; g && i < g->count; i++) {
        const struct world_device *device = d->provider->world.devices[g->items[i]];
        if (is_of_app(device, app_key))
            json_array_append_new(list, json_string(device->id));
    }
    d->answer = manage_list("DeviceIds", "DeviceId", list);
    return RECORD_DONE;
}

enum record_outcome manage_devices_by_alias(struct deed *d)
{
    return answer_group(d, world_alias(&d->provider->world, manage_get(d, "Alias")));
}

enum record_outcome manage_devices_by_account(struct deed *d)
{
    const struct world_group *g = world_account(&d->provider->world, manage_get(d, "Account"));
    if (!g || g->count <= WORLD_DEVICES_PER_ACCOUNT)
        return answer_group(d, g);
    refusal_set(d->refusal, 400, "AccountLimitExceed", "The account has more than %d devices.",
                WORLD_DEVICES_PER_ACCOUNT);
    return RECORD_REFUSED;
}

/* --- one device --- */

struct tags_of {
    struct buf *out;
    char pair[WORLD_PAIR_SIZE];
};

static void add_name(struct buf *out, const char *name)
{
    buf_puts(out, out->len ? "," : "");
    buf_puts(out, name);
}

static void list_device_tag(const char *tag, void *value, void *arg)
{
    const struct tags_of *t = arg;
    const struct world_tag *members = value;
    if (table_get(&members->pairs, t->pair))
        add_name(t->out, tag);
}

static json_t *tags_of(const struct world *w, const struct world_device *device)
{
    struct buf names;
    struct tags_of t = {.out = &names};
    buf_init(&names, ANSWER_MAX);
    world_pair("DEVICE", device->id, WORLD_DEVICE_ID_LEN, t.pair);
    table_each(&w->tags, list_device_tag, &t);
    json_t *text = json_string(buf_text(&names));
    buf_free(&names);
    return text;
}

static json_t *aliases_of(const struct world_device *device)
{
    struct buf names;
    buf_init(&names, ANSWER_MAX);
    for (int i = 0; i < device->alias_count; i++)
        add_name(&names, device->aliases[i]);
    json_t *text = json_string(buf_text(&names));
    buf_free(&names);
    return text;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

enum record_outcome manage_device_info(struct deed *d)
{
    char seen[CLOCK_UTC_SIZE];
    const struct world_device *device = manage_device(d, manage_get(d, "DeviceId"));
    if (!device)
        return RECORD_REFUSED;
    clock_format_utc(d->now_ms, seen);
    json_t *info =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:s, s:b, s:s, s:b, s:s, s:s}", "DeviceId",
                  device->id, "DeviceType", device->type, "DeviceToken", or_empty(device->token),
                  "Account", or_empty(device->account), "Alias", aliases_of(device), "Tags",
                  tags_of(&d->provider->world, device), "PhoneNumber", or_empty(device->phone),
                  "Online", !device->offline, "LastOnlineTime", seen, "PushEnabled", 1, "Brand",
                  "mock", "Model", "mock");
    d->answer = json_pack("{s:o}", "DeviceInfo", info);
    return RECORD_DONE;
}

/* Without a world every id is good. */
static bool is_available(const struct deed *d, const char *id)
{
    const struct world *w = &d->provider->world;
    const struct world_device *device = world_find(w, id);
    return device ? is_of_app(device, manage_number(d, "AppKey")) : !w->seeded;
}

enum record_outcome manage_check_device(struct deed *d)
{
    d->answer = json_pack("{s:b}", "Available", is_available(d, manage_get(d, "DeviceId")));
    return RECORD_DONE;
}

struct check_list {
    const struct deed *deed;
    json_t *list;
};

static bool check_one(const char *id, void *arg)
{
    const struct check_list *c = arg;
    json_array_append_new(
        c->list, json_pack("{s:s, s:b}", "DeviceId", id, "Available", is_available(c->deed, id)));
    return true;
}

enum record_outcome manage_check_devices(struct deed *d)
{
    struct check_list c = {.deed = d, .list = json_array()};
    params_each(manage_get(d, "DeviceIds"), check_one, &c);
    d->answer = manage_list("DeviceCheckInfos", "DeviceCheckInfo", c.list);
    return RECORD_DONE;
}

static enum record_outcome set_phone(struct deed *d, const char *number)
{
    struct world_device *device = manage_device(d, manage_get(d, "DeviceId"));
    if (!device)
        return RECORD_REFUSED;
    mem_free(device->phone);
    device->phone = mem_strdup(number);
    return RECORD_DONE;
}

enum record_outcome manage_bind_phone(struct deed *d)
{
    return set_phone(d, manage_get(d, "PhoneNumber"));
}

enum record_outcome manage_unbind_phone(struct deed *d)
{
    return set_phone(d, NULL);
}

/* --- the app --- */

static json_t *certificate_status(const struct deed *d)
{
    return json_pack("{s:s, s:I}", "Status", d->provider->certificate, "ExipreTime",
                     (json_int_t)d->now_ms + certificate_ms);
}

enum record_outcome manage_check_certificate(struct deed *d)
{
    d->answer = json_pack("{s:b, s:b, s:o, s:o}", "Android", 1, "IOS", 1, "ProductionCertInfo",
                          certificate_status(d), "DevelopmentCertInfo", certificate_status(d));
    return RECORD_DONE;
}

/* Only the apps that were named on the command line can be listed. */
enum record_outcome manage_list_apps(struct deed *d)
{
    char name[48];
    json_t *list = json_array();
    const struct push_rules *rules = &d->provider->rules;
    for (int i = 0; i < rules->app_key_count; i++) {
        snprintf(name, sizeof(name), "app-%.24s", rules->app_keys[i]);
        json_array_append_new(list, json_pack("{s:I, s:s}", "AppKey",
                                              (json_int_t)strtoll(rules->app_keys[i], NULL, 10),
                                              "AppName", name));
    }
    d->answer = manage_list("SummaryAppInfos", "SummaryAppInfo", list);
    return RECORD_DONE;
}
