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

#include "job/envelope.h"
#include "job/grouping.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

/* Their leases are over; the first is the longest. */
static void end_leases(char ids[][17], int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(cli("ZADD " KEY_DUE " %d %s", i + 1, ids[i]));
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
    assert_int_equal(other->n, 3);
    assert_string_equal(other->got[0].batch, ids[1]);
    assert_true(queue_suspects(other->q));
    ask_with_room(other, 5, false);
    assert_int_equal(other->n, 0);
    assert_true(queue_suspects(other->q));
    ask_with_room(other, 0, true);
    assert_int_equal(other->n, 6);
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
    const struct queue_unpark unparks[] = {{"a", 9}};
    for (int i = 0; i < 6; i++)
        freeReplyObject(cli("RPUSH " KEY_PARKED("a") " %s", "0 0 {}"));
    worker_ask(w, &(struct queue_ask){.n = 3,
                                      .most = 5,
                                      .unparks = unparks,
                                      .nunparks = 1,
                                      .order = QUEUE_BESIDE,
                                      .parked_max = 1000});
    assert_int_equal(w->n, 5);
    worker_free(w);
}

/* --- halves ---------------------------------------------------------------------------------- */

struct fleet {
    struct queue_opts opts[2];
    struct worker *w[2];
    unsigned turn;
};

static void fleet_start(struct fleet *f, int64_t crash_limit)
{
    static const char *const names[] = {"w0", "w1"};
    for (unsigned i = 0; i < 2; i++) {
        f->opts[i] = fixture_opts(names[i]);
        f->opts[i].crash_limit = crash_limit;
        f->w[i] = worker_new(&f->opts[i]);
    }
    f->turn = 0;
}

/* The one that claimed last dies, and its leases are over; the other, under a new name, claims. */
static struct worker *next_claim(struct fleet *f, bool alone)
{
    const struct worker *w = f->w[f->turn];
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1 %s", w->q->worker));
    for (size_t i = 0; i < w->n; i++)
        freeReplyObject(cli("ZADD " KEY_DUE " 1 %s", w->got[i].batch));
    f->turn = 1 - f->turn;
    f->w[f->turn]->q->worker[0]++;
    worker_ask(f->w[f->turn], &(struct queue_ask){.n = 1, .alone = alone, .parked_max = 1000});
    return f->w[f->turn];
}

static void fleet_end(struct fleet *f)
{
    for (unsigned i = 0; i < 2; i++)
        worker_free(f->w[i]);
}

static void sizes(void **state)
{
    (void)state;
    struct fleet f;
    fleet_start(&f, 5);
    push_jobs("j", 0, 9);
    worker_claim(f.w[0], 9);
    char batch[17];
    snprintf(batch, sizeof batch, "%s", f.w[0]->got[0].batch);
    /* After the second death in parts. The rest is due later. */
    static const unsigned parts[] = {9, 5, 3, 2};
    for (unsigned i = 0; i < 4; i++) {
        const struct worker *w = next_claim(&f, false);
        assert_int_equal(w->n, parts[i]);
        assert_string_equal(w->got[0].batch, batch);
        assert_int_equal(w->got[0].pos, 0);
        assert_int_equal(w->got[0].crashes, i + 1);
        assert_true(w->got[0].taken_over);
    }
    /* It has outlived five: now only alone; and the others come meanwhile, as they were left. */
    struct worker *w = next_claim(&f, false);
    assert_true(queue_suspects(w->q));
    assert_in_range(w->n, 1, 2);
    assert_in_range(w->got[0].crashes, 2, 4);
    assert_string_not_equal(w->got[0].batch, batch);
    assert_conserved(w, 9);
    worker_ask(w, &(struct queue_ask){.n = 9, .alone = true, .parked_max = 1000});
    assert_int_equal(w->n, 1);
    assert_string_equal(w->got[0].bytes, "j0");
    assert_int_equal(w->got[0].crashes, 5);
    fleet_end(&f);
}

static void all_come_again_in_parts(void **state)
{
    (void)state;
    struct fleet f;
    fleet_start(&f, 5);
    push_jobs("j", 0, 8);
    worker_claim(f.w[0], 8);
    next_claim(&f, false);
    struct worker *w = next_claim(&f, false);
    size_t claims = 0, jobs = 0;
    while (w->n) {
        claims++;
        jobs += w->n;
        for (size_t i = 0; i < w->n; i++) {
            assert_int_equal(w->got[i].crashes, 2);
            worker_end_now(
                w, &w->got[i],
                &(struct queue_end){.kind = END_SENT, .outcome = "{}", .outcome_len = 2});
        }
        worker_claim(w, 1);
    }
    assert_int_equal(jobs, 8);
    assert_int_equal(claims, 4);
    assert_conserved(w, 8);
    fleet_end(&f);
}

