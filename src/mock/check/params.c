/* SPDX-License-Identifier: MIT */
#include "mock/check/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "mock/check/names.h"
#include "mock/check/tagexpr.h"
#include "mock/world/world.h"

enum item { NO_ITEM, A_DEVICE, AN_ACCOUNT, AN_ALIAS, A_TAG, A_KEY };

/* What a name's value looks like, in whatever action; items are elements of a comma list. */
static const struct param {
    struct name name;
    enum item item;
} params[] = {
    {{"Account", FORM_TEXT, 0, 0, NULL}, AN_ACCOUNT},
    {{"Alias", FORM_TEXT, 0, 0, NULL}, AN_ALIAS},
    {{"AliasName", FORM_TEXT, 0, 0, NULL}, AN_ALIAS},
    {{"ApnsEnv", FORM_CHOICE, 0, 0, "DEV PRODUCT"}, NO_ITEM},
    {{"AppKey", FORM_INT, 1, INT64_MAX, NULL}, NO_ITEM},
    {{"Body", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"ClientKey", FORM_TEXT, 0, 0, NULL}, A_KEY},
    {{"DeviceId", FORM_TEXT, 0, 0, NULL}, A_DEVICE},
    {{"DeviceIds", FORM_TEXT, 0, 0, NULL}, A_DEVICE},
    {{"DeviceType", FORM_CHOICE, 0, 0, "iOS ANDROID HARMONY ALL"}, NO_ITEM},
    {{"EndTime", FORM_TIME, 0, 0, NULL}, NO_ITEM},
    {{"ExtParameters", FORM_OBJECT, 0, 0, NULL}, NO_ITEM},
    {{"Granularity", FORM_CHOICE, 0, 0, "DAY MONTH"}, NO_ITEM},
    {{"IdempotentToken", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"JobKey", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"KeyType", FORM_CHOICE, 0, 0, "DEVICE ACCOUNT ALIAS"}, NO_ITEM},
    {{"Keyword", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"MessageId", FORM_INT, 1, INT64_MAX, NULL}, NO_ITEM},
    {{"NextToken", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"Page", FORM_INT, 1, 10000, NULL}, NO_ITEM},
    {{"PageSize", FORM_INT, 1, 100, NULL}, NO_ITEM},
    {{"PhoneNumber", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"PushTask", FORM_OBJECT, 0, 0, NULL}, NO_ITEM},
    {{"PushTasks", FORM_ARRAY, 0, 100, NULL}, NO_ITEM},
    {{"PushType", FORM_CHOICE, 0, 0, "NOTICE MESSAGE"}, NO_ITEM},
    {{"QueryType", FORM_CHOICE, 0, 0, "NEW TOTAL"}, NO_ITEM},
    {{"Source", FORM_CHOICE, 0, 0, "API CONSOLE OpenAPIExplorer"}, NO_ITEM},
    {{"StartTime", FORM_TIME, 0, 0, NULL}, NO_ITEM},
    {{"StoreOffline", FORM_BOOL, 0, 0, NULL}, NO_ITEM},
    {{"TagName", FORM_TEXT, 0, 0, NULL}, A_TAG},
    {{"Target", FORM_CHOICE, 0, 0, "DEVICE ACCOUNT ALIAS TAG ALL TBD"}, NO_ITEM},
    {{"TargetValue", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"Title", FORM_TEXT, 0, 0, NULL}, NO_ITEM},
    {{"UnbindAll", FORM_BOOL, 0, 0, NULL}, NO_ITEM},
};

#define SIMPLE "AppKey! Body! JobKey StoreOffline Target! TargetValue! Title!"
#define SPAN "AppKey! EndTime! StartTime! "

/* "!": must be given; a number: elements that a comma list may have, otherwise one. */
static const struct row {
    const char *action, *params;
} rows[] = {
    {"BindAlias", "AliasName!10 AppKey! DeviceId!"},
    {"BindPhone", "AppKey! DeviceId! PhoneNumber!"},
    {"BindTag", "AppKey! ClientKey!1000 KeyType! TagName!10"},
    {"CancelPush", "AppKey! MessageId!"},
    {"CheckCertificate", "AppKey!"},
    {"CheckDevice", "AppKey! DeviceId!"},
    {"CheckDevices", "AppKey! DeviceIds!100"},
    {"CompleteContinuouslyPush", "AppKey! MessageId!"},
    {"ContinuouslyPush", "AppKey! MessageId! Target! TargetValue!"},
    {"ListSummaryApps", ""},
    {"ListTags", "AppKey!"},
    {"MassPushV2", "AppKey! IdempotentToken PushTasks!"},
    {"PushMessageToAndroid", SIMPLE},
    {"PushMessageToiOS", SIMPLE},
    {"PushNoticeToAndroid", SIMPLE " ExtParameters"},
    {"PushNoticeToiOS", "ApnsEnv! AppKey! Body! ExtParameters JobKey Target! TargetValue! Title"},
    {"PushV2", "AppKey! IdempotentToken PushTask!"},
    {"QueryAliases", "AppKey! DeviceId!"},
    {"QueryDeviceInfo", "AppKey! DeviceId!"},
    {"QueryDeviceStat", SPAN "DeviceType QueryType!"},
    {"QueryDevicesByAccount", "Account! AppKey!"},
    {"QueryDevicesByAlias", "Alias! AppKey!"},
    {"QueryPushRecords", SPAN "Keyword NextToken Page PageSize PushType Source Target"},
    {"QueryPushStatByApp", SPAN "Granularity!"},
    {"QueryPushStatByMsg", "AppKey! MessageId!"},
    {"QueryTags", "AppKey! ClientKey! KeyType!"},
    {"QueryUniqueDeviceStat", SPAN "Granularity!"},
    {"RemoveTag", "AppKey! TagName!"},
    {"UnbindAlias", "AliasName10 AppKey! DeviceId! UnbindAll"},
    {"UnbindPhone", "AppKey! DeviceId!"},
    {"UnbindTag", "AppKey! ClientKey!1000 KeyType! TagName!10"},
};

