/* SPDX-License-Identifier: MIT
 * The table of the provider's actions against the vendor's list, and the checks of a call
 * (actions, actions_table, params_text). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "aliyun/actions.h"
#include "base/text.h"
#include "support/api_list.h"

#define DEVICE "a64ae296f3b04a58a05b30c900000001"

/* --- against the vendor's metadata ----------------------------------------------------------- */

static const char *type_name(const struct action_row *a, enum param_type type, bool later)
{
    static const char *const names[] = {"String", "Integer", "Boolean", "Double", "String", "Json"};
    (void)a;
    return type == PARAM_INT && later ? "Long" : names[type];
}

static void compare_row(const struct action_row *a, const json_t *entry)
{
    const char *name = api_list_member(entry, "name"), *type = api_list_member(entry, "type");
    const struct action_param *row = actions_param(a, name);
    if (!row)
        fail_msg("%s of %s is not in the table", name, a->name);
    if (strcmp(type, type_name(a, row->row.type, false)) != 0 &&
        strcmp(type, type_name(a, row->row.type, true)) != 0)
        fail_msg("%s of %s has another type: %s", name, a->name, type);
    if (row->row.required != json_is_true(json_object_get(entry, "required")))
        fail_msg("%s of %s: required differs", name, a->name);
}

static size_t rows_in(const struct action_row *a)
{
    size_t n = 0;
    while (n < ACTION_PARAMS_MAX && a->params[n].row.name)
        n++;
    return n;
}

static void compare_action(const struct action_row *a, const json_t *list)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        bool in_body = strcmp(api_list_member(entry, "in"), "Query") != 0;
        assert_int_equal(in_body,
                         a->task_params && strcmp(api_list_member(entry, "name"), "PushTask") == 0);
        if (in_body)
            continue;
        compare_row(a, entry);
        n++;
    }
    assert_int_equal(rows_in(a), n);
}

static void table_is_the_vendors(void **state)
{
    const char *name;
    json_t *entry, *root = api_list_load("tests/vectors/api-metadata.json");
    json_t *actions = json_object_get(root, "actions");
    (void)state;
    assert_int_equal(json_object_size(actions), 33);
    assert_int_equal(actions_count, 33);
    json_object_foreach(actions, name, entry)
    {
        const struct action_row *a = actions_find(name);
        if (!a)
            fail_msg("%s is not in the table", name);
        if (a->push_params)
            assert_string_equal(name, "Push"); /* its own table, see test_params.c */
        else
            compare_action(a, json_object_get(entry, "parameters"));
    }
    json_decref(root);
}

static void table_is_consistent(void **state)
{
    (void)state;
    for (size_t i = 0; i < actions_count; i++) {
        const struct action_row *a = &actions_table[i];
        bool token = a->push_params || actions_param(a, "IdempotentToken");
        if (i)
            assert_true(strcmp(a[-1].name, a->name) < 0);
        assert_ptr_equal(actions_find(a->name), a);
        assert_int_equal(a->repeat == REPEAT_TOKEN, token);
        assert_int_equal(actions_takes_app_key(a), strcmp(a->name, "ListSummaryApps") != 0);
        assert_true(!a->answer.item == !a->answer.list);
    }
    assert_null(actions_find("PushInner"));
    assert_null(actions_find(""));
}

/* --- ids ------------------------------------------------------------------------------------- */

static const char *long_text(char unit, size_t n)
{
    static char text[600];
    memset(text, unit, n);
    text[n] = '\0';
    return text;
}

static void ids(void **state)
{
    static const struct {
        enum action_id id;
        const char *text;
        const char *error; /* NULL: fine */
    } rows[] = {
        {ID_DEVICE, DEVICE, NULL},
        {ID_DEVICE, "A64ae296f3b04a58a05b30c900000001",
         "a device id has digits and lower-case letters only"},
        {ID_DEVICE, "a64ae296", "8 bytes: a device id has 32"},
        {ID_DEVICE, "", "empty"},
        {ID_ALIAS, "小明 1", NULL},
        {ID_ALIAS, "a,b", "holds a comma, which separates ids"},
        {ID_ALIAS, "a\tb", "holds a control character"},
        {ID_TAG, "\xff", "not UTF-8"},
    };
    struct err e;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool ok = actions_check_id(rows[i].id, rows[i].text, &e);
        assert_int_equal(ok, !rows[i].error);
        if (!ok)
            assert_string_equal(e.text, rows[i].error);
    }
    assert_true(actions_check_id(ID_ACCOUNT, long_text('a', 64), &e));
    assert_false(actions_check_id(ID_ACCOUNT, long_text('a', 65), &e));
    assert_string_equal(e.text, "65 bytes: an account has at most 64");
    assert_true(actions_check_id(ID_ALIAS, long_text('a', 128), &e));
    assert_false(actions_check_id(ID_ALIAS, long_text('a', 129), &e));
    assert_false(actions_check_id(ID_TAG, long_text('a', 129), &e));
    assert_string_equal(e.text, "129 characters: a tag has at most 128");
}

