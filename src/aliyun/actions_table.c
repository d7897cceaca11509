/* SPDX-License-Identifier: MIT */
#include "aliyun/actions.h"

/* The wire types. */
#define STRING(n) .row = {.name = (n), .type = PARAM_STRING}
#define INTEGER(n, low, high) .row = {.name = (n), .type = PARAM_INT, .min = (low), .max = (high)}
#define BOOLEAN(n) .row = {.name = (n), .type = PARAM_BOOL}
#define NEED(n) .row = {.name = (n), .type = PARAM_STRING, .required = true}
#define NEED_ONE_OF(n, words)                                                                      \
    .row = {.name = (n), .type = PARAM_STRING, .required = true, .values = (words)}
#define NEED_TIME(n) .row = {.name = (n), .type = PARAM_TIME, .required = true}
#define NEED_INTEGER(n)                                                                            \
    .row = {.name = (n), .type = PARAM_INT, .required = true, .min = 1, .max = INT64_MAX}
#define NEED_JSON(n, kind)                                                                         \
    .row = {.name = (n), .type = PARAM_JSON, .required = true, .values = (kind)}

#define APP_KEY                                                                                    \
    {                                                                                              \
        NEED_INTEGER("AppKey")                                                                     \
    }
#define DEVICE_ID                                                                                  \
    {                                                                                              \
        NEED("DeviceId"), .id = ID_DEVICE                                                          \
    }
#define MESSAGE_ID                                                                                 \
    {                                                                                              \
        NEED_INTEGER("MessageId")                                                                  \
    }
#define PERIOD                                                                                     \
    {NEED_TIME("StartTime")},                                                                      \
    {                                                                                              \
        NEED_TIME("EndTime")                                                                       \
    }
#define TOKEN                                                                                      \
    {                                                                                              \
        STRING("IdempotentToken")                                                                  \
    }
#define KEY_TYPE                                                                                   \
    {                                                                                              \
        NEED_ONE_OF("KeyType", "DEVICE|ACCOUNT|ALIAS")                                             \
    }
#define KEYS                                                                                       \
    {                                                                                              \
        NEED("ClientKey"), .id = ID_KEY, .list_max = 1000                                          \
    }
#define TAGS                                                                                       \
    {                                                                                              \
        NEED("TagName"), .id = ID_TAG, .list_max = 10                                              \
    }
/* Parameters of the simple pushes. */
#define SIMPLE                                                                                     \
    {NEED("Target")}, {NEED("TargetValue")}, {NEED("Body")},                                       \
    {                                                                                              \
        STRING("JobKey")                                                                           \
    }

#define TAG_LIST .answer = {.list = "TagInfos", .item = "TagInfo", .columns = {"TagName"}}
#define DEVICE_LIST .answer = {.list = "DeviceIds", .item = "DeviceId"}
#define MESSAGE_LIST .answer = {.list = "MessageIds", .item = "MessageId"}
#define COUNTS                                                                                     \
    "AcceptCount", "SentCount", "ReceivedCount", "OpenedCount", "DeletedCount", "SmsSentCount",    \
        "SmsSkipCount", "SmsFailedCount", "SmsReceiveSuccessCount", "SmsReceiveFailedCount"

