/* SPDX-License-Identifier: MIT
 * The parameter table of Push and its checks (params_table, params_check). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aliyun/params.h"
#include "base/text.h"
#include "support/api_list.h"

/* --- the list ------------------------------------------------------------------------------- */

static void sets_and_replaces(void **state)
{
    struct params p;
    (void)state;
    params_init(&p);
    params_set(&p, "b", "1");
    params_set(&p, "a", "2");
    params_set(&p, "b", "3");
    params_set_int(&p, "c", INT64_MIN);
    assert_int_equal(p.n, 3);
    assert_string_equal(params_get(&p, "b"), "3");
    assert_string_equal(params_get(&p, "c"), "-9223372036854775808");
    assert_null(params_get(&p, "d"));
    params_sort(&p);
    assert_string_equal(p.v[0].name, "a");
    params_free(&p);
    assert_int_equal(p.n, 0);
}

static void grows_to_its_bound(void **state)
{
    static char names[PARAMS_MAX][16];
    struct params p;
    (void)state;
    params_init(&p);
    for (int i = 0; i < PARAMS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "n%d", PARAMS_MAX - i);
        params_append(&p, names[i], "v");
    }
    params_set_int(&p, names[0], 0);
    params_set_int(&p, "n1", PARAMS_MAX - 1);
    params_sort(&p);
    assert_int_equal(p.n, PARAMS_MAX);
    assert_string_equal(p.v[0].name, "n1");
    assert_string_equal(params_get(&p, names[0]), "0");
    assert_string_equal(params_get(&p, "n1"), "16383");
    params_free(&p);
}

static void sorts_by_bytes(void **state)
{
    static const char *const order[] = {"AndroidXiaoMiActivity",
                                        "AndroidXiaomiImageUrl",
                                        "PushTask.1.X",
                                        "PushTask.10.X",
                                        "PushTask.2.X",
                                        "Version",
                                        "iOSBadge"};
    struct params p;
    (void)state;
    params_init(&p);
    for (size_t i = 7; i-- > 0;)
        params_append(&p, order[i], "");
    params_sort(&p);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(p.v[i].name, order[i]);
    params_free(&p);
}

/* --- the table against the vendor's metadata ------------------------------------------------- */

static bool type_agrees(enum param_type ours, const char *theirs)
{
    if (strcmp(theirs, "Integer") == 0 || strcmp(theirs, "Long") == 0)
        return ours == PARAM_INT;
    if (strcmp(theirs, "Boolean") == 0)
        return ours == PARAM_BOOL;
    if (strcmp(theirs, "Double") == 0)
        return ours == PARAM_DOUBLE;
    return strcmp(theirs, "String") == 0 &&
           (ours == PARAM_STRING || ours == PARAM_TIME || ours == PARAM_JSON);
}

static size_t compare_with(const char *path)
{
    size_t i;
    json_t *entry, *root = json_load_file(path, 0, NULL);
    json_t *push = json_object_get(json_object_get(root, "actions"), "Push");
    json_t *list = json_object_get(push, "parameters");
    size_t n = json_array_size(list);
    json_array_foreach(list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const struct param_row *row = params_find(name);
        if (!row)
            fail_msg("%s is not in the table", name);
        if (!type_agrees(row->type, json_string_value(json_object_get(entry, "type"))))
            fail_msg("%s has another type", name);
        if (row->required != json_is_true(json_object_get(entry, "required")))
            fail_msg("%s: required differs", name);
    }
    json_decref(root);
    return n;
}

static void table_matches_metadata(void **state)
{
    (void)state;
    assert_int_equal(compare_with("tests/vectors/api-metadata.json"), 116);
    assert_int_equal(compare_with("tests/vectors/api-later.json"), 5);
    assert_int_equal(params_push_count, 116 + 5);
}

/* Of what no task of MassPush has, or not as one text. AppKey and IdempotentToken are the call's.
 */
