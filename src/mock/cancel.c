/* SPDX-License-Identifier: MIT */
#include "mock/cancel.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static bool is_known(const struct request *q, const char *name)
{
    return request_name_is_common(q, name) || strcmp(name, "AppKey") == 0 ||
           strcmp(name, "MessageId") == 0;
}

static bool given(const struct request *q, const char *name, struct refusal *r)
{
    int64_t n;
    const char *value = fields_get(&q->fields, name);
    if (!value)
        return refusal_named(r, "Missing", name, "", "The parameter is mandatory for this action.");
    return text_int(value, 1, INT64_MAX, &n) ||
           refusal_named(r, "Invalid", name, ".Format", "The value of the parameter is not valid.");
}

static bool app_known(const struct push_rules *rules, const char *key, struct refusal *r)
{
    for (int i = 0; i < rules->app_key_count; i++)
        if (strcmp(rules->app_keys[i], key) == 0)
            return true;
    return rules->app_key_count == 0 ||
           refusal_named(r, "Invalid", "AppKey", ".NotFound", "The AppKey does not exist.");
}

bool cancel_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                  struct refusal *r)
{
    (void)now_ms;
    for (size_t i = 0; i < q->fields.count; i++)
        if (!is_known(q, q->fields.items[i].name))
            return refusal_set(r, 400, "InvalidParameter",
                               "%.80s is not a parameter of CancelPush.", q->fields.items[i].name);
    return given(q, "AppKey", r) && given(q, "MessageId", r) &&
           app_known(rules, fields_get(&q->fields, "AppKey"), r);
}

static struct record_call *find(const struct record *record, uint64_t message_id)
{
    for (uint64_t seq = record->next_seq; seq-- > record->oldest_seq;) {
        struct record_call *c = record_find(record, seq);
        if (c && c->message_id == message_id && c->outcome == RECORD_PUSHED)
            return c;
    }
    return NULL;
}

bool cancel_push(struct record *record, const struct request *q, int64_t now_ms, struct refusal *r)
{
    int64_t id = 0, push_ms = 0;
    text_int(fields_get(&q->fields, "MessageId"), 1, INT64_MAX, &id);
    struct record_call *c = find(record, (uint64_t)id);
    bool waiting = c && !c->cancelled &&
                   strcmp(record_param(c, "AppKey"), fields_get(&q->fields, "AppKey")) == 0 &&
                   clock_parse_rfc3339(record_param(c, "PushTime"), &push_ms) && push_ms > now_ms;
    if (!waiting)
        return refusal_named(r, "Invalid", "MessageId", ".NotFound",
                             "The message is unknown or was pushed already.");
    c->cancelled = true;
    return true;
}
