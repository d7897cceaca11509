/* SPDX-License-Identifier: MIT
 * Callbacks that wait for their replies: order, growth, wrap-around. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "redis/pending.h"

static void push(struct pending_queue *q, int64_t i)
{
    pending_push(q, (struct pending){.deadline_ms = i});
}

/* Pushes and pops in bursts of every size around the growth of the ring. */
static void test_first_in_first_out(void **state)
{
    (void)state;
    struct pending_queue q = {0};
    int64_t in = 0, out = 0;
    for (size_t burst = 1; burst < 300; burst++) {
        for (size_t i = 0; i < burst; i++)
            push(&q, in++);
        assert_int_equal(pending_first(&q)->deadline_ms, out);
        for (size_t i = 0; i < burst - burst / 7; i++)
            assert_int_equal(pending_pop(&q).deadline_ms, out++);
        assert_int_equal(q.len, in - out);
        assert_true(q.cap >= q.len);
    }
    while (q.len)
        assert_int_equal(pending_pop(&q).deadline_ms, out++);
    assert_int_equal(in, out);
    pending_free(&q);
}

static void test_empty(void **state)
{
    (void)state;
    struct pending_queue q = {0};
    pending_free(&q);
    push(&q, 7);
    assert_int_equal(pending_pop(&q).deadline_ms, 7);
    assert_int_equal(q.len, 0);
    push(&q, 8);
    assert_int_equal(pending_first(&q)->deadline_ms, 8);
    pending_free(&q); /* what waits is not called */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_in_first_out),
                                       cmocka_unit_test(test_empty)};
    return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
