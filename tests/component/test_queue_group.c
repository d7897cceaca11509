// SPDX-License-Identifier: MIT
// Calls of several jobs: the first grouping stays and is handed out, members end and wait whole.
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

static void first_grouping_is_told(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 2);
    assert_string_equal(w->got[0].grouping, "");
    const char *const texts[] = {"[0,1]", "[0,1]", "[[0],[1]]"};
    for (int i = 0; i < 3; i++) {
        worker_mark(w, texts[i]);
        assert_int_equal(w->finished, i + 1);
        assert_string_equal(w->marked, "[0,1]");
    }
    worker_end_now(w, &w->got[0], &sent);
    assert_int_equal(cli_int("HEXISTS " KEY_BATCH " %s!", w->got[0].batch), 1);
    worker_end_now(w, &w->got[1], &sent);
    assert_int_equal(cli_int("EXISTS " KEY_BATCH " " KEY_MEMBER " " KEY_DUE), 0);
    worker_free(w);
}

static void call_waits_whole(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 5);
    worker_claim(w, 5);
    const struct got *got = w->got;
    int64_t t0 = got[0].t0_ms, at_ms = queue_now_ms(w->q) + 150;
    worker_mark(w, "[[4,0,2],[1],[3]]");
    worker_regroup(w, (const unsigned[]){4, 0, 2}, 3,
                   &(struct queue_regrouping){.grouping = "[[0,1,2]]", .at_ms = at_ms});
    worker_end(w, &got[1], &sent);
    worker_settle(w);
    assert_int_equal(w->finished, 3);
    assert_int_equal(w->stale, 0);
    assert_conserved(w, 5);
    assert_int_equal(w->counts.delayed, 3);
    assert_int_equal(w->counts.leased, 1);
    worker_end_now(w, &got[3], &sent); /* the lease goes with its last member */
    assert_int_equal(cli_int("HEXISTS " KEY_BATCH " %s!", got[3].batch), 0);
    assert_true(TAILQ_EMPTY(&w->q->leases));
    worker_claim(w, 10);
    assert_int_equal(w->n, 0);
    claim_until(w, 3);
    assert_int_equal(w->batches, 1);
    static const char *const bytes[] = {"j4", "j0", "j2"}, *const envelopes[] = {"{4}", "{0}",
                                                                                 "{2}"};
    static const unsigned crashes[] = {5, 1, 3};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(got[i].pos, i);
        assert_string_equal(got[i].bytes, bytes[i]);
        assert_string_equal(got[i].envelope, envelopes[i]);
        assert_int_equal(got[i].crashes, crashes[i]);
        assert_string_equal(got[i].grouping, "[[0,1,2]]");
        assert_false(got[i].taken_over);
        assert_int_equal(got[i].batch[0], 'w');
        assert_int_equal(got[i].t0_ms, t0);
        assert_string_equal(got[i].digest, opts.digest);
        assert_true(got[i].now_ms >= at_ms);
    }
    assert_conserved(w, 5);
    assert_int_equal(w->counts.delayed, 0);
    worker_free(w);
}

/* A waiting call is taken by a worker with less room, and again waits as the same. */
static void call_waits_again(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    const char job[] = "5 3 a\0b\r\n\xff \0";
    for (int i = 0; i < 4; i++)
        freeReplyObject(cli("RPUSH " QUEUE " %b", job, sizeof job));
    worker_claim(w, 4);
    for (int round = 0; round < 3; round++) {
        worker_regroup(w, (const unsigned[]){0, 1, 2, 3}, 4,
                       &(struct queue_regrouping){.grouping = "all"});
        worker_settle(w);
        assert_int_equal(cli_int("HLEN " KEY_BATCH), 3);
        assert_int_equal(cli_int("ZCARD " KEY_DUE), 1);
        worker_claim(w, 1);
        assert_int_equal(w->n, 4);
        assert_string_equal(w->got[2].envelope, "{2}");
        assert_int_equal(w->got[2].len, sizeof job);
        assert_memory_equal(w->got[2].bytes, job, sizeof job);
        assert_conserved(w, 4);
    }
    worker_free(w);
}

static void all_members_or_none(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    worker_mark(w, "[[0,1],[2,3]]");
    freeReplyObject(cli("HDEL " KEY_MEMBER " %s:0", w->got[0].batch)); /* one of them is gone */
    worker_regroup(w, (const unsigned[]){1, 0}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]"});
    worker_settle(w);
    assert_int_equal(w->stale, 1);
    assert_int_equal(cli_int("HLEN " KEY_MEMBER), 3);
    freeReplyObject(cli("HSET " KEY_MEMBER " %s:0 %s", w->got[0].batch, "0 0 j0"));
    assert_int_equal(cli_int("ZCARD " KEY_DUE), 1);
    assert_conserved(w, 4);
    claim_until(other, 4); /* a zombie moves nothing */
    worker_regroup(w, (const unsigned[]){2, 3}, 2,
                   &(struct queue_regrouping){.grouping = "[[0,1]]"});
    worker_settle(w);
    assert_int_equal(w->stale, 2);
    assert_string_equal(other->got[0].grouping, "[[0,1],[2,3]]");
    assert_int_equal(cli_int("ZCARD " KEY_DUE), 1);
    assert_conserved(w, 4);
    worker_free(w);
    worker_free(other);
}

