// SPDX-License-Identifier: MIT
// Calls of several jobs: the first grouping stays and is handed out, members end and wait whole,
// also when workers die, answers are lost or memory is full.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "support/queue_fixture.c"
#include "support/redis_server.c"

static const struct queue_end sent = {.kind = END_SENT, .outcome = "{}", .outcome_len = 2};
static const struct queue_end sent_with_next = {
    .kind = END_SENT, .outcome = "{}", .outcome_len = 2, .with_next = true};

static void mark(struct worker *w, const char *text)
{
    queue_mark(w->got[0].lease, text, strlen(text), on_mark, w);
    worker_settle(w);
}

/* Moves the members in got at these positions; their envelopes are "{<position>}", their crashes
 * one more than their position. */
static void regroup(struct worker *w, const unsigned *at, size_t n, const char *text, int64_t at_ms,
                    bool with_next)
{
    struct queue_moved members[QUEUE_CLAIM_MAX];
    char envelopes[QUEUE_CLAIM_MAX][16];
    for (size_t i = 0; i < n; i++) {
        unsigned pos = w->got[at[i]].pos;
        int len = snprintf(envelopes[i], sizeof envelopes[i], "{%u}", pos);
        members[i] = (struct queue_moved){
            .pos = pos, .crashes = pos + 1, .envelope = envelopes[i], .envelope_len = (size_t)len};
    }
    queue_regroup(w->got[at[0]].lease,
                  &(struct queue_regrouping){.members = members,
                                             .n = n,
                                             .grouping = text,
                                             .grouping_len = strlen(text),
                                             .at_ms = at_ms,
                                             .with_next = with_next},
                  on_finish, w);
}

static void claim_until(struct worker *w, size_t n)
{
    pump_until(base, (worker_claim(w, 100), w->n == n));
}

static void kill_heartbeat(const char *worker)
{
    freeReplyObject(cli("ZADD " K ":workers 1 %s", worker));
}

/* Of a command as INFO commandstats has it. */
static long long stat_of(const char *command, const char *field)
{
    char *stats = cli_text("INFO commandstats");
    const char *line = strstr(stats, command);
    const char *at = line ? strstr(line, field) : NULL;
    long long n = at ? atoll(at + strlen(field)) : 0;
    mem_free(stats);
    return n;
}

static long long scripts(void)
{
    return stat_of("cmdstat_evalsha:", "calls=");
}

static bool ran_more_than(long long before)
{
    int64_t end = clock_mono_ms() + 200;
    while (scripts() == before)
        if (clock_mono_ms() > end)
            return false;
    return true;
}

/* One turn of the loop: what it writes is not answered within it. */
static void turn(void)
{
    event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

/* Cuts the connection when Redis has run one script more and nobody has read its answer. */
static void lose_answer(struct worker *w)
{
    long long before = scripts();
    while (!TAILQ_EMPTY(&w->q->items))
        turn();
    while (!ran_more_than(before))
        turn();
    redis_drop(w->cmd, "test");
    assert_true(queue_unconfirmed(w->q));
    worker_settle(w);
}

/* --- mark ------------------------------------------------------------------------------------ */

static void first_grouping_is_told(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 2);
    worker_claim(w, 2);
    assert_string_equal("", w->got[0].grouping);
    const char *const texts[] = {"[0,1]", "[0,1]", "[[0],[1]]"};
    for (int i = 0; i < 3; i++) {
        mark(w, texts[i]);
        assert_int_equal(i + 1, w->finished);
        assert_string_equal("[0,1]", w->marked);
    }
    worker_end_now(w, &w->got[0], &sent);
    assert_int_equal(1, cli_int("HEXISTS " K ":batch %s!", w->got[0].batch));
    worker_end_now(w, &w->got[1], &sent);
    assert_int_equal(0, cli_int("EXISTS " K ":batch " K ":member " K ":due"));
    worker_free(w);
}

static void mark_with_a_lost_answer(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    queue_mark(w->got[0].lease, "[0]", 3, on_mark, w);
    lose_answer(w);
    assert_int_equal(1, w->finished);
    assert_string_equal("[0]", w->marked);
    worker_free(w);
}