static void what_goes_alone(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < params_push_count; i++) {
        const struct param_row *row = &params_push[i];
        char name[96];
        if (strcmp(row->name, "AppKey") == 0 || strcmp(row->name, "IdempotentToken") == 0)
            continue;
        snprintf(name, sizeof name, "PushTask.1.%s", row->name);
        const char *type = api_list_type("MassPush", name);
        if (row->alone != (!type || strcmp(type, "Struct") == 0))
            fail_msg("%s: alone %d, in MassPush %s", row->name, row->alone, type ? type : "absent");
        n += row->alone;
    }
    assert_int_equal(n, 12);
}

static int platform_of_name(const char *name)
{
    if (text_starts(name, "Android"))
        return PLATFORM_ANDROID;
    if (text_starts(name, "iOS"))
        return PLATFORM_IOS;
    return text_starts(name, "Harmony") ? PLATFORM_HARMONY : PLATFORM_ANY;
}

static void table_is_consistent(void **state)
{
    size_t reserved = 0;
    (void)state;
    for (size_t i = 0; i < params_push_count; i++) {
        const struct param_row *row = &params_push[i];
        if (i)
            assert_true(strcmp(params_push[i - 1].name, row->name) < 0);
        assert_ptr_equal(params_find(row->name), row);
        assert_int_equal(row->platforms, platform_of_name(row->name));
        reserved += row->reserved;
    }
    assert_int_equal(reserved, 7);
    assert_null(params_find("TimeOut"));
    assert_null(params_find("iosBadge"));
    assert_null(params_find("Action"));
}

/* --- overrides ------------------------------------------------------------------------------ */

struct override_case {
    const char *name, *json; /* the value */
    const char *want;        /* NULL: refused */
    const char *error;
};
static const struct override_case override_cases[] = {
    {"iOSBadge", "5", "5", NULL},
    {"iOSBadge", "\"5\"", NULL, "iOSBadge: a string, must be an integer"},
    {"iOSBadge", "5.5", NULL, "iOSBadge: a number with a fraction, must be an integer"},
    {"iOSLiveActivityStaleDate", "9223372036854775807", "9223372036854775807", NULL},
    {"iOSBadgeAutoIncrement", "true", "true", NULL},
    {"StoreOffline", "false", "false", NULL},
    {"StoreOffline", "\"false\"", NULL, "StoreOffline: a string, must be true or false"},
    {"StoreOffline", "null", NULL, "StoreOffline: null, must be true or false"},
    {"iOSRelevanceScore", "0.1", "0.1", NULL},
    {"iOSRelevanceScore", "1", "1", NULL},
    {"iOSRelevanceScore", "1.1", NULL, "iOSRelevanceScore: is not in 0 … 1"},
    {"iOSBadge", "0", "0", NULL},
    {"iOSBadge", "-2", NULL, "iOSBadge: -2 is not in 0 … 2147483647"},
    {"iOSMusic", "\"\"", "", NULL},
    {"iOSMusic", "1", NULL, "iOSMusic: an integer, must be a string"},
    {"iOSMusic", "\"a\\u0000b\"", NULL, "iOSMusic: contains a NUL character"},
    {"iOSApnsEnv", "\"PRODUCT\"", "PRODUCT", NULL},
    {"iOSApnsEnv", "\"product\"", NULL, "iOSApnsEnv: must be one of DEV|PRODUCT"},
    {"iOSApnsEnv", "\"DEV|PRODUCT\"", NULL, "iOSApnsEnv: must be one of DEV|PRODUCT"},
    {"AndroidNotificationBarPriority", "-2", "-2", NULL},
    {"AndroidNotificationBarPriority", "3", NULL,
     "AndroidNotificationBarPriority: 3 is not in -2 … 2"},
    {"AndroidMessageOppoNotifyLevel", "16", "16", NULL},
    {"AndroidMessageOppoNotifyLevel", "3", NULL,
     "AndroidMessageOppoNotifyLevel: must be one of 1|2|16"},
    {"SendChannels", "\"accs\"", "accs", NULL},
    {"SendChannels", "\"accs,huawei,apns\"", "accs,huawei,apns", NULL},
    {"SendChannels", "\"accs,\"", NULL,
     "SendChannels: must be a comma list of "
     "accs|huawei|honor|xiaomi|oppo|vivo|meizu|gcm|fcm|apns|harmony"},
    {"AndroidExtParameters", "{\"k\": [1, \"杭\"]}", "{\"k\":[1,\"杭\"]}", NULL},
    {"AndroidExtParameters", "\"{\\\"k\\\": 1}\"", "{\"k\": 1}", NULL},
    {"AndroidExtParameters", "\"{k:1}\"", NULL,
     "AndroidExtParameters: not the JSON text of an object or array"},
    {"AndroidExtParameters", "\"[1]\"", NULL, "AndroidExtParameters: an array, must be an object"},
    {"AndroidExtParameters", "7", NULL,
     "AndroidExtParameters: an integer, must be an object, an array or JSON text"},
    {"AndroidInboxBody", "[1,2,3,4,5]", "[1,2,3,4,5]", NULL},
    {"AndroidInboxBody", "[]", "[]", NULL},
    {"iOSExtParameters", "[]", "{}", NULL},
    {"iOSExtParameters", "\"{\\\"a\\\":18446744073709551615}\"", "{\"a\":18446744073709551615}",
     NULL},
    {"iOSExtParameters", "\"[ ]\"", "{}", NULL},
    {"iOSExtParameters", "[0]", NULL, "iOSExtParameters: an array, must be an object"},
    {"AndroidInboxBody", "[1,2,3,4,5,6]", NULL, "AndroidInboxBody: 6 elements, at most 5"},
    {"HarmonyInboxContent", "\"[1,2,3,4]\"", NULL, "HarmonyInboxContent: 4 elements, at most 3"},
    {"iOSLiveActivityAttributes", "[{}]", "[{}]", NULL},
    {"PushType", "\"NOTICE\"", "NOTICE", NULL},
    {"DeviceType", "\"ios\"", NULL, "DeviceType: must be one of iOS|ANDROID|HARMONY|ALL"},
    {"Nonsense", "1", NULL, "Nonsense: not a parameter of Push"},
    {"AccessKeyId", "\"x\"", NULL, "AccessKeyId: not a parameter of Push"},
};