/* --- calls ----------------------------------------------------------------------------------- */

enum { SET_MAX = 10 };
struct call_case {
    const char *action;
    struct param set[SET_MAX]; /* name NULL ends */
    const char *error;         /* NULL: accepted */
};
#define A                                                                                          \
    {                                                                                              \
        "AppKey", "333000111"                                                                      \
    }
#define PUSH                                                                                       \
    A, {"Target", "DEVICE"}, {"TargetValue", DEVICE}, {"DeviceType", "ANDROID"},                   \
        {"PushType", "MESSAGE"}, {"Title", "t"},                                                   \
    {                                                                                              \
        "Body", "b"                                                                                \
    }
#define TASK(n, target)                                                                            \
    {"PushTask." n ".Target", target}, {"PushTask." n ".TargetValue", DEVICE},                     \
        {"PushTask." n ".DeviceType", "ANDROID"}, {"PushTask." n ".PushType", "MESSAGE"},          \
        {"PushTask." n ".Title", "t"},                                                             \
    {                                                                                              \
        "PushTask." n ".Body", "b"                                                                 \
    }
#define KEYS(type)                                                                                 \
    A, {"KeyType", type},                                                                          \
    {                                                                                              \
        "TagName", "t1,t2"                                                                         \
    }

static const struct call_case calls[] = {
    {"ListTags", {A}, NULL},
    {"ListTags", {{0}}, "AppKey: required by ListTags"},
    {"ListTags", {{"AppKey", "x"}}, "AppKey: not an integer"},
    {"ListTags", {A, {"Page", "1"}}, "Page: not a parameter of ListTags"},
    {"ListSummaryApps", {{0}}, NULL},
    {"BindTag", {KEYS("DEVICE"), {"ClientKey", DEVICE}}, NULL},
    {"BindTag", {KEYS("DEVICE"), {"ClientKey", "d1"}}, "ClientKey: 2 bytes: a device id has 32"},
    {"BindTag", {KEYS("ALIAS"), {"ClientKey", "d1,d2"}}, NULL},
    {"BindTag", {KEYS("ALIAS"), {"ClientKey", "d1,"}}, "ClientKey: empty"},
    {"BindTag", {KEYS("ALIAS"), {"ClientKey", ""}}, "ClientKey: must not be empty"},
    {"BindTag", {KEYS("ALIAS")}, "ClientKey: required by BindTag"},
    {"BindTag",
     {KEYS("PHONE"), {"ClientKey", "d1"}},
     "KeyType: must be one of DEVICE|ACCOUNT|ALIAS"},
    {"BindTag",
     {A, {"KeyType", "ALIAS"}, {"ClientKey", "k"}, {"TagName", "1,2,3,4,5,6,7,8,9,10,11"}},
     "TagName: more than 10"},
    {"RemoveTag", {A, {"TagName", "a,b"}}, "TagName: holds a comma, which separates ids"},
    {"UnbindAlias", {A, {"DeviceId", DEVICE}, {"AliasName", "a"}}, NULL},
    {"UnbindAlias", {A, {"DeviceId", DEVICE}, {"UnbindAll", "true"}}, NULL},
    {"UnbindAlias",
     {A, {"DeviceId", DEVICE}, {"UnbindAll", "yes"}},
     "UnbindAll: must be true or false"},
    {"UnbindAlias", {A, {"DeviceId", DEVICE}}, "AliasName: required unless UnbindAll=true"},
    {"CancelPush", {A, {"MessageId", "12345678901234567"}}, NULL},
    {"CancelPush", {A, {"MessageId", "m"}}, "MessageId: not an integer"},
    {"CancelPush", {A, {"MessageId", "0"}}, "MessageId: 0 is not in 1 … 9223372036854775807"},
    {"QueryPushRecords",
     {A, {"StartTime", "2026-03-05T07:08:09Z"}, {"EndTime", "2026-03-05"}},
     "EndTime: must be YYYY-MM-DDThh:mm:ssZ"},
    {"QueryPushRecords",
     {A,
      {"StartTime", "2026-03-05T07:08:09Z"},
      {"EndTime", "2026-03-05T08:08:09Z"},
      {"PageSize", "101"}},
     "PageSize: 101 is not in 1 … 100"},
    {"ContinuouslyPush",
     {A, {"MessageId", "500131"}, {"Target", "ACCOUNT"}, {"TargetValue", "u1,u2"}},
     NULL},
    {"ContinuouslyPush",
     {A, {"MessageId", "500131"}, {"Target", "TAG"}, {"TargetValue", "t"}},
     "Target: must be one of DEVICE|ACCOUNT|ALIAS"},
    {"Push", {PUSH}, NULL},
    {"Push", {PUSH, {"PushTime", "2026-03-05T07:08:09Z"}, {"IdempotentToken", "u"}}, NULL},
    {"Push", {PUSH, {"PushTime", "soon"}}, "PushTime: must be YYYY-MM-DDThh:mm:ssZ"},
    {"Push", {PUSH, {"AndroidBadgeAddNum", "100"}}, "AndroidBadgeAddNum: 100 is not in 1 … 99"},
    {"Push", {PUSH, {"iOSBadge", "1"}}, "iOSBadge: a parameter of iOS, but DeviceType is ANDROID"},
    {"Push", {PUSH, {"TimeOut", "1"}}, "TimeOut: not a parameter of Push"},
    {"Push",
     {PUSH, {"AndroidExtParameters", "[1]"}},
     "AndroidExtParameters: an array, must be an object"},
    {"Push",
     {PUSH, {"AndroidExtParameters", "{"}},
     "AndroidExtParameters: not the JSON text of an object or array"},
    {"MassPush", {A, TASK("1", "DEVICE")}, NULL},
    {"MassPush",
     {A, TASK("1", "DEVICE"), {"PushTask.1.AndroidOppoPrivateTitleParameters.k", "v"}},
     NULL},
    {"MassPush", {A, TASK("2", "DEVICE")}, "PushTask.1: missing, tasks count from 1 without a gap"},
    {"MassPush", {A}, "PushTask.1: required by MassPush"},
    {"MassPush", {A, TASK("1", "TAG")}, "PushTask.1: Target: must be one of DEVICE|ACCOUNT|ALIAS"},
    {"MassPush",
     {A, TASK("1", "DEVICE"), {"PushTask.1.SmsParams", "v"}},
     "PushTask.1.SmsParams: not a parameter of MassPush"},
    {"MassPush", {A, TASK("01", "DEVICE")}, "PushTask.01.Target: not a parameter of MassPush"},
    {"MassPush", {A, TASK("101", "DEVICE")}, "PushTask.101.Target: not a parameter of MassPush"},
    {"PushV2", {A, {"PushTask", "{}"}}, NULL},
    {"PushV2", {A, {"PushTask", "[]"}}, "PushTask: an array, must be an object"},
    {"MassPushV2", {A, {"PushTasks", "[{}]"}}, NULL},
    {"PushNoticeToiOS",
     {A, {"Target", "ALL"}, {"TargetValue", "ALL"}, {"Body", "b"}, {"ApnsEnv", "TEST"}},
     "ApnsEnv: must be one of DEV|PRODUCT"},
};

