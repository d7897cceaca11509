/* SPDX-License-Identifier: MIT */
#include "fleet/shared_stop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

static void an_account_is_stopped_for_an_hour(void **state)
{
    (void)state;
    struct shared_stop s = {.n = 0};
    assert_false(shared_stop_holds(&s, "a", 1000));
    assert_true(shared_stop_note(&s, "a", 1000));
    assert_false(
        shared_stop_note(&s, "a", 2000)); /* another call that was out: no news, but later */
    assert_true(shared_stop_holds(&s, "a", 2000 + SHARED_STOP_MS - 1));
    assert_false(shared_stop_holds(&s, "b", 2000));
    assert_int_equal(shared_stop_count(&s, 3000), 1);
    assert_int_equal(shared_stop_count(&s, 2000 + SHARED_STOP_MS), 0);
    assert_false(shared_stop_holds(&s, "a", 2000 + SHARED_STOP_MS));
    assert_true(shared_stop_note(&s, "a", 2000 + SHARED_STOP_MS)); /* refused again */
}

static void lifted_and_cleared(void **state)
{
    (void)state;
    struct shared_stop s = {.n = 0};
    shared_stop_note(&s, "a", 1000);
    shared_stop_note(&s, "b", 1000);
    shared_stop_lift(&s, "a");
    shared_stop_lift(&s, "c");
    assert_false(shared_stop_holds(&s, "a", 1000));
    assert_true(shared_stop_holds(&s, "b", 1000));
    shared_stop_clear(&s);
    assert_false(shared_stop_holds(&s, "b", 1000));
    assert_int_equal(shared_stop_count(&s, 1000), 0);
}

static void there_are_no_more_than_apps(void **state)
{
    (void)state;
    struct shared_stop s = {.n = 0};
    char name[16];
    for (int i = 0; i < CONFIG_APPS_MAX; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_true(shared_stop_note(&s, name, 1000));
    }
    assert_false(shared_stop_note(&s, "one more", 1000));
    assert_int_equal(shared_stop_count(&s, 1000), CONFIG_APPS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_account_is_stopped_for_an_hour),
                                       cmocka_unit_test(lifted_and_cleared),
                                       cmocka_unit_test(there_are_no_more_than_apps)};
    return cmocka_run_group_tests_name("shared_stop", tests, NULL, NULL);
}