static void overrides(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof override_cases / sizeof override_cases[0]; i++) {
        const struct override_case *c = &override_cases[i];
        struct params p;
        struct err e = {""};
        json_t *value = json_loads(c->json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        params_init(&p);
        bool ok = params_override(&p, c->name, value, &e);
        if (ok != (c->want != NULL))
            fail_msg("%s = %s: %s", c->name, c->json, ok ? "accepted" : e.text);
        if (ok) {
            assert_string_equal(params_get(&p, c->name), c->want);
            if (!api_list_check_one("Push", c->name, c->want, &e))
                fail_msg("%s", e.text);
        } else
            assert_string_equal(e.text, c->error);
        assert_int_equal(p.n, ok ? 1 : 0);
        params_free(&p);
        json_decref(value);
    }
}

static void refuses_reserved(void **state)
{
    static const char *const names[] = {"AppKey", "Target",   "TargetValue", "IdempotentToken",
                                        "JobKey", "PushTime", "ExpireTime"};
    json_t *value = json_string("x");
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct params p;
        struct err e;
        params_init(&p);
        assert_false(params_override(&p, names[i], value, &e));
        assert_true(text_starts(e.text, names[i]));
        assert_non_null(strstr(e.text, "set by pushbridge"));
        params_free(&p);
    }
    json_decref(value);
}

static void long_names_stay_out_of_the_message(void **state)
{
    char name[301];
    struct params p;
    struct err e;
    json_t *value = json_true();
    (void)state;
    memset(name, 'x', 300);
    name[300] = '\0';
    params_init(&p);
    assert_false(params_override(&p, name, value, &e));
    assert_string_equal(e.text, "a name of 300 bytes: not a parameter of Push");
    params_free(&p);
}

/* A JSON text of our own making must outlive the value it came from. */
static void owns_json_text(void **state)
{
    char text[2001];
    struct params p;
    json_t *value = json_object();
    (void)state;
    memset(text, 'y', 2000);
    text[2000] = '\0';
    json_object_set_new(value, "k", json_string(text));
    params_init(&p);
    assert_true(params_override(&p, "iOSExtParameters", value, NULL));
    json_decref(value);
    assert_int_equal(strlen(params_get(&p, "iOSExtParameters")), 2000 + 8);
    params_free(&p);
}

