/* SPDX-License-Identifier: MIT */
#include "mock/check/simple.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "mock/check/params.h"
#include "mock/world/pushing.h"

static char push_type[] = "PushType", device_type[] = "DeviceType", notice[] = "NOTICE",
            message[] = "MESSAGE", ios[] = "iOS", android[] = "ANDROID",
            ios_parameters[] = "iOSExtParameters", android_parameters[] = "AndroidExtParameters",
            ios_env[] = "iOSApnsEnv";

/* The same call as a Push; its texts stay q's. The caller frees the items alone. */
static struct request as_push(const struct request *q)
{
    struct request push = *q;
    struct fields *f = &push.fields;
    bool to_ios = text_ends(q->action, "iOS");
    f->items = mem_alloc((f->count + 2) * sizeof(*f->items));
    memcpy(f->items, q->fields.items, f->count * sizeof(*f->items));
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->items[i].name, "ExtParameters") == 0)
            f->items[i].name = to_ios ? ios_parameters : android_parameters;
        else if (strcmp(f->items[i].name, "ApnsEnv") == 0)
            f->items[i].name = ios_env;
    f->items[f->count++] = (struct field){
        .name = push_type, .value = text_starts(q->action, "PushNotice") ? notice : message};
    f->items[f->count++] = (struct field){.name = device_type, .value = to_ios ? ios : android};
    fields_sort(f);
    return push;
}

bool simple_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                  struct refusal *r)
{
    if (!params_check_request(rules, q, now_ms, r))
        return false;
    struct request push = as_push(q);
    bool ok = push_check(rules, &push, now_ms, r);
    mem_free(push.fields.items);
    return ok;
}

enum record_outcome simple_act(struct deed *d)
{
    struct request push = as_push(d->request);
    struct deed again = *d;
    again.request = &push;
    enum record_outcome outcome = pushing_act(&again);
    d->ids = again.ids;
    d->answer = again.answer;
    mem_free(push.fields.items);
    return outcome;
}
