/* SPDX-License-Identifier: MIT
 * Due batches that are more than a worker has room for, and those that outlive their workers: they
 * come in halves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/queue_fixture.c"

/* Their leases are over; the first is the longest. */
static void end_leases(char ids[][17], int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(cli("ZADD " K ":due %d %s", i + 1, ids[i]));
}

static int ask_with_room(struct worker *w, unsigned whole, bool alone)
{
    return worker_ask(
        w,
        &(struct queue_ask){.n = 2, .most = 8, .whole = whole, .alone = alone, .parked_max = 1000});
}

/* The larger waits for a worker that holds nothing, which is told of it; the smaller goes before.
 */
static void a_batch_without_room_waits(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    char ids[2][17];
    push_jobs("j", 0, 9);
    for (unsigned i = 0; i < 2; i++) {
        worker_claim(w, i ? 3 : 6);
        snprintf(ids[i], sizeof ids[i], "%s", w->got[0].batch);
    }
    end_leases(ids, 2);
    ask_with_room(other, 4, false);
    assert_int_equal(3, other->n);
    assert_string_equal(ids[1], other->got[0].batch);
    assert_true(queue_suspects(other->q));
    ask_with_room(other, 5, false);
    assert_int_equal(0, other->n);
    assert_true(queue_suspects(other->q));
    ask_with_room(other, 0, true);
    assert_int_equal(6, other->n);
    assert_false(queue_suspects(other->q));
    assert_conserved(other, 9);
    worker_free(w);
    worker_free(other);
}

/* Whatever the order. */
static void never_more_than_most(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 9);
    const struct queue_drain drains[] = {{"a", 9}};
    for (int i = 0; i < 6; i++)
        freeReplyObject(cli("RPUSH " K ":parked:a %s", "0 0 {}"));
    worker_ask(w, &(struct queue_ask){.n = 3,
                                      .most = 5,
                                      .drains = drains,
                                      .ndrains = 1,
                                      .order = QUEUE_BESIDE,
                                      .parked_max = 1000});
    assert_int_equal(5, w->n);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_batch_without_room_waits, fixture_flush),
        cmocka_unit_test_setup(never_more_than_most, fixture_flush),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
