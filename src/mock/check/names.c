/* SPDX-License-Identifier: MIT */
#include "mock/check/names.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/text.h"

#define T(name)                                                                                    \
    {                                                                                              \
        name, FORM_TEXT, 0, 0, NULL                                                                \
    }
#define B(name)                                                                                    \
    {                                                                                              \
        name, FORM_BOOL, 0, 0, NULL                                                                \
    }
#define I(name, min, max)                                                                          \
    {                                                                                              \
        name, FORM_INT, min, max, NULL                                                             \
    }
#define O(name)                                                                                    \
    {                                                                                              \
        name, FORM_OBJECT, 0, 0, NULL                                                              \
    }
#define A(name, max)                                                                               \
    {                                                                                              \
        name, FORM_ARRAY, 0, max, NULL                                                             \
    }
#define C(name, choices)                                                                           \
    {                                                                                              \
        name, FORM_CHOICE, 0, 0, choices                                                           \
    }

#define MESSAGE_CLASSES                                                                            \
    "IM ACCOUNT DEVICE_REMINDER ORDER TODO SUBSCRIPTION NEWS CONTENT MARKETING SOCIAL"

/* In byte order of the names: lookups halve the table. */
static const struct name names[] = {
    T("AndroidActivity"),
    I("AndroidBadgeAddNum", 1, 99),
    T("AndroidBadgeClass"),
    I("AndroidBadgeSetNum", 0, 99),
    T("AndroidBigBody"),
    T("AndroidBigPictureUrl"),
    T("AndroidBigTitle"),
    O("AndroidExtParameters"),
    I("AndroidHonorTargetUserType", 0, 1),
    I("AndroidHuaweiBusinessType", 0, 1),
    O("AndroidHuaweiLiveNotificationPayload"),
    T("AndroidHuaweiReceiptId"),
    I("AndroidHuaweiTargetUserType", 0, 1),
    T("AndroidImageUrl"),
    A("AndroidInboxBody", 5),
    I("AndroidMeizuNoticeMsgType", 0, 1),
    T("AndroidMessageHuaweiCategory"),
    C("AndroidMessageHuaweiUrgency", "HIGH NORMAL"),
    C("AndroidMessageOppoCategory", MESSAGE_CLASSES),
    C("AndroidMessageOppoNotifyLevel", "1 2 16"),
    C("AndroidMessageVivoCategory", MESSAGE_CLASSES),
    T("AndroidMusic"),
    I("AndroidNotificationBarPriority", -2, 2),
    I("AndroidNotificationBarType", 1, 100),
    T("AndroidNotificationChannel"),
    T("AndroidNotificationGroup"),
    C("AndroidNotificationHonorChannel", "LOW NORMAL"),
    C("AndroidNotificationHuaweiChannel", "LOW NORMAL"),
    I("AndroidNotificationNotifyId", INT32_MIN, INT32_MAX),
    T("AndroidNotificationThreadId"),
    C("AndroidNotificationVivoChannel", "0 1"),
    T("AndroidNotificationXiaomiChannel"),
    C("AndroidNotifyType", "VIBRATE SOUND BOTH NONE"),
    C("AndroidOpenType", "APPLICATION ACTIVITY URL NONE"),
    T("AndroidOpenUrl"),
    O("AndroidOppoDeleteIntentData"),
    O("AndroidOppoIntelligentIntent"),
    I("AndroidOppoIntentEnv", 0, 1),
    O("AndroidOppoPrivateContentParameters"),
    T("AndroidOppoPrivateMsgTemplateId"),
    O("AndroidOppoPrivateTitleParameters"),
    T("AndroidPopupActivity"),
    T("AndroidPopupBody"),
    T("AndroidPopupTitle"),
    B("AndroidRemind"),
    I("AndroidRenderStyle", 0, 3),
    I("AndroidTargetUserType", 0, 1),
    O("AndroidVivoLiveMessage"),
    I("AndroidVivoPushMode", 0, 1),
    T("AndroidVivoReceiptId"),
    T("AndroidXiaoMiActivity"),
    T("AndroidXiaoMiNotifyBody"),
    T("AndroidXiaoMiNotifyTitle"),
    T("AndroidXiaomiBigPictureUrl"),
    O("AndroidXiaomiFocusParam"),
    O("AndroidXiaomiFocusPics"),
    T("AndroidXiaomiImageUrl"),
    T("AndroidXiaomiTemplateId"),
    O("AndroidXiaomiTemplateParams"),
    I("AppKey", 1, INT64_MAX),
    T("Body"),
    C("DeviceType", "iOS ANDROID HARMONY ALL"),
    {"ExpireTime", FORM_TIME, 0, 0, NULL},
    T("HarmonyAction"),
    C("HarmonyActionType", "APP_HOME_PAGE APP_CUSTOM_PAGE"),
    I("HarmonyBadgeAddNum", 0, INT32_MAX),
    I("HarmonyBadgeSetNum", 0, INT32_MAX),
    C("HarmonyCategory", "IM VOIP SUBSCRIPTION TRAVEL HEALTH WORK ACCOUNT EXPRESS FINANCE "
                         "DEVICE_REMINDER MAIL CUSTOMER_SERVICE MARKETING"),
    O("HarmonyExtParameters"),
    T("HarmonyExtensionExtraData"),
    B("HarmonyExtensionPush"),
    T("HarmonyImageUrl"),
    A("HarmonyInboxContent", 3),
    O("HarmonyLiveViewPayload"),
    C("HarmonyNotificationSlotType", "SOCIAL_COMMUNICATION SERVICE_INFORMATION "
                                     "CONTENT_INFORMATION CUSTOMER_SERVICE OTHER_TYPES"),
    I("HarmonyNotifyId", INT32_MIN, INT32_MAX),
    T("HarmonyReceiptId"),
    B("HarmonyRemind"),
    T("HarmonyRemindBody"),
    T("HarmonyRemindTitle"),
    C("HarmonyRenderStyle", "NORMAL MULTI_LINE"),
    B("HarmonyTestMessage"),
    T("HarmonyUri"),
    T("IdempotentToken"),
    T("JobKey"),
    {"PushTime", FORM_TIME, 0, 0, NULL},
    C("PushType", "NOTICE MESSAGE"),
    {"SendChannels", FORM_CHOICES, 0, 0,
     "accs huawei honor xiaomi oppo vivo meizu gcm fcm apns harmony"},
    I("SendSpeed", 0, INT32_MAX),
    I("SmsDelaySecs", 0, 3 * 86400),
    T("SmsParams"),
    I("SmsSendPolicy", 0, 1),
    T("SmsSignName"),
    T("SmsTemplateName"),
    B("StoreOffline"),
    C("Target", "DEVICE ACCOUNT ALIAS TAG ALL TBD FILE"),
    T("TargetValue"),
    T("Title"),
    B("Trim"),
    C("iOSApnsEnv", "DEV PRODUCT"),
    I("iOSBadge", 0, INT32_MAX),
    B("iOSBadgeAutoIncrement"),
    O("iOSExtParameters"),
    C("iOSInterruptionLevel", "passive active time-sensitive critical"),
    O("iOSLiveActivityAttributes"),
    T("iOSLiveActivityAttributesType"),
    O("iOSLiveActivityContentState"),
    I("iOSLiveActivityDismissalDate", 0, INT64_MAX),
    C("iOSLiveActivityEvent", "start update end"),
    T("iOSLiveActivityId"),
    I("iOSLiveActivityStaleDate", 0, INT64_MAX),
    T("iOSMusic"),
    B("iOSMutableContent"),
    T("iOSNotificationCategory"),
    T("iOSNotificationCollapseId"),
    T("iOSNotificationThreadId"),
    {"iOSRelevanceScore", FORM_NUMBER, 0, 1, NULL},
    B("iOSRemind"),
    T("iOSRemindBody"),
    B("iOSSilentNotification"),
    T("iOSSubtitle"),
};