static void checks_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        const struct call_case *c = &calls[i];
        struct params p;
        struct err e = {""};
        params_init(&p);
        for (size_t k = 0; k < SET_MAX && c->set[k].name; k++)
            params_set(&p, c->set[k].name, c->set[k].value);
        bool ok = actions_check(actions_find(c->action), &p, 1800, &e);
        if (ok != !c->error)
            fail_msg("case %zu, %s: %s", i, c->action, ok ? "accepted" : e.text);
        if (c->error)
            assert_string_equal(e.text, c->error);
        else
            assert_on_list(c->action, p.v, p.n);
        params_free(&p);
    }
}

/* The limits of a list are those of the reference §6.1. */
static void bounds_lists(void **state)
{
    static const struct {
        const char *action, *name;
        size_t max;
    } rows[] = {{"BindTag", "ClientKey", 1000},     {"UnbindTag", "ClientKey", 1000},
                {"BindTag", "TagName", 10},         {"UnbindTag", "TagName", 10},
                {"BindAlias", "AliasName", 10},     {"UnbindAlias", "AliasName", 10},
                {"CheckDevices", "DeviceIds", 100}, {"ContinuouslyPush", "TargetValue", 1000}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(actions_param(actions_find(rows[i].action), rows[i].name)->list_max,
                         rows[i].max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_vendors),
        cmocka_unit_test(table_is_consistent),
        cmocka_unit_test(ids),
        cmocka_unit_test(checks_calls),
        cmocka_unit_test(bounds_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
