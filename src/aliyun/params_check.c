/* SPDX-License-Identifier: MIT
 * What the provider's documentation ties together across parameters, as tables. */
#include <inttypes.h>
#include <string.h>

#include "aliyun/params.h"
#include "base/text.h"

static bool param_is(const struct params *p, const char *name, const char *value)
{
    const char *set = params_get(p, name);
    return set && strcmp(set, value) == 0;
}

static bool is_filled(const struct params *p, const char *name)
{
    const char *set = params_get(p, name);
    return set && *set;
}

/* --- single parameters ---------------------------------------------------------------------- */

static bool check_params_required(const struct params *p, struct err *e)
{
    for (size_t i = 0; i < params_push_count; i++)
        if (params_push[i].required && !is_filled(p, params_push[i].name))
            return err_set(e, "%s: required", params_push[i].name);
    return true;
}

int params_platforms(const char *device_type)
{
    if (strcmp(device_type, "ANDROID") == 0)
        return PLATFORM_ANDROID;
    if (strcmp(device_type, "iOS") == 0)
        return PLATFORM_IOS;
    if (strcmp(device_type, "HARMONY") == 0)
        return PLATFORM_HARMONY;
    return strcmp(device_type, "ALL") == 0 ? PLATFORM_ANDROID | PLATFORM_IOS | PLATFORM_HARMONY : 0;
}

int params_part_platforms(const char *device_type)
{
    return strcmp(device_type, "ALL") == 0 ? PLATFORM_ANDROID | PLATFORM_IOS
                                           : params_platforms(device_type);
}

static const char *platform_name(int platforms)
{
    if (platforms & PLATFORM_ANDROID)
        return "ANDROID";
    return platforms & PLATFORM_IOS ? "iOS" : "HARMONY";
}

static bool check_row(const struct param_row *row, const char *value, const char *device_type,
                      struct err *e)
{
    if (row->platforms && !(row->platforms & params_platforms(device_type)))
        return err_set(e, "%s: a parameter of %s, but DeviceType is %s", row->name,
                       platform_name(row->platforms), device_type);
    if (row->type != PARAM_STRING)
        return true;
    size_t len = strlen(value);
    if (row->max && len > (size_t)row->max)
        return err_set(e, "%s: %zu bytes, at most %" PRId64, row->name, len, row->max);
    if (row->max_chars && text_utf8_chars(value) > row->max_chars)
        return err_set(e, "%s: %zu characters, at most %zu", row->name, text_utf8_chars(value),
                       row->max_chars);
    return true;
}

static bool check_rows(const struct params *p, const char *device_type, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct param_row *row = params_find(p->v[i].name);
        if (row && !check_row(row, p->v[i].value, device_type, e))
            return false;
    }
    return true;
}

/* --- ties ----------------------------------------------------------------------------------- */

/* iOSRemind itself has no row: "in production only" says where it has an effect, and does not ask
 * for iOSApnsEnv, as iOSRemindBody's text does (API reference §3.4).
 * Where `when` has the value (NULL: any but empty), `need` must have its value (NULL: the same). */
struct tie {
    const char *when, *value, *need, *need_value;
};
static const struct tie ties[] = {
    {"AndroidMessageOppoNotifyLevel", NULL, "AndroidMessageOppoCategory", NULL},
    {"AndroidOpenType", "ACTIVITY", "AndroidActivity", NULL},
    {"AndroidOpenType", "URL", "AndroidOpenUrl", NULL},
    {"AndroidPopupActivity", NULL, "AndroidPopupTitle", NULL},
    {"AndroidPopupActivity", NULL, "AndroidPopupBody", NULL},
    {"AndroidRemind", "true", "PushType", "MESSAGE"},
    {"HarmonyRemind", "true", "PushType", "MESSAGE"},
    {"HarmonyRemindTitle", NULL, "HarmonyRemind", "true"},
    {"HarmonyRemindBody", NULL, "HarmonyRemind", "true"},
    {"HarmonyRenderStyle", "MULTI_LINE", "HarmonyInboxContent", NULL},
    {"SmsTemplateName", NULL, "SmsSignName", NULL},
    {"SmsTemplateName", NULL, "SmsDelaySecs", NULL},
    {"SmsSignName", NULL, "SmsTemplateName", NULL},
    {"SmsParams", NULL, "SmsTemplateName", NULL},
    {"SmsDelaySecs", NULL, "SmsTemplateName", NULL},
    {"SmsSendPolicy", NULL, "SmsTemplateName", NULL},
    {"iOSLiveActivityEvent", "start", "iOSLiveActivityAttributes", NULL},
    {"iOSLiveActivityEvent", "start", "iOSLiveActivityAttributesType", NULL},
    {"iOSRemindBody", NULL, "iOSApnsEnv", "PRODUCT"},
    {"iOSRemindBody", NULL, "iOSRemind", "true"},
    {"iOSSilentNotification", "true", "iOSMutableContent", "true"},
};

static bool holds(const struct params *p, const char *name, const char *value)
{
    return value ? param_is(p, name, value) : is_filled(p, name);
}

