/* SPDX-License-Identifier: MIT */
#include "mock/check/push.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mock/check/names.h"
#include "mock/check/tagexpr.h"

enum {
    IDS_MAX = 1000,
    DEVICE_ID_LEN = 32,
    ACCOUNT_BYTES = 64,
    ALIAS_BYTES = 128,
    TITLE_BYTES = 200,
    JOB_KEY_CHARS = 32,
    CEILING_BYTES = 1800,
    TIME_SLACK_MS = 1000,
    EXPIRE_MIN_MS = 3000
};
static const int64_t push_time_max_ms = 7 * 86400000LL;
static const int64_t expire_max_ms = 72 * 3600000LL;

/* The call under check, so that helpers read as sentences. */
struct check {
    const struct push_rules *rules;
    const struct request *q;
    const struct fields *fields; /* of the call, or of one task of a MassPush */
    bool is_task;
    int64_t now_ms;
    struct refusal *r;
};

static const char *push_field(const struct check *c, const char *name)
{
    return fields_get(c->fields, name);
}

static bool push_field_is(const struct check *c, const char *name, const char *value)
{
    const char *given = push_field(c, name);
    return given && strcmp(given, value) == 0;
}

static bool push_invalid(const struct check *c, const char *name, const char *suffix,
                         const char *why)
{
    return refusal_named(c->r, "Invalid", name, suffix, why);
}

static bool known_names_and_forms(const struct check *c)
{
    const char *twice = fields_repeated(c->fields);
    if (twice)
        return refusal_set(c->r, 400, "InvalidParameter", "%.80s is given twice.", twice);
    for (size_t i = 0; i < c->fields->count; i++) {
        const struct field *f = &c->fields->items[i];
        if ((!c->is_task && request_name_is_common(c->q, f->name)) ||
            (c->is_task && names_is_map_entry(f->name)))
            continue;
        const struct name *n = c->is_task ? names_find_of_task(f->name) : names_find(f->name);
        if (!n)
            return refusal_set(c->r, 400, "InvalidParameter", "%.80s is not a parameter of %s.",
                               f->name, c->is_task ? "a task" : "Push");
        if (!names_value_fits(n, f->value))
            return push_invalid(c, f->name, ".Format", "The value of the parameter is not valid.");
    }
    return true;
}

static bool required_given(const struct check *c)
{
    static const char *const needed[] = {"AppKey", "PushType", "DeviceType", "Target",
                                         "TargetValue"};
    for (size_t i = c->is_task; i < sizeof(needed) / sizeof(*needed); i++)
        if (!push_field(c, needed[i]))
            return refusal_named(c->r, "Missing", needed[i], "",
                                 "The parameter is mandatory for this action.");
    return true;
}

bool push_app_known(const struct push_rules *rules, const char *app_key, struct refusal *r)
{
    for (int i = 0; i < rules->app_key_count; i++)
        if (strcmp(rules->app_keys[i], app_key) == 0)
            return true;
    return rules->app_key_count == 0 ||
           refusal_named(r, "Invalid", "AppKey", ".NotFound", "The AppKey does not exist.");
}

/* --- target --- */

static bool device_id_ok(const char *id, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isdigit((unsigned char)id[i]) && !islower((unsigned char)id[i]))
            return false;
    return len == DEVICE_ID_LEN;
}

static bool ids_ok(const struct check *c, bool devices, size_t bytes_max, int64_t count_max)
{
    int64_t count = 0;
    for (const char *p = push_field(c, "TargetValue");; p++) {
        size_t len = strcspn(p, ",");
        if (!len)
            return push_invalid(c, "TargetValue", ".Format", "An id is empty.");
        if (devices ? !device_id_ok(p, len) : len > bytes_max)
            return push_invalid(c, "TargetValue", ".Format", "An id is malformed or too long.");
        if (++count > count_max)
            return push_invalid(c, "TargetValue", ".LengthExceed", "Too many ids.");
        p += len;
        if (!*p)
            return true;
    }
}

static bool tags_ok(const struct check *c)
{
    struct err e;
    return tagexpr_check(push_field(c, "TargetValue"), &e) ||
           push_invalid(c, "TargetValue", ".Format", e.text);
}