static int compare_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct name *)row)->name);
}

/* True when the len bytes at word are one of the blank-separated choices. */
static bool is_choice(const char *choices, const char *word, size_t len)
{
    for (const char *p = choices; len && *p;) {
        size_t n = strcspn(p, " ");
        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n + (p[n] == ' ');
    }
    return false;
}

static bool are_choices(const char *choices, const char *list)
{
    for (;; list++) {
        size_t n = strcspn(list, ",");
        if (!is_choice(choices, list, n))
            return false;
        list += n;
        if (!*list)
            return true;
    }
}

static bool is_number(const char *value, int64_t min, int64_t max)
{
    char *end;
    double d = strtod(value, &end);
    return *value && !*end && d >= (double)min && d <= (double)max;
}

static bool is_json(const struct name *n, const char *value)
{
    json_t *root = json_loads(value, JSON_DECODE_INT_AS_REAL, NULL); /* of any length */
    bool ok = n->form == FORM_OBJECT
                  ? json_is_object(root)
                  : json_is_array(root) && json_array_size(root) <= (size_t)n->max;
    json_decref(root);
    return ok;
}

static bool is_time(const char *value)
{
    int64_t ms;
    return strlen(value) == 20 && value[19] == 'Z' && clock_parse_rfc3339(value, &ms);
}

const struct name *names_find(const char *name)
{
    return bsearch(name, names, sizeof(names) / sizeof(*names), sizeof(*names), compare_name);
}

const struct name *names_find_of_task(const char *name)
{
    bool of_call = strcmp(name, "AppKey") == 0 || strcmp(name, "IdempotentToken") == 0;
    return of_call || text_starts(name, "Sms") ? NULL : names_find(name);
}

bool names_is_map_entry(const char *name)
{
    static const char title[] = "AndroidOppoPrivateTitleParameters.",
                      content[] = "AndroidOppoPrivateContentParameters.";
    return (text_starts(name, title) && name[sizeof(title) - 1]) ||
           (text_starts(name, content) && name[sizeof(content) - 1]);
}

size_t names_count(void)
{
    return sizeof(names) / sizeof(*names);
}

bool names_value_fits(const struct name *n, const char *value)
{
    int64_t number;
    switch (n->form) {
    case FORM_BOOL:
        return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    case FORM_INT:
        return text_int(value, n->min, n->max, &number);
    case FORM_NUMBER:
        return is_number(value, n->min, n->max);
    case FORM_TIME:
        return is_time(value);
    case FORM_OBJECT:
    case FORM_ARRAY:
        return is_json(n, value);
    case FORM_CHOICE:
        return is_choice(n->choices, value, strlen(value));
    case FORM_CHOICES:
        return are_choices(n->choices, value);
    case FORM_TEXT:
        break;
    }
    return text_is_utf8(value, strlen(value));
}