/* --- checks over all parameters ------------------------------------------------------------- */

enum { CHANGES_MAX = 6 };
struct check_case {
    const char *device_type, *push_type;
    struct param set[CHANGES_MAX]; /* over a valid list; value NULL ends it */
    const char *error;             /* NULL: accepted */
};

static const struct check_case check_cases[] = {
    {"ANDROID", "MESSAGE", {{0}}, NULL},
    {"ALL",
     "NOTICE",
     {{"iOSBadge", "1"}, {"AndroidMusic", "m"}, {"HarmonyUri", "u"}, {"iOSApnsEnv", "DEV"}},
     NULL},
    {"ALL", "MESSAGE", {{0}}, NULL},
    {"ALL",
     "NOTICE",
     {{0}},
     "iOSApnsEnv: required for a notice to iOS, which DeviceType ALL is too"},
    {"ANDROID", "LOUD", {{0}}, "PushType: must be MESSAGE or NOTICE"},
    {"android", "MESSAGE", {{0}}, "DeviceType: must be ANDROID, iOS, HARMONY or ALL"},
    {"", "MESSAGE", {{0}}, "DeviceType: required"},
    {"ANDROID", "MESSAGE", {{"AppKey", ""}}, "AppKey: required"},
    {"ANDROID", "MESSAGE", {{"TargetValue", ""}}, "TargetValue: required"},

    /* platform */
    {"ANDROID",
     "NOTICE",
     {{"iOSBadge", "1"}},
     "iOSBadge: a parameter of iOS, but DeviceType is ANDROID"},
    {"iOS",
     "MESSAGE",
     {{"AndroidMusic", "m"}},
     "AndroidMusic: a parameter of ANDROID, but DeviceType is iOS"},
    {"HARMONY", "NOTICE", {{"HarmonyUri", "u"}, {"SmsParams", ""}}, NULL},

    /* empty */
    {"ANDROID", "MESSAGE", {{"Body", ""}}, "Body: must not be empty"},
    {"ANDROID", "NOTICE", {{"Title", ""}}, "Title: must not be empty"},
    {"ALL", "NOTICE", {{"Title", ""}}, "Title: must not be empty"},
    {"iOS", "MESSAGE", {{"Title", ""}}, "Title: must not be empty"},
    {"iOS", "NOTICE", {{"Title", ""}, {"iOSApnsEnv", "DEV"}}, NULL},
    {"iOS", "NOTICE", {{"Body", ""}, {"iOSApnsEnv", "DEV"}}, "Body: must not be empty"},
    {"iOS", "NOTICE", {{0}}, "iOSApnsEnv: required for a notice to iOS"},

    /* ties */
    {"ALL",
     "NOTICE",
     {{"iOSBadge", "1"}, {"iOSBadgeAutoIncrement", "true"}},
     "iOSBadge: must be absent where iOSBadgeAutoIncrement is true"},
    {"ALL",
     "NOTICE",
     {{"iOSBadge", "1"}, {"iOSBadgeAutoIncrement", "false"}, {"iOSApnsEnv", "DEV"}},
     NULL},
    {"ANDROID",
     "NOTICE",
     {{"AndroidPopupActivity", "a"}, {"AndroidPopupTitle", "t"}},
     "AndroidPopupActivity: needs AndroidPopupBody"},
    {"ANDROID",
     "NOTICE",
     {{"AndroidPopupActivity", "a"}, {"AndroidPopupTitle", "t"}, {"AndroidPopupBody", "b"}},
     NULL},
    {"ANDROID",
     "NOTICE",
     {{"AndroidOpenType", "ACTIVITY"}},
     "AndroidOpenType=ACTIVITY: needs AndroidActivity"},
    {"ANDROID",
     "NOTICE",
     {{"AndroidOpenType", "URL"}, {"AndroidActivity", "a"}},
     "AndroidOpenType=URL: needs AndroidOpenUrl"},
    {"ANDROID", "NOTICE", {{"AndroidOpenType", "NONE"}}, NULL},
    {"ANDROID",
     "NOTICE",
     {{"AndroidRemind", "true"}},
     "AndroidRemind=true: needs PushType=MESSAGE"},
    {"ANDROID", "MESSAGE", {{"AndroidRemind", "true"}}, NULL},
    {"ANDROID",
     "NOTICE",
     {{"AndroidMessageOppoNotifyLevel", "1"}},
     "AndroidMessageOppoNotifyLevel: needs AndroidMessageOppoCategory"},
    {"HARMONY",
     "MESSAGE",
     {{"HarmonyRemindTitle", "t"}},
     "HarmonyRemindTitle: needs HarmonyRemind=true"},
    {"HARMONY",
     "NOTICE",
     {{"HarmonyRenderStyle", "MULTI_LINE"}},
     "HarmonyRenderStyle=MULTI_LINE: needs HarmonyInboxContent"},
    {"HARMONY",
     "NOTICE",
     {{"HarmonyActionType", "APP_CUSTOM_PAGE"}},
     "HarmonyActionType=APP_CUSTOM_PAGE: needs HarmonyAction or HarmonyUri"},
    {"HARMONY", "NOTICE", {{"HarmonyActionType", "APP_CUSTOM_PAGE"}, {"HarmonyUri", "u"}}, NULL},
    {"HARMONY",
     "NOTICE",
     {{"HarmonyImageUrl", "http://x"}},
     "HarmonyImageUrl: must begin with https://"},
    {"iOS",
     "MESSAGE",
     {{"iOSSilentNotification", "true"}},
     "iOSSilentNotification=true: needs iOSMutableContent=true"},
    {"iOS",
     "MESSAGE",
     {{"iOSRemindBody", "b"}, {"iOSRemind", "true"}},
     "iOSRemindBody: needs iOSApnsEnv=PRODUCT"},
    {"iOS", "MESSAGE", {{"iOSRemind", "true"}}, NULL},
    {"iOS",
     "MESSAGE",
     {{"iOSLiveActivityEvent", "start"}, {"iOSLiveActivityAttributes", "{}"}},
     "iOSLiveActivityEvent=start: needs iOSLiveActivityAttributesType"},
    {"iOS", "MESSAGE", {{"iOSLiveActivityEvent", "end"}}, NULL},
    {"ANDROID", "MESSAGE", {{"SmsSignName", "s"}}, "SmsSignName: needs SmsTemplateName"},
    {"ANDROID", "MESSAGE", {{"SmsDelaySecs", "15"}}, "SmsDelaySecs: needs SmsTemplateName"},
    {"ANDROID",
     "MESSAGE",
     {{"SmsTemplateName", "t"}, {"SmsSignName", "s"}},
     "SmsTemplateName: needs SmsDelaySecs"},
    {"ANDROID",
     "MESSAGE",
     {{"SmsTemplateName", "t"}, {"SmsSignName", "s"}, {"SmsDelaySecs", "15"}},
     NULL},
};

