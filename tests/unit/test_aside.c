/* SPDX-License-Identifier: MIT
 * Setting a queue aside (aside, lanes), and what a worker grants itself meanwhile (limit_alone):
 * tables of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet/limit_alone.h"
#include "worker/aside.h"

static void test_transitions(void **state)
{
    (void)state;
    struct aside a = {0};
    assert_int_equal(aside_see(&a, false, 10), ASIDE_SAME);
    assert_int_equal(aside_see(&a, true, 20), ASIDE_BEGINS);
    assert_int_equal(aside_see(&a, true, 30), ASIDE_SAME);
    assert_int_equal(a.since_ms, 20);
    assert_int_equal(aside_see(&a, false, 40), ASIDE_ENDS);
    assert_false(a.on);
}

/* Pauses double up to the cap; half of each is by chance. An answer ends them. */
static void test_pauses(void **state)
{
    (void)state;
    static const int64_t most[] = {100, 200, 400, 800, 1600, 3000, 3000};
    struct aside a = {0};
    int64_t now = 1000;
    for (size_t i = 0; i < sizeof most / sizeof most[0]; i++) {
        aside_failed(&a, now, 0);
        assert_int_equal(a.try_ms, now + most[i] / 2);
        a.wait_ms = i ? most[i - 1] : 0;
        aside_failed(&a, now, (uint64_t)most[i] / 2);
        assert_int_equal(a.try_ms, now + most[i]);
        now = a.try_ms;
    }
    aside_answered(&a);
    aside_failed(&a, now, 0);
    assert_int_equal(a.try_ms, now + ASIDE_WAIT_MIN_MS / 2);
}

static void test_trials(void **state)
{
    (void)state;
    struct aside a = {0};
    assert_true(aside_may_claim(&a, true, 0));
    aside_failed(&a, 0, 0); /* not answered, and nothing was refused */
    assert_false(aside_may_claim(&a, true, 49));
    assert_true(aside_may_claim(&a, true, 50));
    aside_see(&a, true, 50);
    assert_true(aside_may_claim(&a, true, 50));
    assert_false(
        aside_may_claim(&a, false, 50)); /* no claim can show that outcomes can be written */
}

/* An even part of the limit, whatever is asked for and however often. */
static void test_part_of_a_limit(void **state)
{
    (void)state;
    static const struct {
        double rate;
        int64_t workers, want, every_ms, in_ten_s;
    } rows[] = {
        {100, 1, 50, 250, 1000}, {100, 4, 50, 250, 250}, {1, 2, 1, 250, 5},
        {0.5, 5, 1, 250, 1},     {100, 0, 3, 250, 120}, /* as wanted */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct limit_alone a = {0};
        int64_t granted = 0;
        for (int64_t now = 1; now <= 10001; now += rows[i].every_ms)
            granted += limit_alone_grant(&a, rows[i].rate, rows[i].workers, rows[i].want, now);
        assert_int_equal(granted, rows[i].in_ten_s);
    }
    struct limit_alone a = {.at_ms = 1};
    assert_int_equal(limit_alone_grant(&a, 100, 1, 1000, 3600001), 50); /* nothing is saved up */
    assert_int_equal(limit_alone_grant(&a, 100, 1, -5, 3700001), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_trials),
        cmocka_unit_test(test_part_of_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
