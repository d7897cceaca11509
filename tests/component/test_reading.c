/* SPDX-License-Identifier: MIT
 * Jobs of a claim are read as the loop has time (walk, batch): on a real redis-server, on
 * a clock of which each look takes as long as the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/pipeline_core.h"
#include "support/mono_shift.h"
#include "support/stage.h"
#include "support/worker_config.h"

enum { SLICE_MS = 20 };

static const char *const fast[] = {"PUSHBRIDGE_RETRY_BASE_MS=1", "PUSHBRIDGE_RETRY_CAP_MS=1",
                                   "PUSHBRIDGE_ALIYUN_SETTLE_MS=0", "PUSHBRIDGE_QUEUE_NAMES=" QUEUE,
                                   NULL};
static const char *const remembers[] = {
    "PUSHBRIDGE_RETRY_BASE_MS=1",    "PUSHBRIDGE_RETRY_CAP_MS=1",
    "PUSHBRIDGE_ALIYUN_SETTLE_MS=0", "PUSHBRIDGE_QUEUE_NAMES=" QUEUE,
    "PUSHBRIDGE_QUEUE_DEDUP_S=900",  NULL};

/* Claims n jobs, of which nothing is read yet. */
static void take_unread(struct stage *s, unsigned n)
{
    s->reads_later = true;
    take(s, n);
    assert_int_equal(pipeline_flights(s->p), n);
    assert_int_equal(pipeline_busy(s->p), n); /* they are no room for others */
}

/* One job takes all the time of a turn. */
static bool read_one(struct stage *s)
{
    mono_step_ms = SLICE_MS;
    bool more = pipeline_read(s->p);
    mono_step_ms = 0;
    return more;
}

static void read_all(struct stage *s)
{
    while (read_one(s))
        ;
}

static void enqueue_alike(int n)
{
    for (int i = 0; i < n; i++)
        freeReplyObject(cli("RPUSH " QUEUE " {\"id\":\"a%d\",\"message\":\"m\",\"target\":"
                            "{\"account\":[\"u%d\"]}}",
                            i, i));
}

/* If one of them were read, it would end as a dead letter. */
static void enqueue_unreadable(int n)
{
    for (int i = 0; i < n; i++)
        enqueue("no JSON");
}

/* --- turns ----------------------------------------------------------------------------------- */

static void test_a_turn_has_its_time(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_unreadable(4);
    const int64_t before = metrics_get(METRIC_READS_POSTPONED);
    take_unread(&s, 4);
    for (long long n = 1; n <= 4; n++) {
        assert_int_equal(read_one(&s), n < 4);
        pump_until(base, ended() == n); /* the loop's other work is done meanwhile */
    }
    assert_int_equal(metrics_get(METRIC_READS_POSTPONED) - before, 3);
    settle(&s);
    close_stage(&s);
}

static void test_all_that_time_allows(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_unreadable(8);
    take_unread(&s, 8);
    mono_step_ms = SLICE_MS / 4;
    assert_true(pipeline_read(s.p));
    mono_step_ms = 0;
    pump_until(base, ended() > 0);
    assert_in_range(ended(), 2, 4);
    assert_false(pipeline_read(s.p)); /* these take no time */
    pump_until(base, ended() == 8);
    assert_false(pipeline_read(s.p)); /* nothing is left */
    settle(&s);
    close_stage(&s);
}

/* Several batches come with one claim. */
static void test_batches_follow_each_other(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    for (int i = 0; i < 3; i++) {
        enqueue_unreadable(2);
        s.reads_later = true;
        take(&s, 2);
    }
    int turns = 1;
    while (read_one(&s))
        turns++;
    assert_int_equal(turns, 6);
    pump_until(base, ended() == 6);
    settle(&s);
    close_stage(&s);
}

static void test_freed_unread(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_alike(3);
    take_unread(&s, 3);
    read_one(&s);
    close_stage(&s); /* nothing leaks, nothing is freed twice */
    assert_int_equal(cli_int("HLEN " K ":member"), 3);
}

/* --- what happens meanwhile ------------------------------------------------------------------ */

static void test_drain_gives_back_unread(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_alike(1);
    enqueue_unreadable(3);
    take_unread(&s, 4);
    assert_true(read_one(&s));
    pipeline_drain(s.p);
    read_all(&s);
    settle(&s);
    assert_int_equal(cli_int("LLEN " QUEUE), 3);
    assert_int_equal(cli_int("LLEN dead"), 0);
    assert_int_equal(cli_int("LLEN results"), s.provider.n);
    assert_int_equal(cli_int("EXISTS " K ":batch " K ":member " K ":due"), 0);
    close_stage(&s);
}

static void test_reload_gives_back_unread(void **state)
{
    (void)state;
    struct stage s;
    struct config other;
    open_stage(&s);
    enqueue_unreadable(3);
    take_unread(&s, 3);
    worker_config_load(&other, s.provider.port, server.port, quick, NULL);
    fleet_set_config(s.fleet, &other);
    pipeline_set_config(s.p, &other);
    read_all(&s);
    settle(&s);
    assert_int_equal(cli_int("LLEN " QUEUE), 3);
    assert_int_equal(ended(), 0);
    close_stage(&s);
    config_free(&other);
}

/* They are somebody else's now: neither read nor written. */
static void test_lost_lease_is_not_read(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_unreadable(3);
    take_unread(&s, 3);
    const int64_t before = metrics_get(METRIC_JOBS_STALE);
    freeReplyObject(cli("DEL " K ":batch"));
    queue_extend(s.w->q);
    pump_until(base, queue_lease_lost(TAILQ_FIRST(&s.w->q->leases)));
    read_all(&s);
    settle(&s);
    assert_int_equal(ended() + cli_int("LLEN " QUEUE), 0);
    assert_int_equal(metrics_get(METRIC_JOBS_STALE) - before, 3);
    assert_int_equal(s.freed, 3);
    close_stage(&s);
}

