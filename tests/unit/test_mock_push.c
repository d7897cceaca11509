/* SPDX-License-Identifier: MIT
 * What the stand-in refuses of a Push: names and forms (names), required parameters, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mock/check/names.h"
#include "mock/check/push.h"
#include "support/made_request.h"

/* --- names ----------------------------------------------------------------------------------- */

static bool form_fits(enum name_form form, const char *type)
{
    if (strcmp(type, "Integer") == 0 || strcmp(type, "Long") == 0)
        return form == FORM_INT || form == FORM_CHOICE;
    if (strcmp(type, "Boolean") == 0)
        return form == FORM_BOOL;
    if (strcmp(type, "Double") == 0)
        return form == FORM_NUMBER;
    return form != FORM_BOOL && form != FORM_INT && form != FORM_NUMBER;
}

static size_t compare_with(const char *path)
{
    size_t i;
    json_t *entry, *root = json_load_file(path, 0, NULL);
    json_t *list =
        json_object_get(json_object_get(json_object_get(root, "actions"), "Push"), "parameters");
    size_t n = json_array_size(list);
    json_array_foreach(list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const struct name *row = names_find(name);
        if (!row)
            fail_msg("%s is unknown", name);
        if (!form_fits(row->form, json_string_value(json_object_get(entry, "type"))))
            fail_msg("%s has another type", name);
    }
    json_decref(root);
    return n;
}