/* Bisecting: both halves in one script, each then a batch of its own. */
static void refused_call_in_two(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    worker_mark(w, "[[0,1,2,3]]");
    long long before = script_stat("calls=");
    worker_regroup(w, (const unsigned[]){0, 1}, 2,
                   &(struct queue_regrouping){.grouping = "gen 1 left", .with_next = true});
    worker_regroup(w, (const unsigned[]){2, 3}, 2,
                   &(struct queue_regrouping){.grouping = "gen 1 right"});
    worker_settle(w);
    assert_int_equal(script_stat("calls="), before + 1);
    assert_int_equal(cli_int("HEXISTS " KEY_BATCH " %s", w->got[0].batch), 0);
    worker_claim(w, 10);
    assert_int_equal(w->batches, 2);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(w->got[i].grouping,
                            w->got[i].bytes[1] < '2' ? "gen 1 left" : "gen 1 right");
    assert_conserved(w, 4);
    worker_free(w);
}

/* What cannot be read is kept, all of it, as the job's bytes. */
static void damaged_members_keep_their_bytes(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    static const char *const values[] = {"", "garbage", "0 999 {}x", "0 5 {abc}"};
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    for (int i = 0; i < 4; i++)
        freeReplyObject(cli("HSET " KEY_MEMBER " %s:%d %s", w->got[0].batch, i, values[i]));
    worker_regroup(w, (const unsigned[]){0, 1, 2, 3}, 4,
                   &(struct queue_regrouping){.grouping = "x"});
    worker_settle(w);
    assert_int_equal(w->finished, 1);
    worker_claim(w, 4);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(w->got[i].bytes, values[i]);
    assert_string_equal(w->got[3].bytes, "");
    assert_string_equal(w->got[3].envelope, "{3}");
    assert_conserved(w, 4);
    worker_free(w);
}

/* An answered call of more members than a script usually carries, after others. */
static void call_ends_whole(void **state)
{
    (void)state;
    enum { SINGLES = 100, CALL = 150 };
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, SINGLES + CALL);
    worker_claim(w, SINGLES + CALL);
    freeReplyObject(cli("CONFIG SET slowlog-log-slower-than 0"));
    freeReplyObject(cli("CONFIG SET slowlog-max-len 10000")); /* commands in a script too */
    freeReplyObject(cli("SLOWLOG RESET"));
    for (size_t i = 0; i < SINGLES + CALL; i++)
        worker_end(w, &w->got[i], i >= SINGLES && i + 1 < SINGLES + CALL ? &sent_with_next : &sent);
    worker_settle(w);
    freeReplyObject(cli("CONFIG SET slowlog-log-slower-than -1"));
    redisReply *log = cli("SLOWLOG GET 10000");
    unsigned long items[2] = {0}, n = 0; /* the latest first */
    for (size_t i = 0; i < log->elements; i++) {
        const redisReply *args = log->element[i]->element[3];
        if (strcmp(args->element[0]->str, "EVALSHA") != 0)
            continue;
        const char *more = args->element[args->elements - 1]->str; /* "... (N more arguments)" */
        assert_true(n < 2);
        /* EVALSHA, sha, 9, the keys, results_max, the lease; of each item two */
        items[n++] = (strtoul(more + 5, NULL, 10) + args->elements - 1 - 3 - 9 - 1 - 3) / 2;
    }
    freeReplyObject(log);
    assert_int_equal(n, 2);
    assert_int_equal(items[0], CALL);
    assert_int_equal(items[1], SINGLES);
    assert_int_equal(w->finished, SINGLES + CALL);
    assert_conserved(w, SINGLES + CALL);
    worker_free(w);
}

static void largest_call(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    char job[400];
    unsigned at[QUEUE_CLAIM_MAX];
    memset(job, 'x', sizeof job);
    for (unsigned i = 0; i < QUEUE_CLAIM_MAX; i++) {
        at[i] = i;
        freeReplyObject(cli("RPUSH " QUEUE " %b", job, sizeof job));
    }
    worker_claim(w, QUEUE_CLAIM_MAX);
    assert_int_equal(w->n, QUEUE_CLAIM_MAX);
    long long best = INT64_MAX;
    for (int round = 0; round < 10; round++) {
        long long before = script_stat("usec=");
        worker_regroup(w, at, QUEUE_CLAIM_MAX, &(struct queue_regrouping){.grouping = "all"});
        worker_settle(w);
        long long usec = script_stat("usec=") - before;
        best = usec < best ? usec : best;
        assert_int_equal(w->finished, round + 1);
        worker_claim(w, 1);
        assert_int_equal(w->n, QUEUE_CLAIM_MAX);
    }
    print_message("redis: %lld us to regroup %d members\n", best, QUEUE_CLAIM_MAX);
    assert_conserved(w, QUEUE_CLAIM_MAX);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_grouping_is_told, fixture_flush),
        cmocka_unit_test_setup(call_waits_whole, fixture_flush),
        cmocka_unit_test_setup(call_waits_again, fixture_flush),
        cmocka_unit_test_setup(all_members_or_none, fixture_flush),
        cmocka_unit_test_setup(refused_call_in_two, fixture_flush),
        cmocka_unit_test_setup(damaged_members_keep_their_bytes, fixture_flush),
        cmocka_unit_test_setup(call_ends_whole, fixture_flush),
        cmocka_unit_test_setup(largest_call, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue groups", tests, fixture_start, fixture_stop);
}
