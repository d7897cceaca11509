/* SPDX-License-Identifier: MIT */
#include "mock/world/continuous.h"

#include <string.h>

#include "base/mem.h"
#include "mock/check/params.h"
#include "mock/world/manage.h"

bool continuous_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                      struct refusal *r)
{
    return params_check_request(rules, q, now_ms, r) && push_target_ok(rules, &q->fields, true, r);
}

/* The stored message, or NULL after a refusal. */
static struct record_task *find_stored(struct deed *d, struct record_call **c)
{
    uint64_t id = (uint64_t)manage_number(d, "MessageId");
    struct record_task *task = record_find_message(&d->provider->record, id, c);
    bool open = task && !task->completed && strcmp((*c)->action, "Push") == 0 &&
                strcmp(record_param(*c, "Target"), "TBD") == 0 &&
                strcmp(record_param(*c, "AppKey"), manage_get(d, "AppKey")) == 0 &&
                d->now_ms - d->provider->clock_skew_ms - (*c)->at_ms < CONTINUOUS_LIFE_MS;
    if (!open)
        refusal_named(d->refusal, "Invalid", "MessageId", ".NotFound",
                      "No message is stored under it.");
    return open ? task : NULL;
}

/* The stored call's parameters as fields; their texts stay the record's. */
static struct fields stored_fields(const struct record_call *c)
{
    struct fields f = {.cap = FIELDS_MAX};
    f.items = mem_alloc(f.cap * sizeof(*f.items));
    for (char *p = c->params; p && p < c->params + c->params_len && f.count < f.cap;) {
        char *value = p + strlen(p) + 1;
        f.items[f.count++] = (struct field){.name = p, .value = value};
        p = value + strlen(value) + 1;
    }
    return f;
}

static void deliver_continuous(struct deed *d, const struct record_call *c)
{
    struct fields f = stored_fields(c);
    const struct inbox_push push = {.id = c->ids.first,
                                    .fields = &f,
                                    .target = manage_get(d, "Target"),
                                    .target_value = manage_get(d, "TargetValue"),
                                    .app_key = manage_get(d, "AppKey"),
                                    .token = "",
                                    .action = d->request->action,
                                    .now_ms = d->now_ms};
    inbox_deliver(&d->provider->inbox, &d->provider->world, &push);
    mem_free(f.items);
}

enum record_outcome continuous_push(struct deed *d)
{
    struct record_call *c;
    struct record_task *stored = find_stored(d, &c);
    if (!stored)
        return RECORD_REFUSED;
    if (stored->continued == CONTINUOUS_PUSHES_MAX) {
        refusal_named(d->refusal, "Invalid", "MessageId", ".LengthExceed",
                      "The message was pushed too often.");
        return RECORD_REFUSED;
    }
    stored->continued++;
    deliver_continuous(d, c);
    d->ids = (struct replay_ids){c->ids.first, 1};
    d->answer = json_pack("{s:s}", "MessageId", manage_get(d, "MessageId"));
    return RECORD_PUSHED;
}

enum record_outcome continuous_complete(struct deed *d)
{
    struct record_call *c;
    struct record_task *stored = find_stored(d, &c);
    if (!stored)
        return RECORD_REFUSED;
    stored->completed = true;
    d->answer = json_pack("{s:s}", "MessageId", manage_get(d, "MessageId"));
    return RECORD_DONE;
}