static void killed_holders_grouping_is_handed_out(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    mark(w, "first");
    worker_end_now(w, &w->got[1], &sent);
    kill_heartbeat("w1");
    claim_until(other, 2);
    assert_string_equal("first", other->got[0].grouping);
    assert_string_equal("first", other->got[1].grouping);
    assert_true(other->got[1].taken_over);
    assert_int_equal(1, other->got[1].crashes);
    assert_int_equal(2, other->got[1].pos);
    mark(w, "zombie");
    assert_int_equal(1, w->stale);
    mark(other, "second");
    assert_string_equal("first", other->marked);
    kill_heartbeat("w2");
    claim_until(w, 2);
    assert_string_equal("first", w->got[0].grouping);
    assert_int_equal(2, w->got[0].crashes);
    push_jobs("j", 3, 4);
    worker_claim(other, 1); /* a fresh batch has none */
    assert_string_equal("j3", other->got[0].bytes);
    assert_string_equal("", other->got[0].grouping);
    worker_free(w);
    worker_free(other);
}

/* --- regroup --------------------------------------------------------------------------------- */

static void call_waits_whole(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 5);
    worker_claim(w, 5);
    const struct got *got = w->got;
    int64_t t0 = got[0].t0_ms, at_ms = queue_now_ms(w->q) + 150;
    mark(w, "[[4,0,2],[1],[3]]");
    regroup(w, (const unsigned[]){4, 0, 2}, 3, "[[0,1,2]]", at_ms, false);
    worker_end(w, &got[1], &sent);
    worker_settle(w);
    assert_int_equal(3, w->finished);
    assert_int_equal(0, w->stale);
    assert_conserved(w, 5);
    assert_int_equal(3, w->counts.delayed);
    assert_int_equal(1, w->counts.leased);
    worker_end_now(w, &got[3], &sent); /* the lease goes with its last member */
    assert_int_equal(0, cli_int("HEXISTS " K ":batch %s!", got[3].batch));
    assert_true(TAILQ_EMPTY(&w->q->leases));
    worker_claim(w, 10);
    assert_int_equal(0, w->n);
    claim_until(w, 3);
    assert_int_equal(1, w->batches);
    static const char *const bytes[] = {"j4", "j0", "j2"}, *const envelopes[] = {"{4}", "{0}",
                                                                                 "{2}"};
    static const unsigned crashes[] = {5, 1, 3};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(i, got[i].pos);
        assert_string_equal(bytes[i], got[i].bytes);
        assert_string_equal(envelopes[i], got[i].envelope);
        assert_int_equal(crashes[i], got[i].crashes);
        assert_string_equal("[[0,1,2]]", got[i].grouping);
        assert_false(got[i].taken_over);
        assert_int_equal('w', got[i].batch[0]);
        assert_int_equal(t0, got[i].t0_ms);
        assert_string_equal(opts.digest, got[i].digest);
        assert_true(got[i].now_ms >= at_ms);
    }
    assert_conserved(w, 5);
    assert_int_equal(0, w->counts.delayed);
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
        regroup(w, (const unsigned[]){0, 1, 2, 3}, 4, "all", 0, false);
        worker_settle(w);
        assert_int_equal(3, cli_int("HLEN " K ":batch"));
        assert_int_equal(1, cli_int("ZCARD " K ":due"));
        worker_claim(w, 1);
        assert_int_equal(4, w->n);
        assert_string_equal("{2}", w->got[2].envelope);
        assert_int_equal(sizeof job, w->got[2].len);
        assert_memory_equal(job, w->got[2].bytes, sizeof job);
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
    mark(w, "[[0,1],[2,3]]");
    freeReplyObject(cli("HDEL " K ":member %s:0", w->got[0].batch)); /* one of them is gone */
    regroup(w, (const unsigned[]){1, 0}, 2, "[[0,1]]", 0, false);
    worker_settle(w);
    assert_int_equal(1, w->stale);
    assert_int_equal(3, cli_int("HLEN " K ":member"));
    freeReplyObject(cli("HSET " K ":member %s:0 %s", w->got[0].batch, "0 0 j0"));
    assert_int_equal(1, cli_int("ZCARD " K ":due"));
    assert_conserved(w, 4);
    claim_until(other, 4); /* a zombie moves nothing */
    regroup(w, (const unsigned[]){2, 3}, 2, "[[0,1]]", 0, false);
    worker_settle(w);
    assert_int_equal(2, w->stale);
    assert_string_equal("[[0,1],[2,3]]", other->got[0].grouping);
    assert_int_equal(1, cli_int("ZCARD " K ":due"));
    assert_conserved(w, 4);
    worker_free(w);
    worker_free(other);
}

