/* SPDX-License-Identifier: MIT */
#include "fleet/circuit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct circuit_failed none;

static bool note(struct circuit *c, enum reply_class class, const char *code, int job)
{
    struct reply reply = {.class = class};
    snprintf(reply.code, sizeof reply.code, "%s", code);
    return circuit_note(c, &reply, (uint64_t)job + 1, false, 1000);
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
    circuit_trip(&c, "Forbidden", 77, 0);
    assert_false(circuit_admit(&c, 2, 999));
    assert_true(circuit_admit(&c, 2, 1000));
    assert_false(circuit_admit(&c, 2, 5000));
    assert_true(note(&c, REPLY_TRANSIENT, "Timeout", 0)); /* the probe fails: twice the wait */
    assert_int_equal(c.probe_at_ms, 1000 + 2000);
    assert_true(circuit_admit(&c, 2, 3000));
    circuit_probe_lost(&c);
    assert_true(circuit_admit(&c, 2, 3000));
    assert_false(note(&c, REPLY_SENT, "", 0));
    assert_int_equal(c.state, CIRCUIT_CLOSED);
    assert_int_equal(c.probe_wait_ms, 1000);
}

static void late_answers_do_not_stretch_the_wait(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 2, 1000);
    circuit_trip(&c, "x", 77, 0);
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
    circuit_trip(&c, "x", 77, 0);
    assert_false(circuit_wants_lease(&c, 999));
    assert_true(circuit_wants_lease(&c, 1000));
    assert_false(circuit_admit(&c, 2, 1000));
    c.leased_till_ms = 3000;
    assert_false(circuit_wants_lease(&c, 1000));
    assert_true(circuit_probe_due(&c, 2999));
    assert_false(circuit_probe_due(&c, 3000));
    assert_true(circuit_admit(&c, 2, 2999));
    circuit_trip(&c, "x", 78, 2999);
    assert_int_equal(c.leased_till_ms, 0);
    assert_int_equal(c.probe_at_ms, 2999 + 2000);
}

/* One of several with the same fault must not take each probe before one that is well. */
static void whose_calls_fail_goes_behind_others(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 1, 1000);
    c.shared = c.behind = true;
    circuit_trip(&c, "certificate", 77, 0);
    assert_false(circuit_wants_lease(&c, 1000));
    assert_false(circuit_wants_lease(&c, 1000 + CIRCUIT_BEHIND_MS - 1));
    assert_true(circuit_wants_lease(&c, 1000 + CIRCUIT_BEHIND_MS));
    circuit_adopt(&c, 2000, 5000, "certificate", &none);
    assert_false(circuit_wants_lease(&c, 5000));
    c.behind = false;
    assert_true(circuit_wants_lease(&c, 5000));
}

static void others_open_postpone_and_close_it(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 5, 1000);
    circuit_adopt(&c, 4000, 5000, "Throttled.By.Fate", &none);
    assert_int_equal(c.state, CIRCUIT_OPEN);
    assert_string_equal(c.why, "Throttled.By.Fate");
    assert_false(circuit_probe_due(&c, 4999));
    circuit_adopt(&c, 8000, 13000, "later", &none);
    assert_string_equal(c.why, "Throttled.By.Fate");
    assert_false(circuit_probe_due(&c, 12999));
    assert_true(circuit_admit(&c, 2, 13000));
    circuit_adopt(&c, 1, 1, "late news", &none);
    assert_int_equal(c.state, CIRCUIT_PROBING);
    circuit_close(&c, 0);
    assert_int_equal(c.state, CIRCUIT_CLOSED);
    assert_int_equal(c.probe_wait_ms, 1000);
}

static bool refuse(struct circuit *c, enum refusal_scope scope, uint64_t job, bool again,
                   int64_t at)
{
    const struct reply reply = {.class = REPLY_AUTH, .scope = scope, .code = "Refused"};
    return circuit_note(c, &reply, job, again, at);
}

static bool succeed(struct circuit *c, int64_t at)
{
    const struct reply reply = {.class = REPLY_SENT};
    return circuit_note(c, &reply, 9, false, at);
}

/* What speaks of all opens it at once, what may be the call's own only as a row over two jobs. */
static void a_refusal_opens_by_its_scope(void **state)
{
    (void)state;
    struct circuit c;
    for (int scope = SCOPE_CALL; scope <= SCOPE_ACCOUNT; scope++) {
        circuit_init(&c, 3, 1000);
        assert_int_equal(refuse(&c, (enum refusal_scope)scope, 1, false, 0), scope >= SCOPE_APP);
    }
    circuit_init(&c, 3, 1000);
    assert_false(refuse(&c, SCOPE_PLATFORM, 1, false, 0));
    assert_false(refuse(&c, SCOPE_PLATFORM, 2, false, 0));
    assert_true(refuse(&c, SCOPE_PLATFORM, 3, false, 0));
}

