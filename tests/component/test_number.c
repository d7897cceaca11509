// SPDX-License-Identifier: MIT
// Numbers that were put into Redis by somebody else than a worker: no number, out of all reason, or
// beyond what fits. What is reckoned with is repaired or cut, and nothing stands still for good.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/gauges.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/number.h"
#include "fleet/fleet_store.h"
#include "fleet/limits.h"
#include "job/envelope.h"
#include "queue/scripts.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

static const char *const hostile[] = {"nan",
                                      "-nan",
                                      "inf",
                                      "-inf",
                                      "-1",
                                      "1e308",
                                      "-1e308",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "99999999999999999999999999",
                                      "x",
                                      "0x7fffffffffffffff"};
enum { HOSTILE = sizeof hostile / sizeof hostile[0] };

/* --- what is read here ----------------------------------------------------------------------- */

static void numbers_are_bounded(void **state)
{
    (void)state;
    assert_int_equal(number_bounded(INT64_MAX), NUMBER_MAX);
    assert_int_equal(number_bounded(INT64_MIN), -NUMBER_MAX);
    assert_int_equal(number_bounded(-5), -5);
    assert_int_equal(number_read("17 and more"), 17);
    assert_int_equal(number_read("99999999999999999999999999"), NUMBER_MAX);
    assert_int_equal(number_read("nan"), 0);
    assert_int_equal(number_whole(strtod("nan", NULL)), 0);
    assert_int_equal(number_whole(strtod("1e999", NULL)), NUMBER_MAX);
    assert_int_equal(number_whole(-1e308), -NUMBER_MAX);
    assert_int_equal(number_whole(12.9), 12);
}

static void rates_are_numbers_of_calls(void **state)
{
    (void)state;
    double per_s;
    for (size_t i = 0; i < HOSTILE; i++)
        assert_false(limit_rate_read(hostile[i], &per_s));
    assert_false(limit_rate_read("", &per_s));
    assert_false(limit_rate_read("5 a second", &per_s));
    assert_false(limit_rate_read("1e-300", &per_s));
    assert_true(limit_rate_read("0", &per_s) && per_s < 0.1);
    assert_true(limit_rate_read("2.5", &per_s) && per_s > 2.4);
}

/* However the fields come, what is reckoned from them lies about now. */
static void circuits_are_cut_to_what_workers_write(void **state)
{
    (void)state;
    const int64_t now = 1700000000000;
    char text[256], failed[256];
    struct circuit_view share;
    for (size_t i = 0; i < HOSTILE; i++) {
        const char *x = hostile[i];
        snprintf(text, sizeof text, "%s %s w1 %s %s why", x, x, x, x);
        snprintf(failed, sizeof failed, "%s %s abc %s", x, x, x);
        fleet_store_read_circuit(NULL, text, failed, now, &share);
        if (!share.open)
            continue;
        assert_in_range(share.wait_ms, 0, 60000);
        assert_in_range(share.probe_at_ms, 0, now + 60000);
        assert_in_range(share.since_ms, 0, now);
        assert_in_range(share.again_ms, 0, 60000);
        assert_in_range(share.again_at_ms, 0, now + 60000);
    }
    fleet_store_read_circuit(NULL, "1000 99999999999999999999 - 0 5 why", "", now, &share);
    assert_true(share.open);
    assert_int_equal(share.probe_at_ms, now + 1000);
}

static bool reads(const char *member, const char *value)
{
    char text[256];
    struct envelope v;
    struct err e;
    snprintf(text, sizeof text, "{\"uid\":\"u\",\"%s\":%s}", member, value);
    bool ok = envelope_read(text, strlen(text), &v, &e);
    envelope_free(&v);
    return ok;
}

static void envelopes_are_refused(void **state)
{
    static const char *const members[] = {"gen",        "attempts",   "throttles",    "alone",
                                          "t0",         "refused",    "alone_passed", "alone_turns",
                                          "first_sent", "refused_at", "blamed"};
    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_false(reads(members[i], "9223372036854775807"));
        assert_false(reads(members[i], "-9223372036854775808"));
        assert_false(reads(members[i], "1e999"));
        assert_true(reads(members[i], "9007199254740992"));
    }
    assert_false(reads("failed", "[9223372036854775807]"));
}

static void ages_of_jobs(void **state)
{
    static const char *const times[] = {"9223372036854775807", "-9223372036854775808", "1e999"};
    (void)state;
    char job[64];
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        snprintf(job, sizeof job, "{\"enqueued_at\":%s}", times[i]);
        assert_int_equal(gauges_head_age_ms(job, strlen(job), 1000, 3000), 2000);
    }
}

/* --- buckets --------------------------------------------------------------------------------- */

static redisReply *ask(int want)
{
    redisReply *r = cli("EVAL %s 2 " KEY_FLOW " " KEY_CONTROL " b 100 100 %d 0 0 0 0 0 %s 0",
                        script_get(SCRIPT_FLOW)->source, want, "");
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 9)
        fail_msg("flow script: %s", r->str ? r->str : "shape");
    return r;
}