static void regrouping_with_a_lost_answer(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    regroup(w, (const unsigned[]){1, 2}, 2, "[[0,1]]", 0, false);
    lose_answer(w);
    assert_int_equal(1, w->stale); /* done by the first, nothing by the second */
    assert_conserved(w, 3);
    assert_int_equal(2, w->counts.delayed);
    assert_int_equal(1, w->counts.leased);
    worker_claim(w, 5);
    assert_int_equal(2, w->n);
    assert_string_equal("[[0,1]]", w->got[0].grouping);
    worker_free(w);
}

/* Bisecting: both halves in one script, each then a batch of its own. */
static void refused_call_in_two(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 4);
    worker_claim(w, 4);
    mark(w, "[[0,1,2,3]]");
    long long before = scripts();
    regroup(w, (const unsigned[]){0, 1}, 2, "gen 1 left", 0, true);
    regroup(w, (const unsigned[]){2, 3}, 2, "gen 1 right", 0, false);
    worker_settle(w);
    assert_int_equal(before + 1, scripts());
    assert_int_equal(0, cli_int("HEXISTS " K ":batch %s", w->got[0].batch));
    worker_claim(w, 10);
    assert_int_equal(2, w->batches);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(w->got[i].bytes[1] < '2' ? "gen 1 left" : "gen 1 right",
                            w->got[i].grouping);
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
        freeReplyObject(cli("HSET " K ":member %s:%d %s", w->got[0].batch, i, values[i]));
    regroup(w, (const unsigned[]){0, 1, 2, 3}, 4, "x", 0, false);
    worker_settle(w);
    assert_int_equal(1, w->finished);
    worker_claim(w, 4);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(values[i], w->got[i].bytes);
    assert_string_equal("", w->got[3].bytes);
    assert_string_equal("{3}", w->got[3].envelope);
    assert_conserved(w, 4);
    worker_free(w);
}

/* --- ends ------------------------------------------------------------------------------------ */

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
        items[n++] = (strtoul(more + 5, NULL, 10) + args->elements - 1 - 3 - 9 - 1) / 7;
    }
    freeReplyObject(log);
    assert_int_equal(2, n);
    assert_int_equal(CALL, items[0]);
    assert_int_equal(SINGLES, items[1]);
    assert_int_equal(SINGLES + CALL, w->finished);
    assert_conserved(w, SINGLES + CALL);
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
    lose_answer(w);
    assert_int_equal(3, w->stale);
    assert_conserved(w, 4);
    assert_int_equal(3, w->counts.sent);
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
    mark(w, "[[0,1,2],[3,4,5]]");
    for (size_t i = 0; i < 3; i++)
        worker_end(w, &w->got[i], i < 2 ? &sent_with_next : &sent);
    regroup(w, (const unsigned[]){3, 4, 5}, 3, "[[0,1,2]]", 0, false);
    turn(); /* on the way, perhaps */
    redis_server_kill(&server);
    pump_until(base, !w->up);
    redis_server_restart(&server);
    worker_reconnect(w);
    worker_settle(w);
    assert_conserved(w, 6);
    assert_int_equal(3, w->counts.sent);
    assert_int_equal(3, w->counts.delayed);
    worker_claim(w, 3);
    assert_string_equal("[[0,1,2]]", w->got[2].grouping);
    assert_string_equal("j5", w->got[2].bytes);
    worker_free(w);
}

/* --- crashes --------------------------------------------------------------------------------- */

/* What I4 asks of a batch of several calls: taken apart call by call, crashes kept, and each call
 * that may have been sent stays whole however often it is taken over. */