static void test_names_match_the_vendors_list(void **state)
{
    (void)state;
    size_t n = compare_with("tests/vectors/api-metadata.json");
    n += compare_with("tests/vectors/api-later.json");
    assert_int_equal(names_count(), n);
    assert_null(names_find("Timeout"));
    assert_null(names_find("title"));
    assert_null(names_find(""));
}

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool fits;
    } rows[] = {
        {"StoreOffline", "true", true},
        {"StoreOffline", "True", false},
        {"StoreOffline", "", false},
        {"AndroidBadgeAddNum", "99", true},
        {"AndroidBadgeAddNum", "0", false},
        {"AndroidBadgeAddNum", "1.0", false},
        {"AndroidNotificationBarPriority", "-2", true},
        {"AndroidNotificationBarPriority", "-3", false},
        {"iOSRelevanceScore", "0.5", true},
        {"iOSRelevanceScore", "1.1", false},
        {"iOSRelevanceScore", "", false},
        {"iOSRelevanceScore", "nan", false},
        {"PushTime", "2026-01-01T00:00:00Z", true},
        {"PushTime", "2026-01-01T00:00:00+08:00", false},
        {"PushTime", "2026-01-01T00:00:00.5Z", false},
        {"PushTime", "2026-02-30T00:00:00Z", false},
        {"AndroidExtParameters", "{\"k\":1}", true},
        {"AndroidExtParameters", "[]", false},
        {"AndroidExtParameters", "{k:1}", false},
        {"AndroidInboxBody", "[1,2,3,4,5]", true},
        {"AndroidInboxBody", "[1,2,3,4,5,6]", false},
        {"AndroidInboxBody", "{}", false},
        {"DeviceType", "iOS", true},
        {"DeviceType", "IOS", false},
        {"DeviceType", "iOS ANDROID", false},
        {"DeviceType", "", false},
        {"SendChannels", "accs,apns", true},
        {"SendChannels", "accs,", false},
        {"SendChannels", "accs apns", false},
        {"Title", "", true},
        {"Title", "\xff", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (names_value_fits(names_find(rows[i].name), rows[i].value) != rows[i].fits)
            fail_msg("%s=%s", rows[i].name, rows[i].value);
}

/* --- a whole call ---------------------------------------------------------------------------- */

static const struct push_rules rules = {.accounts_max = 1000};
static const int64_t now_ms = INT64_C(1772694489000); /* 2026-03-05T07:08:09Z */

static void make_good(struct made *m)
{
    made_init(m, "POST", true);
    made_param(m, "AppKey", "1", false);
    made_param(m, "PushType", "MESSAGE", false);
    made_param(m, "DeviceType", "ANDROID", false);
    made_param(m, "Target", "TAG", false);
    made_param(m, "TargetValue", "vip", false);
    made_param(m, "Title", "T", false);
    made_param(m, "Body", "B", false);
}

enum { CHANGES_MAX = 5 };
struct change {
    const char *name, *value; /* value NULL: absent */
};
#define ABSENT(name)                                                                               \
    {                                                                                              \
        name, NULL                                                                                 \
    }

static const struct row {
    struct change changes[CHANGES_MAX];
    const char *code; /* "" : accepted */
} rows[] = {
    {{{0}}, ""},
    {{ABSENT("AppKey")}, "MissingAppKey"},
    {{ABSENT("PushType")}, "MissingPushType"},
    {{ABSENT("DeviceType")}, "MissingDeviceType"},
    {{ABSENT("Target")}, "MissingTarget"},
    {{ABSENT("TargetValue")}, "MissingTargetValue"},
    {{ABSENT("Title")}, "MissingTitle"},
    {{ABSENT("Body")}, "MissingBody"},
    {{{"Title", ""}}, "InvalidTitle.Empty"},
    {{{"Body", ""}}, "InvalidBody.Empty"},
    {{{"DeviceType", "iOS"}, {"PushType", "NOTICE"}, ABSENT("Title")}, ""},
    {{{"Colour", "red"}}, "InvalidParameter"},
    {{{"RegionId", "cn-hangzhou"}}, ""},
    {{{"SendSpeed", "fast"}}, "InvalidSendSpeed.Format"},
    {{{"AppKey", "0"}}, "InvalidAppKey.Format"},
    /* targets */
    {{{"TargetValue", ""}}, "InvalidTargetValue.Empty"},
    {{{"TargetValue", "{\"not\":{\"tag\":\"a\"}}"}}, "InvalidTargetValue.Format"},
    {{{"Target", "DEVICE"}, {"TargetValue", "0123456789abcdef0123456789abcdef"}}, ""},
    {{{"Target", "DEVICE"}, {"TargetValue", "0123456789ABCDEF0123456789ABCDEF"}},
     "InvalidTargetValue.Format"},
    {{{"Target", "DEVICE"}, {"TargetValue", "short"}}, "InvalidTargetValue.Format"},
    {{{"Target", "ACCOUNT"}, {"TargetValue", "a,b"}}, ""},
    {{{"Target", "ACCOUNT"}, {"TargetValue", "a,,b"}}, "InvalidTargetValue.Format"},
    {{{"Target", "ACCOUNT"}, {"TargetValue", "a,"}}, "InvalidTargetValue.Format"},
    {{{"Target", "ALL"}, {"TargetValue", "ALL"}}, ""},
    {{{"Target", "ALL"}, {"TargetValue", "everybody"}}, "InvalidTargetValue.Format"},
    {{{"Target", "FILE"}}, "TargetNotSupported"},
    {{{"Target", "TBD"}, {"TargetValue", "TBD"}}, ""},
    {{{"Target", "TBD"}, {"TargetValue", "TBD"}, {"PushTime", "2026-03-05T07:09:09Z"}},
     "InvalidPushTime.Format"},
    /* what belongs together */
    {{{"AndroidPopupActivity", "a"}}, "MissingAndroidPopupTitle"},
    {{{"AndroidPopupActivity", "a"}, {"AndroidPopupTitle", "t"}, {"AndroidPopupBody", "b"}}, ""},
    {{{"iOSBadge", "1"}, {"iOSBadgeAutoIncrement", "true"}}, "IosBadgeConflict"},
    {{{"iOSBadge", "1"}, {"iOSBadgeAutoIncrement", "false"}}, ""},
    {{{"SmsSignName", "s"}}, "SmsTemplateNameEmpty"},
    {{{"SmsTemplateName", "t"}, {"SmsDelaySecs", "9"}}, "SmsSignNameEmpty"},
    /* key and token */
    {{{"JobKey", "order_7-A"}}, ""},
    {{{"JobKey", "a.b"}}, "InvalidJobKey.Format"},
    {{{"JobKey", "123456789012345678901234567890123"}}, "InvalidJobKey.LengthExceed"},
    {{{"IdempotentToken", "5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d10"}}, ""},
    {{{"IdempotentToken", "5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d1"}}, "InvalidIdempotentToken.Format"},
    {{{"IdempotentToken", "5e0a3b62-55d4-4b5e-9d0c-6a2f4b7c1d1x"}},
     "InvalidIdempotentToken.Format"},
    /* times */
    {{{"PushTime", "2026-03-12T07:08:10Z"}}, ""}, /* 7 days, and a second of slack */
    {{{"PushTime", "2026-03-12T07:08:11Z"}}, "InvalidPushTime.Format"},
    {{{"PushTime", "2026-03-05T07:00:00Z"}}, ""}, /* a time that has passed means now */
    {{{"ExpireTime", "2026-03-05T07:08:12Z"}}, ""},
    {{{"ExpireTime", "2026-03-05T07:08:11Z"}}, "InvalidExpireTime.Format"},
    {{{"ExpireTime", "2026-03-08T07:08:10Z"}}, ""},
    {{{"ExpireTime", "2026-03-08T07:08:11Z"}}, "InvalidExpireTime.Format"},
    {{{"PushTime", "2026-03-06T07:08:09Z"}, {"ExpireTime", "2026-03-09T07:08:09Z"}}, ""},
    {{{"PushTime", "2026-03-06T07:08:09Z"}, {"ExpireTime", "2026-03-06T07:08:09Z"}},
     "InvalidExpireTime.Format"},
};

static void test_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m;
        struct refusal r = {0};
        make_good(&m);
        for (size_t k = 0; k < CHANGES_MAX && rows[i].changes[k].name; k++)
            made_change(&m, rows[i].changes[k].name, rows[i].changes[k].value);
        bool ok = push_check(&rules, &m.q, now_ms, &r);
        if (ok != !*rows[i].code || strcmp(r.code, rows[i].code) != 0)
            fail_msg("row %zu (%s): %s, expected %s", i,
                     rows[i].changes[0].name ? rows[i].changes[0].name : "", r.code, rows[i].code);
        assert_int_equal(r.status, ok ? 0 : 400);
        made_free(&m);
    }
}