static const char *const bucket_words[] = {
    "5.0000", "1000.000", "50.0000", "0", "0", "100",   "100",   "0.0000", "0.000",
    "0.000",  "3",        "1",       "7", "0", "0.000", "0.000", "-1.000", "0.000"};
enum { BUCKET_WORDS = sizeof bucket_words / sizeof bucket_words[0] };

static void put_bucket(size_t n, size_t word, const char *value)
{
    struct buf text;
    buf_init(&text, 1024);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s%s", i ? " " : "", i == word ? value : bucket_words[i]);
    freeReplyObject(cli("HSET " KEY_FLOW " b %s", buf_text(&text)));
    buf_free(&text);
}

/* The next ask but one at the latest brings tokens, whatever stood there. */
static void assert_grants(size_t n, size_t word, const char *value)
{
    put_bucket(n, word, value);
    freeReplyObject(ask(0));
    redisReply *r = ask(1);
    if (r->element[2]->integer != 1)
        fail_msg("word %zu of %zu is %s: %lld granted, wait %lld", word, n, value,
                 r->element[2]->integer, r->element[3]->integer);
    assert_in_range(r->element[4]->integer, 0, 0); /* no rest */
    assert_in_range(r->element[5]->integer, 0, INT32_MAX);
    assert_int_equal(r->element[8]->integer, 0); /* repaired by the ask before */
    freeReplyObject(r);
}

static void buckets_are_repaired(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++)
        for (size_t word = 0; word < BUCKET_WORDS; word++) {
            if (word < 7)
                assert_grants(7, word, hostile[i]);
            assert_grants(BUCKET_WORDS, word, hostile[i]);
        }
    freeReplyObject(cli("HSET " KEY_FLOW " b %s", "none at all"));
    redisReply *r = ask(1);
    assert_int_equal(r->element[2]->integer, 1);
    assert_int_equal(r->element[8]->integer, 1);
    freeReplyObject(r);
}

/* A rate that was scaled down with a smaller limit still lets something through. */
static void a_rate_is_never_nothing(void **state)
{
    (void)state;
    put_bucket(7, 5, "10000000"); /* its rate of 50 was a 200,000th of the limit */
    freeReplyObject(ask(100));
    char *text = cli_text("HGET " KEY_FLOW " b");
    double rate;
    assert_int_equal(sscanf(text, "%*s %*s %lf", &rate), 1);
    assert_true(rate >= 0.25);
    mem_free(text);
}

/* --- what the fleet agrees on ---------------------------------------------------------------- */

static redisReply *circuit(const char *op)
{
    redisReply *r = cli("EVAL %s 1 " KEY_CONTROL " shop w1 %s 1000 30000 9000 0 why job 1000 8",
                        script_get(SCRIPT_CIRCUIT)->source, op);
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 5)
        fail_msg("circuit script: %s", r->str ? r->str : "shape");
    return r;
}

static void probes_come_whatever_stands_there(void **state)
{
    static const char *const texts[] = {"99999999999999999999 99999999999999999999 - 0 0 why",
                                        "1000 9223372036854775807 - 0 0 why",
                                        "1000 1 other 9223372036854775807 0 why"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        freeReplyObject(cli("HSET " KEY_CONTROL " circuit:shop %s failed:shop %s", texts[i],
                            "99999999999999999999 99999999999999999999 job"));
        redisReply *r = circuit("probe");
        struct circuit_view share;
        fleet_store_read_circuit(NULL, r->element[3]->str, r->element[4]->str,
                                 r->element[0]->integer, &share);
        assert_true(share.open);
        assert_in_range(share.probe_at_ms, 0, r->element[0]->integer + 60000);
        freeReplyObject(r);
        char *text = cli_text("HGET " KEY_CONTROL " circuit:shop");
        assert_null(strstr(text, "99999")); /* so that it ends */
        assert_null(strstr(text, "9223372036854775807"));
        mem_free(text);
        freeReplyObject(circuit("close"));
    }
}

static long long version_after(redisReply *r)
{
    if (r->type != REDIS_REPLY_ARRAY)
        fail_msg("script: %s", r->str);
    long long v = r->element[1]->integer;
    freeReplyObject(r);
    return v;
}

/* Each script makes it a number that grows again. */
static void the_version_is_repaired(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE; i++) {
        freeReplyObject(cli("HSET " KEY_CONTROL " v %s", hostile[i]));
        assert_true(version_after(ask(1)) > 1000000);
        freeReplyObject(cli("HSET " KEY_CONTROL " v %s", hostile[i]));
        assert_true(version_after(circuit("open")) > 1000000);
        freeReplyObject(circuit("close"));
        freeReplyObject(cli("HSET " KEY_CONTROL " v %s", hostile[i]));
        assert_true(version_after(cli("EVAL %s 1 " KEY_CONTROL " 0 pause:shop 0",
                                      script_get(SCRIPT_CONTROL)->source)) > 1000000);
        freeReplyObject(cli("HSET " KEY_CONTROL " v %s", hostile[i]));
        assert_true(version_after(cli("EVAL %s 2 " KEY_CONTROL " " KEY_WORKERS " shop w1 vote 1000",
                                      script_get(SCRIPT_VOTE)->source)) > 1000000);
    }
}