static bool target_ok(const struct check *c)
{
    if (!*push_field(c, "TargetValue"))
        return push_invalid(c, "TargetValue", ".Empty", "The parameter is empty.");
    if (push_field_is(c, "Target", "DEVICE"))
        return ids_ok(c, true, 0, IDS_MAX);
    if (push_field_is(c, "Target", "ACCOUNT"))
        return ids_ok(c, false, ACCOUNT_BYTES, c->rules->accounts_max);
    if (push_field_is(c, "Target", "ALIAS"))
        return ids_ok(c, false, ALIAS_BYTES, IDS_MAX);
    if (c->is_task)
        return refusal_set(c->r, 400, "TargetNotSupported", "Not supported for batch push.");
    if (push_field_is(c, "Target", "TAG"))
        return tags_ok(c);
    if (push_field_is(c, "Target", "FILE"))
        return refusal_set(c->r, 400, "TargetNotSupported", "Target FILE is not for this action.");
    if (push_field_is(c, "Target", "TBD"))
        return push_field_is(c, "TargetValue", "TBD") ||
               push_invalid(c, "TargetValue", ".Format", "Use TBD.");
    return push_field_is(c, "TargetValue", "ALL") || push_field_is(c, "TargetValue", "all") ||
           push_invalid(c, "TargetValue", ".Format", "Use ALL.");
}

/* --- content --- */

static bool text_given(const struct check *c, const char *name)
{
    const char *value = push_field(c, name);
    if (!value)
        return refusal_named(c->r, "Missing", name, "",
                             "The parameter is mandatory for this action.");
    return *value || push_invalid(c, name, ".Empty", "The parameter is empty.");
}

static bool texts_ok(const struct check *c)
{
    static const struct {
        const char *name;
        size_t bytes, chars;
    } limits[] = {{"Title", TITLE_BYTES, 0},
                  {"AndroidBigTitle", 200, 0},
                  {"AndroidBigBody", 1000, 0},
                  {"AndroidPopupTitle", 0, 50},
                  {"AndroidPopupBody", 0, 200}};
    bool ios_notice =
        push_field_is(c, "DeviceType", "iOS") && push_field_is(c, "PushType", "NOTICE");
    if ((!ios_notice && !text_given(c, "Title")) || !text_given(c, "Body"))
        return false;
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        const char *value = push_field(c, limits[i].name);
        if (!value)
            continue;
        if (limits[i].bytes ? strlen(value) > limits[i].bytes
                            : text_utf8_chars(value) > limits[i].chars)
            return push_invalid(c, limits[i].name, ".LengthExceed", "The parameter is too long.");
    }
    return true;
}

static size_t sum_bytes(const struct check *c, const char *const *names)
{
    size_t sum = 0;
    for (; *names; names++)
        sum += push_field(c, *names) ? strlen(push_field(c, *names)) : 0;
    return sum;
}

static bool ceiling_ok(const struct check *c)
{
    static const char *const message[] = {"Title", "Body", NULL};
    static const char *const android[] = {
        "Title",           "Body",           "AndroidMusic",         "AndroidOpenType",
        "AndroidActivity", "AndroidOpenUrl", "AndroidExtParameters", NULL};
    static const char *const ios[] = {"Body", "iOSMusic", "iOSBadge", "iOSExtParameters", NULL};
    static const char *const harmony[] = {"Title",
                                          "Body",
                                          "HarmonyRemindTitle",
                                          "HarmonyRemindBody",
                                          "HarmonyNotifyId",
                                          "HarmonyActionType",
                                          "HarmonyAction",
                                          "HarmonyUri",
                                          "HarmonyRenderStyle",
                                          "HarmonyImageUrl",
                                          "HarmonyInboxContent",
                                          "HarmonyNotificationSlotType",
                                          "HarmonyExtParameters",
                                          NULL};
    size_t sum = 0;
    if (push_field_is(c, "PushType", "MESSAGE"))
        sum = sum_bytes(c, message);
    else if (push_field_is(c, "DeviceType", "HARMONY"))
        sum = sum_bytes(c, harmony);
    else if (push_field_is(c, "DeviceType", "iOS"))
        sum = sum_bytes(c, ios);
    else
        sum = sum_bytes(c, android);
    if (push_field_is(c, "DeviceType", "ALL") && push_field_is(c, "PushType", "NOTICE") &&
        sum_bytes(c, ios) > sum)
        sum = sum_bytes(c, ios);
    return sum <= CEILING_BYTES ||
           refusal_set(c->r, 400, "InvalidPayload.BytesExceed",
                       "The payload has %zu bytes, at most %d are allowed.", sum, CEILING_BYTES);
}