static void set_valid(struct params *p, const char *device_type, const char *push_type)
{
    params_init(p);
    params_set(p, "AppKey", "333000111");
    params_set(p, "Target", "ALL");
    params_set(p, "TargetValue", "ALL");
    params_set(p, "DeviceType", device_type);
    params_set(p, "PushType", push_type);
    params_set(p, "Title", "t");
    params_set(p, "Body", "b");
}

static void checks_across_parameters(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof check_cases / sizeof check_cases[0]; i++) {
        const struct check_case *c = &check_cases[i];
        struct params p;
        struct err e = {""};
        set_valid(&p, c->device_type, c->push_type);
        for (size_t k = 0; k < CHANGES_MAX && c->set[k].value; k++)
            params_set(&p, c->set[k].name, c->set[k].value);
        bool ok = params_check(&p, 1800, &e);
        if (ok != !c->error)
            fail_msg("case %zu: %s, expected %s", i, ok ? "accepted" : e.text,
                     c->error ? c->error : "to be accepted");
        if (c->error)
            assert_string_equal(e.text, c->error);
        else
            assert_on_list("Push", p.v, p.n);
        params_free(&p);
    }
}

/* --- sizes ---------------------------------------------------------------------------------- */

struct size_case {
    const char *device_type, *push_type, *name; /* name gets size bytes */
    size_t size;
    bool ok;
};