/* A job that was refused before says nothing new, whatever it is. */
static void the_same_refusal_again_opens_nothing(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    for (uint64_t job = 1; job < 20; job++)
        assert_false(refuse(&c, SCOPE_ACCOUNT, job, true, 0));
    assert_true(refuse(&c, SCOPE_ACCOUNT, 1, false, 0));
}

static void who_failed_is_no_probe_before_others(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    assert_true(refuse(&c, SCOPE_APP, 1, false, 0));
    assert_false(circuit_admit(&c, 1, 1000));
    assert_true(circuit_admit(&c, 2, 1000));
    assert_true(refuse(&c, SCOPE_APP, 2, false, 1000));
    assert_int_equal(c.probe_wait_ms, 2000);
    assert_false(circuit_admit(&c, 1, 3000));
    assert_false(circuit_admit(&c, 2, 3000));
    assert_true(circuit_admit(&c, 3, 3000));
    circuit_probe_lost(&c);
    /* Nobody else came in time. */
    assert_false(circuit_admit(&c, 1, 3000 + CIRCUIT_PATIENCE_MS - 1));
    assert_true(circuit_admit(&c, 1, 3000 + CIRCUIT_PATIENCE_MS));
}

/* The only job there is: its own turns come later and later, another's as soon as before. */
static void one_job_alone_holds_up_nobody(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    assert_true(refuse(&c, SCOPE_APP, 1, false, 0));
    int64_t now = 0, waited = 0;
    for (int i = 0; i < 10; i++) {
        int64_t began = now;
        while (!circuit_admit(&c, 1, now))
            now += 100;
        assert_true(now - began >= waited);
        waited = now - began;
        assert_true(refuse(&c, SCOPE_APP, 1, true, now));
        assert_int_equal(c.probe_at_ms, now + 1000);
    }
    assert_int_equal(waited, CIRCUIT_PROBE_CAP_MS);
    assert_true(circuit_admit(&c, 2, now + 1000));
}

static void many_that_failed_are_remembered_in_part(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    assert_true(refuse(&c, SCOPE_APP, 1, false, 0));
    for (uint64_t job = 2; job < 3 * CIRCUIT_FAILED_MAX; job++) {
        assert_true(circuit_admit(&c, job, c.probe_at_ms));
        assert_true(refuse(&c, SCOPE_APP, job, false, c.probe_at_ms));
    }
    assert_int_equal(c.failed.n, CIRCUIT_FAILED_MAX);
    assert_false(circuit_admit(&c, 3 * CIRCUIT_FAILED_MAX - 1, c.probe_at_ms));
    assert_true(circuit_admit(&c, 1, c.probe_at_ms));
}

/* A success elsewhere made it the job's own: the next such job does not stop the app again. */
static void a_doubted_code_opens_as_a_row_only(void **state)
{
    (void)state;
    struct circuit c;
    circuit_init(&c, 3, 1000);
    assert_true(refuse(&c, SCOPE_ACCOUNT, 1, false, 0));
    assert_true(circuit_admit(&c, 2, 1000));
    assert_false(succeed(&c, 1000));
    assert_false(refuse(&c, SCOPE_ACCOUNT, 3, false, 2000));
    assert_false(refuse(&c, SCOPE_ACCOUNT, 4, false, 2000));
    assert_false(succeed(&c, 2000));
    assert_false(refuse(&c, SCOPE_ACCOUNT, 5, false, 3000));
    assert_false(refuse(&c, SCOPE_ACCOUNT, 6, false, 3000));
    assert_true(refuse(&c, SCOPE_ACCOUNT, 7, false, 3000));
    assert_false(succeed(&c, 4000));
    assert_true(refuse(&c, SCOPE_ACCOUNT, 8, false, 4000 + CIRCUIT_DOUBT_MS));
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
        cmocka_unit_test(whose_calls_fail_goes_behind_others),
        cmocka_unit_test(others_open_postpone_and_close_it),
        cmocka_unit_test(a_refusal_opens_by_its_scope),
        cmocka_unit_test(the_same_refusal_again_opens_nothing),
        cmocka_unit_test(who_failed_is_no_probe_before_others),
        cmocka_unit_test(one_job_alone_holds_up_nobody),
        cmocka_unit_test(many_that_failed_are_remembered_in_part),
        cmocka_unit_test(a_doubted_code_opens_as_a_row_only),
    };
    return cmocka_run_group_tests_name("circuit", tests, NULL, NULL);
}