static void suspects_are_taken_apart_by_calls(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1"), other_opts = fixture_opts("w2");
    struct worker *w = worker_new(&opts), *other = worker_new(&other_opts);
    push_jobs("j", 0, 3);
    worker_claim(w, 3);
    mark(w, "[[1,2]]");
    kill_heartbeat("w1");
    claim_until(other, 3);
    assert_int_equal(1, other->got[0].crashes);
    worker_end(other, &other->got[0],
               &(struct queue_end){.kind = END_RETRY, .crashes = other->got[0].crashes});
    regroup(other, (const unsigned[]){1, 2}, 2, "[[0,1]]", 0, false);
    worker_settle(other);
    worker_claim(w, 3);
    assert_int_equal(2, w->batches);
    for (size_t i = 0; i < 3; i++) {
        bool alone = w->got[i].bytes[1] == '0';
        assert_string_equal(alone ? "" : "[[0,1]]", w->got[i].grouping);
        assert_int_equal(alone ? 1 : w->got[i].bytes[1] - '0' + 1, w->got[i].crashes);
        assert_false(w->got[i].taken_over);
    }
    kill_heartbeat("w1");
    pump_until(base, (worker_claim(other, 3), other->n == 3));
    for (size_t i = 0; i < 3; i++)
        if (other->got[i].bytes[1] == '2') {
            assert_string_equal("[[0,1]]", other->got[i].grouping);
            assert_int_equal(4, other->got[i].crashes);
            assert_true(other->got[i].taken_over);
        }
    assert_conserved(w, 3);
    worker_free(w);
    worker_free(other);
}

/* --- bounds ---------------------------------------------------------------------------------- */

static void regroups_over_maxmemory(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 6);
    worker_claim(w, 6);
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    mark(w, "[[0,1],[2,3]]");
    regroup(w, (const unsigned[]){0, 1}, 2, "[[0,1]]", 0, false);
    worker_settle(w);
    worker_end(w, &w->got[2], &sent_with_next);
    worker_end(w, &w->got[3], &sent);
    regroup(w, (const unsigned[]){4, 5}, 2, "[[0,1]]", INT64_MAX / 2, false);
    worker_settle(w);
    assert_int_equal(5, w->finished);
    assert_int_equal(0, w->stale);
    worker_claim(w, 5);
    assert_int_equal(2, w->n);
    assert_string_equal("[[0,1]]", w->got[0].grouping);
    assert_conserved(w, 6);
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
    assert_int_equal(QUEUE_CLAIM_MAX, w->n);
    long long best = INT64_MAX;
    for (int round = 0; round < 10; round++) {
        long long before = stat_of("cmdstat_evalsha:", "usec=");
        regroup(w, at, QUEUE_CLAIM_MAX, "all", 0, false);
        worker_settle(w);
        long long usec = stat_of("cmdstat_evalsha:", "usec=") - before;
        best = usec < best ? usec : best;
        assert_int_equal(round + 1, w->finished);
        worker_claim(w, 1);
        assert_int_equal(QUEUE_CLAIM_MAX, w->n);
    }
    print_message("redis: %lld us to regroup %d members\n", best, QUEUE_CLAIM_MAX);
    assert_conserved(w, QUEUE_CLAIM_MAX);
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_grouping_is_told, fixture_flush),
        cmocka_unit_test_setup(mark_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(killed_holders_grouping_is_handed_out, fixture_flush),
        cmocka_unit_test_setup(call_waits_whole, fixture_flush),
        cmocka_unit_test_setup(call_waits_again, fixture_flush),
        cmocka_unit_test_setup(all_members_or_none, fixture_flush),
        cmocka_unit_test_setup(regrouping_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(refused_call_in_two, fixture_flush),
        cmocka_unit_test_setup(damaged_members_keep_their_bytes, fixture_flush),
        cmocka_unit_test_setup(call_ends_whole, fixture_flush),
        cmocka_unit_test_setup(call_end_with_a_lost_answer, fixture_flush),
        cmocka_unit_test_setup(call_ends_whole_when_redis_dies, fixture_flush),
        cmocka_unit_test_setup(suspects_are_taken_apart_by_calls, fixture_flush),
        cmocka_unit_test_setup(regroups_over_maxmemory, fixture_flush),
        cmocka_unit_test_setup(largest_call, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue groups", tests, fixture_start, fixture_stop);
}