/* The valid list has a title and a body of one byte each. */
static const struct size_case size_cases[] = {
    {"ANDROID", "MESSAGE", "Title", 200, true},
    {"ANDROID", "MESSAGE", "Title", 201, false},
    {"ANDROID", "MESSAGE", "Body", 1799, true},
    {"ANDROID", "MESSAGE", "Body", 1800, false},
    {"iOS", "MESSAGE", "Body", 1800, false},
    {"HARMONY", "MESSAGE", "Body", 1800, false},
    {"ANDROID", "MESSAGE", "AndroidExtParameters", 4000, true},
    {"ANDROID", "NOTICE", "AndroidExtParameters", 1798, true},
    {"ANDROID", "NOTICE", "AndroidExtParameters", 1799, false},
    {"ANDROID", "NOTICE", "AndroidOpenUrl", 1799, false},
    {"ANDROID", "NOTICE", "AndroidImageUrl", 4000, true},
    {"iOS", "NOTICE", "Body", 1800, true}, /* the title does not count */
    {"iOS", "NOTICE", "Body", 1801, false},
    {"iOS", "NOTICE", "iOSExtParameters", 1799, true},
    {"iOS", "NOTICE", "iOSExtParameters", 1800, false},
    {"HARMONY", "NOTICE", "HarmonyUri", 1798, true},
    {"HARMONY", "NOTICE", "HarmonyUri", 1799, false},
    {"ALL", "NOTICE", "Body", 1799, true},
    {"ALL", "NOTICE", "Body", 1800, false},
    {"ALL", "NOTICE", "iOSExtParameters", 1800, false},
    {"ALL", "NOTICE", "AndroidExtParameters", 1799, false},
    {"ANDROID", "NOTICE", "AndroidBigBody", 1000, true},
    {"ANDROID", "NOTICE", "AndroidBigBody", 1001, false},
    {"ANDROID", "NOTICE", "AndroidPopupTitle", 50, true},
    {"ANDROID", "NOTICE", "AndroidPopupTitle", 51, false},
    {"ANDROID", "NOTICE", "AndroidPopupBody", 201, false},
};

static void limits_sizes(void **state)
{
    static char text[4097];
    (void)state;
    for (size_t i = 0; i < sizeof size_cases / sizeof size_cases[0]; i++) {
        const struct size_case *c = &size_cases[i];
        struct params p;
        struct err e = {""};
        set_valid(&p, c->device_type, c->push_type);
        if (strcmp(c->device_type, "iOS") == 0 || strcmp(c->device_type, "ALL") == 0)
            params_set(&p, "iOSApnsEnv", "DEV");
        memset(text, 'x', c->size);
        text[c->size] = '\0';
        params_set(&p, c->name, text);
        if (params_check(&p, 1800, &e) != c->ok)
            fail_msg("%s %s %s %zu: %s", c->device_type, c->push_type, c->name, c->size, e.text);
        params_free(&p);
    }
}

/* 50 characters of three bytes each are 50 characters. */
static void counts_characters(void **state)
{
    char text[151];
    struct params p;
    (void)state;
    for (size_t i = 0; i < 50; i++)
        memcpy(text + 3 * i, "杭", 3);
    text[150] = '\0';
    set_valid(&p, "ANDROID", "NOTICE");
    params_set(&p, "AndroidPopupTitle", text);
    assert_true(params_check(&p, 1800, NULL));
    params_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_and_replaces),
        cmocka_unit_test(grows_to_its_bound),
        cmocka_unit_test(sorts_by_bytes),
        cmocka_unit_test(table_matches_metadata),
        cmocka_unit_test(what_goes_alone),
        cmocka_unit_test(table_is_consistent),
        cmocka_unit_test(overrides),
        cmocka_unit_test(refuses_reserved),
        cmocka_unit_test(long_names_stay_out_of_the_message),
        cmocka_unit_test(owns_json_text),
        cmocka_unit_test(checks_across_parameters),
        cmocka_unit_test(limits_sizes),
        cmocka_unit_test(counts_characters),
    };
    return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
