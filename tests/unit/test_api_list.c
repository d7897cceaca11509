/* SPDX-License-Identifier: MIT
 * The tests' own check of calls against the vendor's list must be able to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/api_list.h"

#define GOOD                                                                                       \
    {"AppKey", "1"}, {"PushType", "NOTICE"}, {"DeviceType", "ALL"}, {"Target", "ALL"},             \
    {                                                                                              \
        "TargetValue", "ALL"                                                                       \
    }
#define TASK(n)                                                                                    \
    {"PushTask." n ".PushType", "NOTICE"}, {"PushTask." n ".DeviceType", "ALL"},                   \
        {"PushTask." n ".Target", "ALL"},                                                          \
    {                                                                                              \
        "PushTask." n ".TargetValue", "ALL"                                                        \
    }

static void test_calls(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        struct param v[12];
        const char *want; /* "" : fine */
    } rows[] = {
        {"Push", {GOOD}, ""},
        {"Push", {GOOD, {"iOSRelevanceScore", "0.5"}, {"AndroidVivoLiveMessage", "{}"}}, ""},
        {"Push", {{"AppKey", "1"}, {"Target", "ALL"}}, "DeviceType is required"},
        {"Push", {GOOD, {"Colour", "red"}}, "Colour: not on the list of Push"},
        {"Push", {GOOD, {"Titl", "t"}}, "Titl: not on the list of Push"},
        {"Push", {GOOD, {"Title.1", "t"}}, "Title.1: not on the list of Push"},
        {"Push", {GOOD, {"StoreOffline", "yes"}}, "StoreOffline: not a value of type Boolean"},
        {"Push", {GOOD, {"SendSpeed", "2147483648"}}, "SendSpeed: not a value of type Integer"},
        {"Push",
         {GOOD, {"iOSRelevanceScore", "x"}},
         "iOSRelevanceScore: not a value of type Double"},
        {"Push", {GOOD, {"Title", "\xff"}}, "Title: not a value of type String"},
        {"Push", {GOOD, {"Target", "ALL"}}, "Target: given twice"},
        {"Puhs", {GOOD}, "Puhs: no such action"},
        {"CancelPush", {{"AppKey", "1"}, {"MessageId", "12345678901234567"}}, ""},
        {"CancelPush",
         {{"AppKey", "1"}, {"MessageId", "m"}},
         "MessageId: not a value of type Long"},
        {"MassPush", {{"AppKey", "1"}, TASK("1"), TASK("2")}, ""},
        {"MassPush", {{"AppKey", "1"}}, "PushTask.1 is required"},
        {"MassPush", {{"AppKey", "1"}, TASK("1"), TASK("3")}, "PushTask: a gap before 3"},
        {"MassPush",
         {{"AppKey", "1"}, TASK("01")},
         "PushTask.01.PushType: not on the list of MassPush"},
        {"MassPush",
         {{"AppKey", "1"}, TASK("1"), {"PushTask.1.JobKe", "k"}},
         "PushTask.1.JobKe: not on the list of MassPush"},
        {"MassPush",
         {{"AppKey", "1"}, {"PushTask.1.Title", "t"}},
         "PushTask.1.DeviceType is required"},
        {"MassPush",
         {{"AppKey", "1"}, TASK("1"), {"PushTask.1.AndroidOppoPrivateTitleParameters.k", "v"}},
         ""},
        {"MassPush",
         {{"AppKey", "1"}, TASK("1"), {"PushTask.1.SendSpeed", "fast"}},
         "PushTask.1.SendSpeed: not a value of type Integer"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {""};
        size_t n = 0;
        while (rows[i].v[n].name)
            n++;
        assert_int_equal(api_list_check(rows[i].action, rows[i].v, n, &e), !*rows[i].want);
        assert_string_equal(e.text, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};
    return cmocka_run_group_tests_name("api_list", tests, NULL, NULL);
}