/* More fields than Lua has room for results. */
static void more_fields_than_anybody_needs(void **state)
{
    (void)state;
    freeReplyObject(cli("EVAL %s 2 " KEY_CONTROL " " KEY_APPS,
                        "for i = 1, 9000 do redis.call('HSET', KEYS[1], 'rate:' .. i, 1) "
                        "redis.call('SADD', KEYS[2], 'app' .. i) end"));
    redisReply *r = cli("EVAL %s 1 " KEY_CONTROL " -1", script_get(SCRIPT_CONTROL)->source);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, 3 + 2 * 9000);
    freeReplyObject(r);
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    assert_true(w->open_ok);
    worker_free(w);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void counters_begin_anew(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    for (size_t i = 0; i < HOSTILE; i++) {
        freeReplyObject(cli("DEL " KEY_COUNT));
        push_jobs("j", 0, 3);
        worker_claim(w, 3);
        assert_int_equal(w->n, 3);
        const char *x = hostile[i];
        freeReplyObject(
            cli("HSET " KEY_COUNT " sent %s dead %s delayed %s reclaimed %s", x, x, x, x));
        freeReplyObject(cli("HSET " KEY_BATCH " %s# %s", w->got[0].batch, x));
        const struct queue_end dead = {.kind = END_DEAD, .outcome = "dead", .outcome_len = 4};
        const struct queue_end retry = {.kind = END_RETRY, .envelope = "{}", .envelope_len = 2};
        assert_int_equal(worker_end_now(w, &w->got[0],
                                        &(struct queue_end){
                                            .kind = END_SENT, .outcome = "sent", .outcome_len = 4}),
                         QUEUE_DONE);
        assert_int_equal(worker_end_now(w, &w->got[1], &dead), QUEUE_DONE);
        assert_int_equal(worker_end_now(w, &w->got[2], &retry), QUEUE_DONE);
        assert_true(worker_count(w)->ok);
        assert_int_equal(cli_int("LLEN " LIST_RESULTS), (long long)i + 1);
        pump_until(base, (worker_claim(w, 5), w->n == 1));
        worker_sent(w, &w->got[0]);
        worker_settle(w);
        freeReplyObject(cli("LTRIM " LIST_RESULTS " 0 %d", (int)i));
        assert_int_equal(cli_int("HLEN " KEY_MEMBER), 0);
    }
    worker_free(w);
}

/* A batch whose head or count was written by somebody else holds up nobody. */
static void batches_of_any_size(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    for (size_t i = 0; i < HOSTILE; i++) {
        freeReplyObject(cli("HSET " KEY_BATCH " AAAAAAAAAAAAAAAA %s AAAAAAAAAAAAAAAA# %s",
                            "f W 9223372036854775807 0 - 99999999999 99999999999999 d",
                            hostile[i]));
        freeReplyObject(cli("HSET " KEY_MEMBER " AAAAAAAAAAAAAAAA:0 %s", "0 0 job"));
        freeReplyObject(cli("ZADD " KEY_DUE " 1 AAAAAAAAAAAAAAAA"));
        push_jobs("j", 0, 1);
        worker_claim(w, 1);
        pump_until(base, (worker_claim(w, 1), w->n == 1));
        assert_true(w->got[0].t0_ms <= w->got[0].now_ms + 24 * 3600 * 1000);
        freeReplyObject(cli("FLUSHALL"));
    }
    worker_free(w);
}

/* The guard after a restart ends, whenever Redis is said to have restarted. */
static void a_restart_in_the_future(void **state)
{
    (void)state;
    const struct queue_opts opts = fixture_opts("w1");
    struct worker *w = worker_new(&opts);
    push_jobs("j", 0, 1);
    worker_claim(w, 1);
    char *run = cli_text("GET " KEY_RUN), text[128];
    run[strcspn(run, " ")] = '\0';
    snprintf(text, sizeof text, "%.64s 99999999999999999", run);
    mem_free(run);
    freeReplyObject(cli("SET " KEY_RUN " %s", text));
    worker_claim(w, 1);
    char *now = cli_text("GET " KEY_RUN);
    assert_null(strstr(now, "99999999999999999"));
    mem_free(now);
    worker_free(w);
}

#define T(f) cmocka_unit_test_setup(f, fixture_flush)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(rates_are_numbers_of_calls),
        cmocka_unit_test(circuits_are_cut_to_what_workers_write),
        cmocka_unit_test(envelopes_are_refused),
        cmocka_unit_test(ages_of_jobs),
        T(buckets_are_repaired),
        T(a_rate_is_never_nothing),
        T(probes_come_whatever_stands_there),
        T(the_version_is_repaired),
        T(more_fields_than_anybody_needs),
        T(counters_begin_anew),
        T(batches_of_any_size),
        T(a_restart_in_the_future),
    };
    return cmocka_run_group_tests_name("number", tests, fixture_start, fixture_stop);
}
