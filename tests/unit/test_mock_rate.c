/* SPDX-License-Identifier: MIT */
#include "mock/world/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How many of n calls at one moment pass; the last refusal's wait. */
static int pass(struct rate *r, int n, int64_t now_ms, int64_t *wait_ms)
{
    int passed = 0;
    for (int i = 0; i < n; i++)
        passed += rate_take(r, now_ms, wait_ms);
    return passed;
}

static void test_unlimited(void **state)
{
    (void)state;
    struct rate r = {.per_s = 0};
    int64_t wait_ms;
    assert_int_equal(pass(&r, 1000, 5000, &wait_ms), 1000);
}

static void test_seconds_of_the_clock(void **state)
{
    (void)state;
    struct rate r = {.per_s = 10};
    int64_t wait_ms = 0;
    assert_int_equal(pass(&r, 15, 5300, &wait_ms), 10);
    assert_int_equal(wait_ms, 700);
    assert_int_equal(pass(&r, 5, 5999, &wait_ms), 0);
    assert_int_equal(pass(&r, 15, 6000, &wait_ms), 10);
}

static void test_minutes_of_the_clock(void **state)
{
    (void)state;
    struct rate r = {.per_s = 2, .kind = RATE_MINUTE};
    int64_t wait_ms = 0;
    assert_int_equal(pass(&r, 200, 61000, &wait_ms), 120);
    assert_int_equal(wait_ms, 59000);
    assert_int_equal(pass(&r, 200, 120000, &wait_ms), 120);
}

static void test_a_bucket(void **state)
{
    (void)state;
    struct rate r = {.per_s = 10, .kind = RATE_BUCKET};
    int64_t wait_ms = 0;
    assert_int_equal(pass(&r, 15, 5000, &wait_ms), 10);
    assert_int_equal(wait_ms, 100);
    assert_int_equal(pass(&r, 5, 5099, &wait_ms), 0);
    assert_int_equal(wait_ms, 1);
    assert_int_equal(pass(&r, 5, 5350, &wait_ms), 3);
    assert_int_equal(wait_ms, 50);
    assert_int_equal(pass(&r, 50, 9000, &wait_ms), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unlimited),
        cmocka_unit_test(test_seconds_of_the_clock),
        cmocka_unit_test(test_minutes_of_the_clock),
        cmocka_unit_test(test_a_bucket),
    };
    return cmocka_run_group_tests_name("mock_rate", tests, NULL, NULL);
}
