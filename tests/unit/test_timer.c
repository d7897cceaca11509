/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/timer.h"
#include "support/pump.h"

enum { SOON_MS = 20, NEVER_MS = 3600 * 1000 };

static struct event_base *base;
static struct timer *timer;
static unsigned fired;

static void on_timer(void *arg)
{
    fired++;
    if (arg)
        timer_stop(timer);
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    fired = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    timer_free(timer);
    timer = NULL;
    event_base_free(base);
    return 0;
}

/* The loop ends when no timer is set. */
static void run(void)
{
    assert_int_not_equal(event_base_dispatch(base), -1);
    assert_false(timer_is_set(timer));
}

static void test_fires_once_and_not_early(void **state)
{
    (void)state;
    timer = timer_new(base, on_timer, NULL);
    assert_false(timer_is_set(timer));
    int64_t before_us = clock_mono_us();
    timer_once(timer, SOON_MS);
    assert_true(timer_is_set(timer));
    run();
    assert_int_equal(fired, 1);
    assert_true(clock_mono_us() - before_us >= (SOON_MS - 1) * 1000);
}

static void test_the_last_setting_counts(void **state)
{
    (void)state;
    timer = timer_new(base, on_timer, NULL);
    timer_once(timer, NEVER_MS);
    timer_once(timer, -1);
    run();
    assert_int_equal(fired, 1);
    timer_each(timer, 1);
    timer_once(timer, 0);
    run();
    assert_int_equal(fired, 2);
}

static void test_stopped_it_does_not_fire(void **state)
{
    (void)state;
    timer = timer_new(base, on_timer, NULL);
    timer_once(timer, 0);
    timer_stop(timer);
    run();
    timer_now(timer);
    timer_stop(timer);
    run();
    assert_int_equal(fired, 0);
}

static void test_fires_each_time_until_its_callback_stops_it(void **state)
{
    (void)state;
    timer = timer_new(base, on_timer, NULL);
    timer_each(timer, 1);
    pump_until(base, fired >= 3);
    assert_true(timer_is_set(timer));
    timer_free(timer);
    timer = timer_new(base, on_timer, base);
    fired = 0;
    timer_each(timer, 1);
    run();
    assert_int_equal(fired, 1);
}

static void test_fires_now_whatever_it_is_set_to(void **state)
{
    (void)state;
    timer = timer_new(base, on_timer, NULL);
    timer_once(timer, NEVER_MS);
    timer_now(timer);
    assert_true(timer_is_set(timer));
    run();
    assert_int_equal(fired, 1);
    timer_each(timer, NEVER_MS);
    timer_now(timer);
    event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(fired, 2);
    assert_true(timer_is_set(timer)); /* again after its time */
}

static void on_end(void *arg)
{
    (void)arg;
    fired++;
    timer_free(timer);
    timer = NULL;
}

static void test_its_callback_may_free_it(void **state)
{
    (void)state;
    timer = timer_new(base, on_end, NULL);
    timer_each(timer, 1);
    event_base_dispatch(base);
    assert_int_equal(fired, 1);
    timer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_fires_once_and_not_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_setting_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stopped_it_does_not_fire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fires_each_time_until_its_callback_stops_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_fires_now_whatever_it_is_set_to, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_its_callback_may_free_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