size_t params_action_count(void)
{
    return sizeof(rows) / sizeof(*rows);
}

const char *params_row(const char *action)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].action, action) == 0)
            return rows[i].params;
    return NULL;
}

static const struct param *find_param(const char *name)
{
    for (size_t i = 0; i < sizeof(params) / sizeof(*params); i++)
        if (strcmp(params[i].name.name, name) == 0)
            return &params[i];
    return NULL;
}

/* One word of a row. Returns what follows, or NULL at the end. */
static const char *next_word(const char *row, char name[64], bool *required, int *items_max)
{
    while (*row == ' ')
        row++;
    size_t len = strcspn(row, " !0123456789");
    if (!*row)
        return NULL;
    snprintf(name, 64, "%.*s", (int)(len < 63 ? len : 63), row);
    row += len;
    *required = *row == '!';
    row += *required;
    *items_max = *row && *row != ' ' ? atoi(row) : 1;
    return row + strcspn(row, " ");
}

bool params_each(const char *list, params_visit *visit, void *arg)
{
    char item[PARAMS_ITEM_SIZE];
    for (;; list++) {
        size_t len = strcspn(list, ",");
        if (len >= sizeof(item))
            return false;
        memcpy(item, list, len);
        item[len] = '\0';
        if (!visit(item, arg))
            return false;
        list += len;
        if (!*list)
            return true;
    }
}

struct items {
    enum item item;
    const char *key_type;
    int count;
};

static bool item_ok(const char *text, void *arg)
{
    char pair[WORLD_PAIR_SIZE];
    struct items *list = arg;
    size_t len = strlen(text);
    list->count++;
    switch (list->item) {
    case A_DEVICE:
        return world_id_ok(text, len);
    case AN_ACCOUNT:
        return len && len <= WORLD_ACCOUNT_BYTES;
    case AN_ALIAS:
        return len && len <= WORLD_ALIAS_BYTES;
    case A_TAG:
        return len && text_utf8_chars(text) <= TAGEXPR_NAME_CHARS;
    case A_KEY:
        return list->key_type && world_pair(list->key_type, text, len, pair) &&
               (strcmp(list->key_type, "DEVICE") != 0 || world_id_ok(text, len));
    case NO_ITEM:
        break;
    }
    return true;
}

static bool value_ok(const struct request *q, const char *name, const char *value, int items_max,
                     struct refusal *r)
{
    const struct param *p = find_param(name);
    struct items list = {.key_type = fields_get(&q->fields, "KeyType")};
    if (!p)
        return true;
    list.item = p->item;
    if (!*value)
        return refusal_named(r, "Invalid", name, ".Empty", "The parameter is empty.");
    if (!names_value_fits(&p->name, value) ||
        (p->item != NO_ITEM && !params_each(value, item_ok, &list)))
        return refusal_named(r, "Invalid", name, ".Format",
                             "The value of the parameter is not valid.");
    return list.count <= items_max ||
           refusal_named(r, "Invalid", name, ".LengthExceed", "Too many elements.");
}

static bool params_names_ok(const struct request *q, const char *row, struct refusal *r)
{
    const char *twice = fields_repeated(&q->fields);
    if (twice)
        return refusal_set(r, 400, "InvalidParameter", "%.80s is given twice.", twice);
    for (size_t i = 0; i < q->fields.count; i++) {
        char name[64];
        bool required, found = request_name_is_common(q, q->fields.items[i].name);
        int items_max;
        for (const char *p = row; !found && (p = next_word(p, name, &required, &items_max));)
            found = strcmp(name, q->fields.items[i].name) == 0;
        if (!found)
            return refusal_set(r, 400, "InvalidParameter", "%.80s is not a parameter of %.40s.",
                               q->fields.items[i].name, q->action);
    }
    return true;
}

bool params_check_request(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                          struct refusal *r)
{
    char name[64];
    bool required;
    int items_max;
    const char *row = params_row(q->action);
    (void)now_ms;
    if (!params_names_ok(q, row, r))
        return false;
    for (const char *p = row; (p = next_word(p, name, &required, &items_max));) {
        const char *value = fields_get(&q->fields, name);
        if (!value && required)
            return refusal_named(r, "Missing", name, "",
                                 "The parameter is mandatory for this action.");
        if (value && !value_ok(q, name, value, items_max, r))
            return false;
    }
    const char *app_key = fields_get(&q->fields, "AppKey");
    return !app_key || push_app_known(rules, app_key, r);
}