/* What its call may have been is only known to who reads it: that goes back with it. */
static void test_what_may_be_out_is_read(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_alike(1);
    s.taken_over = true;
    take_unread(&s, 1);
    pipeline_drain(s.p);
    read_all(&s);
    settle(&s);
    char *kept = cli_text("EVAL %s 1 " K ":member", "return redis.call('HVALS', KEYS[1])[1]");
    assert_non_null(strstr(kept, "\"begun\":{"));
    assert_non_null(strstr(kept, "\"calls\":[["));
    mem_free(kept);
    close_stage(&s);
}

/* --- shared calls ---------------------------------------------------------------------------- */

/* Who may share a call waits for all of the claim, whatever is looked at meanwhile. */
static void test_gathering_waits_for_all(void **state)
{
    (void)state;
    struct stage s;
    open_stage_with(&s, fast, NULL, 9000);
    for (int i = 0; i < 4; i++)
        freeReplyObject(
            cli("RPUSH " QUEUE " {\"message\":\"m\",\"target\":{\"account\":[\"u%d\"]}}", i));
    take_unread(&s, 4);
    for (int i = 0; i < 3; i++) {
        assert_true(read_one(&s));
        pipeline_tick(s.p);
    }
    assert_int_equal(s.provider.n, 0);
    assert_false(read_one(&s));
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    assert_string_equal(provider_param(&s.provider, 0, "TargetValue"), "u0,u1,u2,u3");
    close_stage(&s);
}

/* Ids are looked up as they are read; the answers start no call of half a claim. */
static void test_lookups_wait_for_all(void **state)
{
    (void)state;
    struct stage s;
    open_stage_with(&s, remembers, NULL, 9000);
    enqueue_alike(4);
    take_unread(&s, 4);
    for (int i = 0; i < 3; i++) {
        assert_true(read_one(&s));
        pump_until(base, s.p->checking == 0);
        pipeline_tick(s.p);
    }
    assert_int_equal(s.provider.n, 0);
    assert_false(read_one(&s));
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    assert_string_equal(provider_param(&s.provider, 0, "TargetValue"), "u0,u1,u2,u3");
    close_stage(&s);
}

/* The one batch's id. */
static char *batch_id(void)
{
    redisReply *all = cli("ZRANGE " K ":due 0 -1");
    assert_int_equal(all->elements, 1);
    char *id = mem_strdup(all->element[0]->str);
    freeReplyObject(all);
    return id;
}

static void make_due(void)
{
    char *id = batch_id();
    freeReplyObject(cli("ZADD " K ":due 1 %s", id));
    mem_free(id);
}

/* A worker is lost while the call of four is out. */
static void lose_a_worker(void)
{
    struct stage s;
    open_stage_with(&s, fast, NULL, 9000);
    for (int i = 0; i < 4; i++)
        freeReplyObject(
            cli("RPUSH " QUEUE " {\"message\":\"m\",\"target\":{\"account\":[\"u%d\"]}}", i));
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    take(&s, 4);
    pump_until(base, s.provider.n == 1);
    close_stage(&s);
    make_due();
}

/* All of it may be out: it is read although the worker unparks, and goes on whole. */
static void test_recorded_call_stays_whole(void **state)
{
    (void)state;
    struct stage s;
    lose_a_worker();
    open_stage_with(&s, fast, NULL, 9000);
    s.reads_later = true;
    take(&s, 4);
    assert_true(read_one(&s));
    pipeline_drain(s.p);
    read_all(&s);
    settle(&s);
    assert_int_equal(s.provider.n + ended(), 0);
    assert_int_equal(cli_int("HLEN " K ":member"), 4);
    char *batch = batch_id();
    char *grouping = cli_text("HGET " K ":batch %s!", batch);
    assert_int_equal(strncmp(grouping, "1 4 ", 4), 0);
    mem_free(grouping);
    mem_free(batch);
    close_stage(&s);
}

/* The first that is looked at ends all four, and they have left before the others' turn. */
static void test_members_end_unread(void **state)
{
    (void)state;
    struct stage s;
    lose_a_worker();
    open_stage_with(&s, fast, NULL, 9000);
    s.crashes = 6;
    s.reads_later = true;
    take(&s, 4);
    assert_true(read_one(&s));
    pump_until(base, ended() == 4 && pipeline_flights(s.p) == 0);
    read_all(&s);
    settle(&s);
    assert_int_equal(cli_int("LLEN dead"), 4);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_turn_has_its_time, fixture_flush),
        cmocka_unit_test_setup(test_all_that_time_allows, fixture_flush),
        cmocka_unit_test_setup(test_batches_follow_each_other, fixture_flush),
        cmocka_unit_test_setup(test_freed_unread, fixture_flush),
        cmocka_unit_test_setup(test_drain_gives_back_unread, fixture_flush),
        cmocka_unit_test_setup(test_reload_gives_back_unread, fixture_flush),
        cmocka_unit_test_setup(test_lost_lease_is_not_read, fixture_flush),
        cmocka_unit_test_setup(test_what_may_be_out_is_read, fixture_flush),
        cmocka_unit_test_setup(test_gathering_waits_for_all, fixture_flush),
        cmocka_unit_test_setup(test_lookups_wait_for_all, fixture_flush),
        cmocka_unit_test_setup(test_recorded_call_stays_whole, fixture_flush),
        cmocka_unit_test_setup(test_members_end_unread, fixture_flush),
    };
    return cmocka_run_group_tests_name("reading", tests, fixture_start, fixture_stop);
}
