// SPDX-License-Identifier: MIT
// Calls of several jobs when answers are lost, workers and servers die, or memory is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

static const struct queue_end sent = {.kind = END_SENT, .outcome = "{}", .outcome_len = 2};
static const struct queue_end sent_with_next = {
    .kind = END_SENT, .outcome = "{}", .outcome_len = 2, .with_next = true};

static void claim_until(struct worker *w, size_t n)
{
    pump_until(base, (worker_claim(w, 100), w->n == n));
}

static void mark_with_a_lost_answer(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    queue_mark(w->got[0].lease, "[0]", 3, on_mark, w);
    worker_lose_answer(w);
    assert_int_equal(w->finished, 1);
    assert_string_equal(w->marked, "[0]");
    worker_free(w);
}

static void regrouping_with_a_lost_answer(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    worker_regroup(w, (const unsigned[]){1, 2}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]"});
    worker_lose_answer(w);
    assert_int_equal(w->stale, 1); /* done by the first, nothing by the second */
    assert_conserved(w, 3);
    assert_int_equal(w->counts.delayed, 2);
    assert_int_equal(w->counts.leased, 1);
    worker_claim(w, 5);
    assert_int_equal(w->n, 2);
    assert_string_equal(w->got[0].grouping, "[[0,1]]");
    worker_free(w);
}

static void call_end_with_a_lost_answer(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], i < 2 ? &sent_with_next : &sent);
    worker_lose_answer(w);
    assert_int_equal(w->stale, 3);
    assert_conserved(w, 4);
    assert_int_equal(w->counts.sent, 3);
    worker_free(w);
}

/* The whole call or nothing of it, wherever the server dies. */
static void call_ends_whole_when_redis_dies(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 6);
    worker_claim(w, 6);
    worker_mark(w, "[[0,1,2],[3,4,5]]");
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], i < 2 ? &sent_with_next : &sent);
    worker_regroup(w, (const unsigned[]){3, 4, 5}, 3,
                   &(struct queue_regrouping){.grouping = "[[0,1,2]]"});
    fixture_turn(); /* on the way, perhaps */
    redis_server_kill(&server);
    pump_until(base, !w->up);
    redis_server_restart(&server);
    worker_reconnect(w);
    worker_settle(w);
    assert_conserved(w, 6);
    assert_int_equal(w->counts.sent, 3);
    assert_int_equal(w->counts.delayed, 3);
    worker_claim(w, 3);
    assert_string_equal(w->got[2].grouping, "[[0,1,2]]");
    assert_string_equal(w->got[2].bytes, "j5");
    worker_free(w);
}

static void killed_holders_grouping_is_handed_out(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    worker_mark(w, "first");
    worker_end_now(w, &w->got[1], &sent);
    kill_heartbeat("w1");
    claim_until(other, 2);
    assert_string_equal(other->got[0].grouping, "first");
    assert_string_equal(other->got[1].grouping, "first");
    assert_true(other->got[1].taken_over);
    assert_int_equal(other->got[1].crashes, 1);
    assert_int_equal(other->got[1].pos, 2);
    worker_mark(w, "zombie");
    assert_int_equal(w->stale, 1);
    worker_mark(other, "second");
    assert_string_equal(other->marked, "first");
    kill_heartbeat("w2");
    claim_until(w, 2);
    assert_string_equal(w->got[0].grouping, "first");
    assert_int_equal(w->got[0].crashes, 2);
    push_jobs("j", 3, 4);
    worker_claim(other, 1); /* a fresh batch has none */
    assert_string_equal(other->got[0].bytes, "j3");
    assert_string_equal(other->got[0].grouping, "");
    worker_free(w);
    worker_free(other);
}

/* What I4 asks of a batch of several calls: taken apart call by call, crashes kept, and each call
 * that may have been sent stays whole however often it is taken over. */
static void suspects_are_taken_apart_by_calls(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    worker_mark(w, "[[1,2]]");
    kill_heartbeat("w1");
    claim_until(other, 3);
    assert_int_equal(other->got[0].crashes, 1);
    worker_end(other, &other->got[0],
               &(struct queue_end){.kind = END_RETRY, .crashes = other->got[0].crashes});
    worker_regroup(other, (const unsigned[]){1, 2}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]"});
    worker_settle(other);
    worker_claim(w, 3);
    assert_int_equal(w->batches, 2);
    for (size_t i = 0; i < 3; i++) {
        bool alone = w->got[i].bytes[1] == '0';
        assert_string_equal(w->got[i].grouping, alone ? "" : "[[0,1]]");
        assert_int_equal(w->got[i].crashes, alone ? 1 : w->got[i].bytes[1] - '0' + 1);
        assert_false(w->got[i].taken_over);
    }
    kill_heartbeat("w1");
    pump_until(base, (worker_claim(other, 3), other->n == 3));
    for (size_t i = 0; i < 3; i++)
        if (other->got[i].bytes[1] == '2') {
            assert_string_equal(other->got[i].grouping, "[[0,1]]");
            assert_int_equal(other->got[i].crashes, 4);
            assert_true(other->got[i].taken_over);
        }
    assert_conserved(w, 3);
    worker_free(w);
    worker_free(other);
}

/* A batch that is one call is tried alone like a single job; one of a call and a job is not. */
static void a_suspect_call_is_tried_alone(void **state)
{
    (void)state;
    struct queue_opts opts = fixture_opts("w1");
    opts.crash_limit = 1;
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 5);
    worker_claim(w, 5);
    worker_regroup(w, (const unsigned[]){0, 1}, 2,
                   &(struct queue_regrouping){.grouping = "1 2 P:a:0,1"});
    worker_regroup(w, (const unsigned[]){2, 3, 4}, 3,
                   &(struct queue_regrouping){.grouping = "1 2 P:b:0,1"});
    worker_settle(w);
    worker_claim(w, 100);
    assert_int_equal(w->n, 3);
    assert_string_equal(w->got[0].grouping, "1 2 P:b:0,1");
    assert_true(queue_suspects(w->q));
    for (size_t i = 0; i < 3; i++)
        worker_end_now(w, &w->got[i], &sent);
    push_jobs("r", 0, 2);
    w->alone = true;
    worker_claim(w, 100);
    assert_int_equal(w->n, 2);
    assert_string_equal(w->got[0].grouping, "1 2 P:a:0,1");
    worker_free(w);
}

static void regroups_over_maxmemory(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 6);
    worker_claim(w, 6);
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    worker_mark(w, "[[0,1],[2,3]]");
    worker_regroup(w, (const unsigned[]){0, 1}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]"});
    worker_settle(w);
    worker_end(w, &w->got[2], &sent_with_next);
    worker_end(w, &w->got[3], &sent);
    worker_regroup(w, (const unsigned[]){4, 5}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]", .at_ms = INT64_MAX / 2});
    worker_settle(w);
    assert_int_equal(w->finished, 5);
    assert_int_equal(w->stale, 0);
    worker_claim(w, 5);
    assert_int_equal(w->n, 2);
    assert_string_equal(w->got[0].grouping, "[[0,1]]");
    assert_conserved(w, 6);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(mark_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(regrouping_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(call_end_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(call_ends_whole_when_redis_dies, fixture_flush),
        cmocka_unit_test_setup(killed_holders_grouping_is_handed_out, fixture_flush),
        cmocka_unit_test_setup(suspects_are_taken_apart_by_calls, fixture_flush),
        cmocka_unit_test_setup(a_suspect_call_is_tried_alone, fixture_flush),
        cmocka_unit_test_setup(regroups_over_maxmemory, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue groups, recovery", tests, fixture_start,
                                       fixture_stop);
}