const struct action_row actions_table[] = {
    {"BindAlias",
     .params = {APP_KEY, DEVICE_ID, {NEED("AliasName"), .id = ID_ALIAS, .list_max = 10}}},
    {"BindPhone", .params = {APP_KEY, DEVICE_ID, {NEED("PhoneNumber")}}},
    {"BindTag", .params = {APP_KEY, KEYS, KEY_TYPE, TAGS}},
    {"CancelPush", .params = {APP_KEY, MESSAGE_ID}},
    {"CheckCertificate", .params = {APP_KEY}},
    {"CheckDevice", .params = {APP_KEY, DEVICE_ID}},
    {"CheckDevices", .params = {APP_KEY, {NEED("DeviceIds"), .id = ID_DEVICE, .list_max = 100}},
     .answer = {.list = "DeviceCheckInfos",
                .item = "DeviceCheckInfo",
                .columns = {"DeviceId", "Available"}}},
    {"CompleteContinuouslyPush", .params = {APP_KEY, {NEED("MessageId")}}},
    {"ContinuouslyPush", .repeat = REPEAT_NEVER,
     .params = {APP_KEY,
                {NEED("MessageId")},
                {NEED_ONE_OF("Target", "DEVICE|ACCOUNT|ALIAS")},
                {NEED("TargetValue"), .id = ID_TARGET, .list_max = 1000}}},
    {"ListSummaryApps", .answer = {.list = "SummaryAppInfos",
                                   .item = "SummaryAppInfo",
                                   .columns = {"AppKey", "AppName"}}},
    {"ListTags", .params = {APP_KEY}, TAG_LIST},
    {"MassPush", .repeat = REPEAT_TOKEN, .task_params = true, .params = {APP_KEY, TOKEN},
     MESSAGE_LIST},
    {"MassPushV2", .repeat = REPEAT_TOKEN,
     .params = {APP_KEY, TOKEN, {NEED_JSON("PushTasks", "array")}}, MESSAGE_LIST},
    {"Push", .repeat = REPEAT_TOKEN, .push_params = true},
    {"PushMessageToAndroid", .repeat = REPEAT_NEVER,
     .params = {APP_KEY, SIMPLE, {NEED("Title")}, {BOOLEAN("StoreOffline")}}},
    {"PushMessageToiOS", .repeat = REPEAT_NEVER,
     .params = {APP_KEY, SIMPLE, {NEED("Title")}, {BOOLEAN("StoreOffline")}}},
    {"PushNoticeToAndroid", .repeat = REPEAT_NEVER,
     .params =
         {APP_KEY, SIMPLE, {NEED("Title")}, {BOOLEAN("StoreOffline")}, {STRING("ExtParameters")}}},
    {"PushNoticeToiOS", .repeat = REPEAT_NEVER,
     .params = {APP_KEY,
                SIMPLE,
                {STRING("Title")},
                {NEED_ONE_OF("ApnsEnv", "DEV|PRODUCT")},
                {STRING("ExtParameters")}}},
    {"PushV2", .repeat = REPEAT_TOKEN,
     .params = {APP_KEY, TOKEN, {NEED_JSON("PushTask", "object")}}},
    {"QueryAliases", .params = {APP_KEY, DEVICE_ID},
     .answer = {.list = "AliasInfos", .item = "AliasInfo", .columns = {"AliasName"}}},
    {"QueryDeviceInfo", .params = {APP_KEY, DEVICE_ID}, .answer = {.object = "DeviceInfo"}},
    {"QueryDeviceStat",
     .params = {APP_KEY, PERIOD, {NEED_ONE_OF("QueryType", "NEW|TOTAL")}, {STRING("DeviceType")}},
     .answer = {.list = "AppDeviceStats",
                .item = "AppDeviceStat",
                .columns = {"Time", "DeviceType", "Count"}}},
    {"QueryDevicesByAccount", .params = {APP_KEY, {NEED("Account"), .id = ID_ACCOUNT}},
     DEVICE_LIST},
    {"QueryDevicesByAlias", .params = {APP_KEY, {NEED("Alias"), .id = ID_ALIAS}}, DEVICE_LIST},
    {"QueryPushRecords",
     .params = {APP_KEY,
                PERIOD,
                {STRING("PushType")},
                {STRING("Target")},
                {.row = {"Source", PARAM_STRING, .values = "API|CONSOLE|OpenAPIExplorer"}},
                {STRING("Keyword")},
                {INTEGER("Page", 1, 10000)},
                {INTEGER("PageSize", 1, 100)},
                {STRING("NextToken")}},
     .answer = {.list = "PushInfos",
                .item = "PushInfo",
                .columns = {"MessageId", "PushTime", "Status", "PushType", "DeviceType", "Target",
                            "Source", "Title"}}},
    {"QueryPushStatByApp", .params = {APP_KEY, PERIOD, {NEED_ONE_OF("Granularity", "DAY")}},
     .answer = {.list = "AppPushStats", .item = "AppPushStat", .columns = {"Time", COUNTS}}},
    {"QueryPushStatByMsg", .params = {APP_KEY, MESSAGE_ID},
     .answer = {.list = "PushStats", .item = "PushStat", .columns = {"MessageId", COUNTS}}},
    {"QueryTags", .params = {APP_KEY, {NEED("ClientKey"), .id = ID_KEY}, KEY_TYPE}, TAG_LIST},
    {"QueryUniqueDeviceStat",
     .params = {APP_KEY, PERIOD, {NEED_ONE_OF("Granularity", "DAY|MONTH")}},
     .answer = {.list = "AppDeviceStats", .item = "AppDeviceStat", .columns = {"Time", "Count"}}},
    {"RemoveTag", .params = {APP_KEY, {NEED("TagName"), .id = ID_TAG}}},
    {"UnbindAlias", .params = {APP_KEY,
                               DEVICE_ID,
                               {STRING("AliasName"), .id = ID_ALIAS, .list_max = 10},
                               {BOOLEAN("UnbindAll")}}},
    {"UnbindPhone", .params = {APP_KEY, DEVICE_ID}},
    {"UnbindTag", .params = {APP_KEY, KEYS, KEY_TYPE, TAGS}},
};
const size_t actions_count = sizeof actions_table / sizeof actions_table[0];