static bool check_ties(const struct params *p, struct err *e)
{
    for (size_t i = 0; i < sizeof ties / sizeof ties[0]; i++) {
        const struct tie *t = &ties[i];
        if (!holds(p, t->when, t->value) || holds(p, t->need, t->need_value))
            continue;
        return err_set(e, "%s%s%s: needs %s%s%s", t->when, t->value ? "=" : "",
                       t->value ? t->value : "", t->need, t->need_value ? "=" : "",
                       t->need_value ? t->need_value : "");
    }
    return true;
}

/* Whatever is tied to others begins so; the usual call has nothing of the kind. */
static bool has_special(const struct params *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (text_starts(p->v[i].name, "Android") || text_starts(p->v[i].name, "Harmony") ||
            text_starts(p->v[i].name, "iOS") || text_starts(p->v[i].name, "Sms"))
            return true;
    return false;
}

static bool check_custom_page(const struct params *p, struct err *e)
{
    if (param_is(p, "HarmonyActionType", "APP_CUSTOM_PAGE") && !is_filled(p, "HarmonyAction") &&
        !is_filled(p, "HarmonyUri"))
        return err_set(e, "HarmonyActionType=APP_CUSTOM_PAGE: needs HarmonyAction or HarmonyUri");
    const char *image = params_get(p, "HarmonyImageUrl");
    if (image && *image && !text_starts(image, "https://"))
        return err_set(e, "HarmonyImageUrl: must begin with https://");
    return true;
}

static bool check_ios(const struct params *p, struct err *e)
{
    if (is_filled(p, "iOSBadge") && param_is(p, "iOSBadgeAutoIncrement", "true"))
        return err_set(e, "iOSBadge: must be absent where iOSBadgeAutoIncrement is true");
    bool everywhere = param_is(p, "DeviceType", "ALL");
    if ((everywhere || param_is(p, "DeviceType", "iOS")) && param_is(p, "PushType", "NOTICE") &&
        !is_filled(p, "iOSApnsEnv"))
        return err_set(e, "iOSApnsEnv: required for a notice to iOS%s",
                       everywhere ? ", which DeviceType ALL is too" : "");
    return true;
}

/* --- content -------------------------------------------------------------------------------- */

/* An iOS notice may do without a title; with ALL the Android half needs one. */
static bool check_content(const struct params *p, struct err *e)
{
    if (!is_filled(p, "Body"))
        return err_set(e, "Body: must not be empty");
    bool optional = param_is(p, "DeviceType", "iOS") && param_is(p, "PushType", "NOTICE");
    if (!optional && !is_filled(p, "Title"))
        return err_set(e, "Title: must not be empty");
    return true;
}

/* The fields whose bytes together are limited, per kind of push. DeviceType ALL stands for the
 * old two-platform keys: Android and iOS. */
struct ceiling {
    const char *kind, *push_type;
    int platform;
    const char *fields[14];
};
static const struct ceiling ceilings[] = {
    {"message", "MESSAGE", PLATFORM_ANDROID | PLATFORM_IOS | PLATFORM_HARMONY, {"Title", "Body"}},
    {"Android notice",
     "NOTICE",
     PLATFORM_ANDROID,
     {"Title", "Body", "AndroidMusic", "AndroidOpenType", "AndroidActivity", "AndroidOpenUrl",
      "AndroidExtParameters"}},
    {"iOS notice", "NOTICE", PLATFORM_IOS, {"Body", "iOSMusic", "iOSBadge", "iOSExtParameters"}},
    {"Harmony notice",
     "NOTICE",
     PLATFORM_HARMONY,
     {"Title", "Body", "HarmonyRemindTitle", "HarmonyRemindBody", "HarmonyNotifyId",
      "HarmonyActionType", "HarmonyAction", "HarmonyUri", "HarmonyRenderStyle", "HarmonyImageUrl",
      "HarmonyInboxContent", "HarmonyNotificationSlotType", "HarmonyExtParameters"}},
};

static size_t sum_of(const struct params *p, const char *const *fields)
{
    size_t sum = 0;
    for (; *fields; fields++) {
        const char *value = params_get(p, *fields);
        sum += value ? strlen(value) : 0;
    }
    return sum;
}

static bool check_ceilings(const struct params *p, int platforms, size_t payload_max, struct err *e)
{
    for (size_t i = 0; i < sizeof ceilings / sizeof ceilings[0]; i++) {
        const struct ceiling *c = &ceilings[i];
        if (!(c->platform & platforms) || !param_is(p, "PushType", c->push_type))
            continue;
        size_t sum = sum_of(p, c->fields);
        if (sum > payload_max)
            return err_set(e, "%s: %s and the other limited fields are %zu bytes, at most %zu",
                           c->kind, c->fields[0], sum, payload_max);
    }
    return true;
}

bool params_check(const struct params *p, size_t payload_max, struct err *e)
{
    if (!check_params_required(p, e))
        return false;
    const char *device_type = params_get(p, "DeviceType");
    int platforms = params_part_platforms(device_type);
    if (!platforms)
        return err_set(e, "DeviceType: must be ANDROID, iOS, HARMONY or ALL");
    if (!param_is(p, "PushType", "MESSAGE") && !param_is(p, "PushType", "NOTICE"))
        return err_set(e, "PushType: must be MESSAGE or NOTICE");
    return check_rows(p, device_type, e) && check_content(p, e) &&
           check_ceilings(p, platforms, payload_max, e) && check_ios(p, e) &&
           (!has_special(p) || (check_ties(p, e) && check_custom_page(p, e)));
}