static bool given_together(const struct check *c)
{
    static const char *const pairs[][2] = {
        {"AndroidPopupActivity", "AndroidPopupTitle"},
        {"AndroidPopupActivity", "AndroidPopupBody"},
        {"AndroidMessageOppoNotifyLevel", "AndroidMessageOppoCategory"},
        {"SmsTemplateName", "SmsDelaySecs"}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (push_field(c, pairs[i][0]) && !push_field(c, pairs[i][1]))
            return refusal_named(c->r, "Missing", pairs[i][1], "",
                                 "Another parameter makes this one mandatory.");
    if (push_field(c, "iOSBadge") && push_field_is(c, "iOSBadgeAutoIncrement", "true"))
        return refusal_set(c->r, 400, "IosBadgeConflict", "Badge and auto-increment together.");
    if (push_field(c, "SmsTemplateName") && !push_field(c, "SmsSignName"))
        return refusal_set(c->r, 400, "SmsSignNameEmpty", "SmsSignName is empty.");
    if (push_field(c, "SmsSignName") && !push_field(c, "SmsTemplateName"))
        return refusal_set(c->r, 400, "SmsTemplateNameEmpty", "SmsTemplateName is empty.");
    return true;
}

/* --- job key, token, times --- */

static bool job_key_ok(const struct check *c)
{
    const char *key = push_field(c, "JobKey");
    if (!key)
        return true;
    if (strlen(key) > JOB_KEY_CHARS)
        return push_invalid(c, "JobKey", ".LengthExceed", "At most 32 characters.");
    for (const char *p = key; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
            return push_invalid(c, "JobKey", ".Format", "Letters, digits, '_' and '-' only.");
    return true;
}

bool push_token_ok(const struct fields *f, struct refusal *r)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *token = fields_get(f, "IdempotentToken");
    if (!token)
        return true;
    bool ok = strlen(token) == sizeof(shape) - 1;
    for (size_t i = 0; ok && token[i]; i++)
        ok = shape[i] == '-' ? token[i] == '-' : isxdigit((unsigned char)token[i]) != 0;
    return ok || refusal_named(r, "Invalid", "IdempotentToken", ".Format",
                               "A UUID of 36 characters is expected.");
}

static bool times_ok(const struct check *c)
{
    int64_t push_ms = c->now_ms, expire_ms;
    const char *push = push_field(c, "PushTime"), *expire = push_field(c, "ExpireTime");
    if (push && push_field_is(c, "Target", "TBD"))
        return push_invalid(c, "PushTime", ".Format", "Not with Target TBD.");
    if (push && clock_parse_rfc3339(push, &push_ms)) {
        if (push_ms > c->now_ms + push_time_max_ms + TIME_SLACK_MS)
            return push_invalid(c, "PushTime", ".Format", "At most 7 days ahead.");
        if (push_ms < c->now_ms - TIME_SLACK_MS && c->rules->refuse_past_times)
            return push_invalid(c, "PushTime", ".Format", "The time has passed.");
    }
    if (push_ms < c->now_ms)
        push_ms = c->now_ms;
    if (!expire || push_field(c, "SmsTemplateName") || !clock_parse_rfc3339(expire, &expire_ms))
        return true;
    if (expire_ms <= push_ms + EXPIRE_MIN_MS - TIME_SLACK_MS)
        return push_invalid(c, "ExpireTime", ".Format",
                            "Must be later than sending plus 3 seconds.");
    return expire_ms <= push_ms + expire_max_ms + TIME_SLACK_MS ||
           push_invalid(c, "ExpireTime", ".Format", "At most 72 hours after sending.");
}

static bool content_ok(const struct check *c)
{
    return target_ok(c) && texts_ok(c) && ceiling_ok(c) && given_together(c) && job_key_ok(c);
}

bool push_check(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                struct refusal *r)
{
    const struct check c = {.rules = rules, .q = q, .fields = &q->fields, .now_ms = now_ms, .r = r};
    return known_names_and_forms(&c) && required_given(&c) &&
           push_app_known(rules, push_field(&c, "AppKey"), r) && content_ok(&c) &&
           push_token_ok(&q->fields, r) && times_ok(&c);
}

bool push_check_task(const struct push_rules *rules, const struct fields *task, int64_t now_ms,
                     struct refusal *r)
{
    const struct check c = {
        .rules = rules, .fields = task, .is_task = true, .now_ms = now_ms, .r = r};
    return known_names_and_forms(&c) && required_given(&c) && content_ok(&c) && times_ok(&c);
}

bool push_target_ok(const struct push_rules *rules, const struct fields *f, bool batch,
                    struct refusal *r)
{
    const struct check c = {.rules = rules, .fields = f, .is_task = batch, .r = r};
    return target_ok(&c);
}
