/* SPDX-License-Identifier: MIT */
#include "worker/circuit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool note(struct circuit *c, enum reply_class class, const char *code, int job)
{
    struct reply reply = {.class = class};
    snprintf(reply.code, sizeof reply.code, "%s", code);
    return circuit_note(c, &reply, (uint64_t)job + 1, 1000);
}

static void a_row_over_two_jobs_opens(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 5, 1000);
    for (int i = 0; i < 4; i++)
        assert_false(note(&c, REPLY_TRANSIENT, "ServiceUnavailable", i % 2));
    assert_true(note(&c, REPLY_UNANSWERED, "", 0));
    assert_int_equal(c.state, CIRCUIT_OPEN);
}

static void one_job_alone_does_not_open(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 5, 1000);
    for (int i = 0; i < 20; i++)
        assert_false(note(&c, REPLY_TRANSIENT, "ServiceUnavailable", 0));
    assert_true(note(&c, REPLY_NOT_SENT, "", 1));
}

static void an_answer_breaks_the_row(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    for (int round = 0; round < 10; round++) {
        assert_false(note(&c, REPLY_TRANSIENT, "InternalError", 0));
        assert_false(note(&c, REPLY_TRANSIENT, "InternalError", 1));
        assert_false(note(&c, round % 2 ? REPLY_SENT : REPLY_PERMANENT, "", 2));
    }
}

static void a_row_of_one_unknown_code_opens(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    assert_false(note(&c, REPLY_UNKNOWN_4XX, "New.A", 0));
    assert_false(note(&c, REPLY_UNKNOWN_4XX, "New.B", 1));
    assert_false(note(&c, REPLY_UNKNOWN_4XX, "New.B", 2));
    assert_true(note(&c, REPLY_UNKNOWN_4XX, "New.B", 0));
}

static void one_probe_at_a_time(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 5, 1000);
    circuit_trip(&c, "Forbidden", 0);
    assert_false(circuit_admit(&c, 999));
    assert_true(circuit_admit(&c, 1000));
    assert_false(circuit_admit(&c, 5000));
    assert_true(note(&c, REPLY_TRANSIENT, "Timeout", 0)); /* the probe fails: twice the wait */
    assert_int_equal(c.probe_at_ms, 1000 + 2000);
    assert_true(circuit_admit(&c, 3000));
    circuit_probe_lost(&c);
    assert_true(circuit_admit(&c, 3000));
    assert_false(note(&c, REPLY_SENT, "", 0));
    assert_int_equal(c.state, CIRCUIT_CLOSED);
    assert_int_equal(c.probe_wait_ms, 1000);
}

static void late_answers_do_not_stretch_the_wait(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 2, 1000);
    circuit_trip(&c, "x", 0);
    for (int i = 0; i < 100; i++)
        assert_true(note(&c, REPLY_UNANSWERED, "", i % 3));
    assert_int_equal(c.probe_at_ms, 1000);
}

static void a_shared_probe_needs_the_lease(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 1, 1000);
    c.shared = true;
    circuit_trip(&c, "x", 0);
    assert_false(circuit_wants_lease(&c, 999));
    assert_true(circuit_wants_lease(&c, 1000));
    assert_false(circuit_admit(&c, 1000));
    c.leased_till_ms = 3000;
    assert_false(circuit_wants_lease(&c, 1000));
    assert_true(circuit_probe_due(&c, 2999));
    assert_false(circuit_probe_due(&c, 3000));
    assert_true(circuit_admit(&c, 2999));
    circuit_trip(&c, "x", 2999);
    assert_int_equal(c.leased_till_ms, 0);
    assert_int_equal(c.probe_at_ms, 2999 + 2000);
}

static void others_open_postpone_and_close_it(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 5, 1000);
    circuit_adopt(&c, 4000, 5000, "Throttled.By.Fate");
    assert_int_equal(c.state, CIRCUIT_OPEN);
    assert_string_equal(c.why, "Throttled.By.Fate");
    assert_false(circuit_probe_due(&c, 4999));
    circuit_adopt(&c, 8000, 13000, "later");
    assert_string_equal(c.why, "Throttled.By.Fate");
    assert_false(circuit_probe_due(&c, 12999));
    assert_true(circuit_admit(&c, 13000));
    circuit_adopt(&c, 1, 1, "late news");
    assert_int_equal(c.state, CIRCUIT_PROBING);
    circuit_close(&c);
    assert_int_equal(c.state, CIRCUIT_CLOSED);
    assert_int_equal(c.probe_wait_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_over_two_jobs_opens),
        cmocka_unit_test(one_job_alone_does_not_open),
        cmocka_unit_test(an_answer_breaks_the_row),
        cmocka_unit_test(a_row_of_one_unknown_code_opens),
        cmocka_unit_test(one_probe_at_a_time),
        cmocka_unit_test(late_answers_do_not_stretch_the_wait),
        cmocka_unit_test(a_shared_probe_needs_the_lease),
        cmocka_unit_test(others_open_postpone_and_close_it),
    };
    return cmocka_run_group_tests_name("circuit", tests, NULL, NULL);
}