/* Its uid, by which its calls are known, and its first claim are those that it had. */
static void who_it_is(void **state)
{
    (void)state;
    struct fleet f;
    struct envelope env;
    struct err e;
    char uid[64];
    fleet_start(&f, 5);
    push_jobs("j", 0, 2);
    worker_claim(f.w[0], 2);
    const struct got first = f.w[0]->got[1];
    snprintf(uid, sizeof uid, "%s-1", first.batch);
    next_claim(&f, false);
    struct worker *w = next_claim(&f, false);
    assert_int_equal(w->n, 1);
    worker_claim(w, 1);
    const struct got *g = &w->got[0];
    assert_string_equal(g->bytes, "j1");
    assert_int_equal(g->pos, 1);
    assert_int_equal(g->t0_ms, first.t0_ms);
    assert_string_equal(g->digest, first.digest);
    assert_true(envelope_read(g->envelope, strlen(g->envelope), &env, &e));
    assert_string_equal(env.uid, uid);
    assert_string_equal(env.origin, uid);
    assert_int_equal(env.t0_ms, first.t0_ms);
    assert_false(env.id_given);
    envelope_free(&env);
    fleet_end(&f);
}

static void oversize_ones(void **state)
{
    (void)state;
    struct fleet f;
    char uid[64];
    fleet_start(&f, 5);
    for (unsigned i = 0; i < 2; i++)
        f.w[i]->q->opts.job_max_bytes = 10;
    push_jobs("j", 0, 1);
    freeReplyObject(cli("RPUSH " QUEUE " 0123456789a"));
    worker_claim(f.w[0], 2);
    snprintf(uid, sizeof uid, "%s-1", f.w[0]->got[1].batch);
    next_claim(&f, false);
    struct worker *w = next_claim(&f, false);
    worker_claim(w, 1);
    assert_int_equal(w->n, 1);
    assert_true(w->got[0].oversize);
    assert_int_equal(w->got[0].len, 11);
    assert_non_null(strstr(w->got[0].envelope, uid));
    worker_end_now(w, &w->got[0], &(struct queue_end){.kind = END_RETURN});
    redisReply *head = cli("LINDEX " QUEUE " 0");
    assert_string_equal(head->str, "0123456789a");
    freeReplyObject(head);
    fleet_end(&f);
}

/* Two calls of several, and two jobs that go by themselves. */
static void calls_stay_together(void **state)
{
    (void)state;
    struct fleet f;
    static struct grouping g;
    struct err e;
    fleet_start(&f, 5);
    push_jobs("j", 0, 8);
    worker_claim(f.w[0], 8);
    worker_mark(f.w[0], "2 6 P:c1:0,3,5 M:c2:1/2,7");
    struct worker *w = next_claim(&f, false);
    assert_int_equal(w->n, 8);
    w = next_claim(&f, false);
    static const char *const former[] = {"j0", "j1", "j2", "j3", "j5", "j7"};
    assert_int_equal(w->n, 6);
    for (unsigned i = 0; i < 6; i++) /* in their order */
        assert_string_equal(w->got[i].bytes, former[i]);
    assert_string_equal(w->got[0].grouping, "2 6 P:c1:0,3,5 M:c2:1/2,7");
    w = next_claim(&f, false);
    assert_int_equal(w->n, 3);
    assert_string_equal(w->got[0].grouping, "1 3 P:c1:0,3,5");
    assert_true(grouping_read(w->got[0].grouping, strlen(w->got[0].grouping), &g, &e));
    /* One call comes whole, however often. */
    w = next_claim(&f, false);
    assert_int_equal(w->n, 3);
    assert_int_equal(w->got[0].crashes, 4);
    /* The others, as their leases end. */
    bool call = false;
    for (unsigned i = 0; i < 3; i++) {
        worker_claim(w, 1);
        call |= w->n == 3 && strcmp(w->got[0].grouping, "1 3 M:c2:1/2,7") == 0;
        assert_true(w->n == 3 || (w->n == 1 && !w->got[0].grouping[0]));
    }
    assert_true(call);
    worker_claim(w, 1);
    assert_int_equal(w->n, 0);
    assert_conserved(w, 8);
    fleet_end(&f);
}

/* What killed others before it came here is not taken for more than it is while it is not alone. */
static void together_they_come_to_the_limit_only(void **state)
{
    (void)state;
    struct fleet f;
    fleet_start(&f, 3);
    for (unsigned i = 0; i < 3; i++)
        freeReplyObject(cli("RPUSH " KEY_PARKED("a") " %s", "2 0 {}"));
    worker_claim_parked(f.w[0], 3, "a", 3);
    assert_int_equal(f.w[0]->n, 3);
    unsigned most = 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct worker *w = next_claim(&f, true);
        most = w->n > 1 && w->got[0].crashes > most ? w->got[0].crashes : most;
    }
    assert_int_equal(most, 3);
    fleet_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_batch_without_room_waits, fixture_flush),
        cmocka_unit_test_setup(never_more_than_most, fixture_flush),
        cmocka_unit_test_setup(sizes, fixture_flush),
        cmocka_unit_test_setup(all_come_again_in_parts, fixture_flush),
        cmocka_unit_test_setup(who_it_is, fixture_flush),
        cmocka_unit_test_setup(oversize_ones, fixture_flush),
        cmocka_unit_test_setup(calls_stay_together, fixture_flush),
        cmocka_unit_test_setup(together_they_come_to_the_limit_only, fixture_flush),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