static void test_a_name_twice(void **state)
{
    (void)state;
    struct made m;
    struct refusal r = {0};
    make_good(&m);
    made_param(&m, "Title", "T", true);
    assert_false(push_check(&rules, &m.q, now_ms, &r));
    assert_string_equal(r.code, "InvalidParameter");
    made_free(&m);
}

static bool accepts(const struct push_rules *with, const char *const *changes)
{
    struct made m;
    struct refusal r = {0};
    make_good(&m);
    for (; *changes; changes += 2)
        made_change(&m, changes[0], changes[1]);
    bool ok = push_check(with, &m.q, now_ms, &r);
    made_free(&m);
    return ok;
}

static char *repeat(const char *text, size_t n, const char *between)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        buf_puts(&b, i ? between : "");
        buf_puts(&b, text);
    }
    return buf_take(&b);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *target, *name, *item, *between;
        size_t most;
    } sizes[] = {
        {"TAG", "Title", "x", "", 200},
        {"TAG", "Body", "x", "", 1800 - 1}, /* with the title's one byte */
        {"TAG", "AndroidBigTitle", "x", "", 200},
        {"TAG", "AndroidBigBody", "x", "", 1000},
        {"TAG", "AndroidPopupTitle", "杭", "", 50},
        {"ACCOUNT", "TargetValue", "a", ",", 1000},
        {"ACCOUNT", "TargetValue", "a", "", 64},
        {"ALIAS", "TargetValue", "a", ",", 1000},
        {"ALIAS", "TargetValue", "a", "", 128},
        {"DEVICE", "TargetValue", "0123456789abcdef0123456789abcdef", ",", 1000},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t over = 0; over < 2; over++) {
            char *text = repeat(sizes[i].item, sizes[i].most + over, sizes[i].between);
            const char *const changes[] = {"Target", sizes[i].target, sizes[i].name, text, NULL};
            if (accepts(&rules, changes) != !over)
                fail_msg("%s %s of %zu", sizes[i].target, sizes[i].name, sizes[i].most + over);
            mem_free(text);
        }
}

static void test_chosen_readings(void **state)
{
    (void)state;
    const struct push_rules strict = {
        .app_keys = {"1", "2"}, .app_key_count = 2, .accounts_max = 2, .refuse_past_times = true};
    static const char *const known[] = {"AppKey", "2", NULL},
                             *const unknown[] = {"AppKey", "3", NULL},
                             *const past[] = {"PushTime", "2026-03-05T07:00:00Z", NULL},
                             *const three[] = {"Target", "ACCOUNT", "TargetValue", "a,b,c", NULL};
    assert_true(accepts(&strict, known));
    assert_false(accepts(&strict, unknown));
    assert_true(accepts(&rules, unknown));
    assert_false(accepts(&strict, past));
    assert_true(accepts(&rules, past));
    assert_false(accepts(&strict, three));
    assert_true(accepts(&rules, three));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_match_the_vendors_list),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_a_name_twice),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_chosen_readings),
    };
    return cmocka_run_group_tests_name("mock push", tests, NULL, NULL);
}
