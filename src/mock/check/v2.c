/* SPDX-License-Identifier: MIT */
#include "mock/check/v2.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "mock/check/params.h"
#include "mock/world/pushing.h"

enum { FLAT_MAX = 16 };

/* A task in flat names; the texts are the JSON value's. */
struct flat {
    struct field items[FLAT_MAX];
    struct fields fields;
};

static void put_flat(struct flat *f, const char *name, const char *value)
{
    struct field *item = &f->items[f->fields.count];
    if (!value || f->fields.count == FLAT_MAX)
        return;
    *item = (struct field){.name = mem_strdup(name), .value = mem_strdup(value)};
    f->fields.count++;
}

static void free_flat(struct flat *f)
{
    for (size_t i = 0; i < f->fields.count; i++) {
        mem_free(f->items[i].name);
        mem_free(f->items[i].value);
    }
}

static const char *v2_member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const char *device_type(const char *platform)
{
    if (!platform)
        return "ALL";
    return strcmp(platform, "IOS") == 0 ? "iOS" : platform;
}

static void flatten_v2(struct flat *f, const json_t *task)
{
    const json_t *target = json_object_get(task, "Target"), *options;
    const json_t *notice = json_object_get(task, "Notification");
    const json_t *shown = notice ? notice : json_object_get(task, "Message");
    const char *kind = v2_member(target, "Type"), *value = v2_member(target, "Value");
    options = json_object_get(task, "Options");
    f->fields = (struct fields){.items = f->items};
    put_flat(f, "PushType", notice ? "NOTICE" : "MESSAGE");
    put_flat(f, "DeviceType", device_type(v2_member(target, "Platform")));
    put_flat(f, "Target", kind);
    put_flat(f, "TargetValue", value || !kind || strcmp(kind, "ALL") != 0 ? value : "ALL");
    put_flat(f, "Title", v2_member(shown, "Title"));
    put_flat(f, "Body", v2_member(shown, "Body"));
    put_flat(f, "JobKey", v2_member(options, "JobKey"));
    put_flat(f, "PushTime", v2_member(options, "PushTime"));
    put_flat(f, "ExpireTime", v2_member(options, "ExpireTime"));
    put_flat(f, "StoreOffline", v2_member(options, "ExpireTime") ? "true" : NULL);
    fields_sort(&f->fields);
}

static bool is_mass(const struct request *q)
{
    return strcmp(q->action, "MassPushV2") == 0;
}

/* The call's tasks as a list; the caller owns it. */
static json_t *read_tasks(const struct request *q)
{
    if (is_mass(q))
        return json_loads(fields_get(&q->fields, "PushTasks"), 0, NULL);
    return json_pack("[o]", json_loads(fields_get(&q->fields, "PushTask"), 0, NULL));
}

/* Of what a task of version 2 may say only this is checked: whom it is for and what it shows. */
static bool task_ok(const struct push_rules *rules, const json_t *task, bool mass,
                    struct refusal *r)
{
    struct flat f;
    if (!json_object_get(task, "Message") && !json_object_get(task, "Notification"))
        return refusal_named(r, "Missing", "Message", "", "A message or a notification is needed.");
    flatten_v2(&f, task);
    bool ok = true;
    static const char *const needed[] = {"Target", "TargetValue", "Body"};
    for (size_t i = 0; ok && i < sizeof(needed) / sizeof(*needed); i++)
        ok = fields_get(&f.fields, needed[i]) ||
             refusal_named(r, "Missing", needed[i], "", "The member is mandatory.");
    ok = ok && push_target_ok(rules, &f.fields, mass, r);
    free_flat(&f);
    return ok;
}

bool v2_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
              struct refusal *r)
{
    if (strcmp(q->method, "POST") != 0)
        return refusal_set(r, 405, "UnsupportedHTTPMethod", "Use POST.");
    if (!params_check_request(rules, q, now_ms, r) || !push_token_ok(&q->fields, r))
        return false;
    json_t *list = read_tasks(q);
    bool ok = json_array_size(list) > 0 || refusal_named(r, "Invalid", "PushTasks", ".Empty", "");
    for (size_t i = 0; ok && i < json_array_size(list); i++)
        ok = task_ok(rules, json_array_get(list, i), is_mass(q), r);
    json_decref(list);
    return ok;
}

static void deliver_v2(struct deed *d, const json_t *list)
{
    const char *token = fields_get(&d->request->fields, "IdempotentToken");
    struct inbox_push push = {.app_key = fields_get(&d->request->fields, "AppKey"),
                              .token = token ? token : "",
                              .action = d->request->action,
                              .now_ms = d->now_ms};
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct flat f;
        flatten_v2(&f, json_array_get(list, i));
        push.id = d->ids.first + i;
        push.fields = &f.fields;
        inbox_deliver(&d->provider->inbox, &d->provider->world, &push);
        free_flat(&f);
    }
}

enum record_outcome v2_act(struct deed *d)
{
    char id[24];
    json_t *list = read_tasks(d->request);
    enum record_outcome outcome = pushing_judge(d, (int)json_array_size(list));
    if (outcome == RECORD_PUSHED)
        deliver_v2(d, list);
    json_decref(list);
    snprintf(id, sizeof(id), "%" PRIu64, d->ids.first);
    if (outcome != RECORD_REFUSED)
        d->answer = is_mass(d->request) ? mass_answer(d->ids, MASS_IDS_ARRAY)
                                        : json_pack("{s:s}", "MessageId", id);
    return outcome;
}
