/* SPDX-License-Identifier: MIT */
#include "pipeline/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { APPS = 3, CALLS = 64 };

static struct call calls[CALLS];
static size_t ncalls;

static int setup(void **state)
{
    static struct turns t;
    turns_init(&t, APPS);
    ncalls = 0;
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    turns_free(*state);
    return 0;
}

static void move(struct turns *t, struct call *c, enum call_state to, size_t app)
{
    turns_leave(t, c);
    c->state = to;
    turns_enter(t, c, app);
}

static struct call *wait_for_slot(struct turns *t, size_t app)
{
    struct call *c = &calls[ncalls++];
    *c = (struct call){.state = CALL_READY};
    move(t, c, CALL_WAITING, app);
    return c;
}

/* The one whose turn it is gets the slot; which app that was. */
static size_t serve(struct turns *t)
{
    struct call *c = turns_next(t);
    assert_non_null(c);
    size_t app = c->turn_app;
    move(t, c, CALL_OUT, app);
    return app;
}

static void one_app_alone_has_all(void **state)
{
    struct turns *t = *state;
    struct call *first = wait_for_slot(t, 1);
    for (int i = 0; i < 9; i++)
        wait_for_slot(t, 1);
    assert_ptr_equal(first, turns_next(t));
    for (int i = 0; i < 10; i++)
        assert_int_equal(serve(t), 1);
    assert_null(turns_next(t));
    assert_int_equal(turns_held(t, 1), 10);
}

/* Whoever comes to a crowd is next, and then as often as the others. */
static void who_has_less_is_next(void **state)
{
    struct turns *t = *state;
    for (int i = 0; i < 20; i++)
        wait_for_slot(t, 0);
    for (int i = 0; i < 8; i++)
        serve(t);
    for (int i = 0; i < 4; i++)
        wait_for_slot(t, 2);
    for (int i = 0; i < 4; i++)
        assert_int_equal(serve(t), 2);
    assert_int_equal(serve(t), 0);
}

static void equals_take_turns(void **state)
{
    struct turns *t = *state;
    size_t served[APPS] = {0};
    for (int i = 0; i < 12; i++)
        wait_for_slot(t, (size_t)i % APPS);
    for (int i = 0; i < 6; i++) {
        size_t app = serve(t);
        served[app]++;
        for (struct call *c = calls; c < calls + ncalls; c++)
            if (c->state == CALL_OUT)
                move(t, c, CALL_READY, app); /* one slot: nobody has a call out */
    }
    for (size_t i = 0; i < APPS; i++)
        assert_int_equal(served[i], 2);
}

static void what_is_held_is_counted(void **state)
{
    struct turns *t = *state;
    struct call *c = wait_for_slot(t, 0);
    wait_for_slot(t, APPS); /* of a removed app */
    assert_int_equal(t->all, 2);
    assert_int_equal(turns_apps(t, 0), 2);
    assert_int_equal(turns_apps(t, 1), 3);
    move(t, c, CALL_HELD, 0);
    assert_int_equal(turns_held(t, 0), 0);
    assert_int_equal(t->all, 1);
    assert_int_equal(turns_next(t)->turn_app, APPS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_app_alone_has_all),
        T(who_has_less_is_next),
        T(equals_take_turns),
        T(what_is_held_is_counted),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
