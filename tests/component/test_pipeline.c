/* SPDX-License-Identifier: MIT
 * Claimed jobs on their way to an end (pipeline, walk, waiting, settle, trouble,
 * carry_out, replies, tally, heartbeat; queue_seen), on a real redis-server, against
 * a provider on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "support/mono_shift.h"
#include "support/stage.h"
#include "support/throttled.h"
#include "support/time_passes.h"
#include "worker/heartbeat.h"

/* The one job that waits: its envelope. */
static void read_waiting(struct envelope *v)
{
    struct err e;
    unsigned crashes;
    size_t len;
    int at = 0;
    redisReply *reply = cli("HVALS " K ":member");
    assert_int_equal(reply->elements, 1);
    const char *text = reply->element[0]->str;
    assert_int_equal(sscanf(text, "%u %zu %n", &crashes, &len, &at), 2);
    assert_true(envelope_read(text + at, len, v, &e));
    freeReplyObject(reply);
}

/* --- one call -------------------------------------------------------------------------------- */

static void test_sent(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j1", 1, ",\"meta\":{\"k\":7}");
    take(&s, 8);
    assert_int_equal(pipeline_busy(s.p), 1);
    settle(&s);
    assert_int_equal(s.freed, 1);
    json_t *o = pop("results");
    assert_string_equal(text_of(o, "status"), "sent");
    assert_string_equal(text_of(o, "id"), "j1");
    assert_string_equal(text_of(o, "worker"), "w1");
    assert_int_equal(int_of(o, "attempts"), 1);
    assert_int_equal(int_of(json_object_get(o, "meta"), "k"), 7);
    json_t *push = json_array_get(json_object_get(o, "pushes"), 0);
    assert_string_equal(text_of(push, "message_id"), "1000");
    json_decref(o);
    close_stage(&s);
}

enum place { RESULTS, DEAD, DELAYED, PARKED };

/* What each kind of reply makes of a job, after one call. */
static void test_verdicts_are_followed(void **state)
{
    (void)state;
    static const struct {
        struct provider_step step;
        enum place place;
        const char *reason;
        bool maybe_sent; /* or, while it waits: unanswered */
        int attempts, throttles;
        bool special;
    } rows[] = {
        {{0}, RESULTS, "", false, 1, 0, false},
        {{.status = 400, .code = "InvalidTitle.LengthExceed"},
         DEAD,
         "provider_rejected",
         false,
         1,
         0,
         false},
        {{.status = 400, .code = "NeverHeardOf"}, DEAD, "provider_rejected", false, 1, 0, false},
        {{.status = 503, .code = "ServiceUnavailable"}, DELAYED, "", true, 1, 0, false},
        {{.body = "{\"Mess"}, DELAYED, "", true, 1, 0, false},
        {{.does = PROVIDER_CLOSES}, DELAYED, "", true, 1, 0, false},
        {{.status = 400, .code = "Throttling.User"}, DELAYED, "", false, 0, 1, false},
        {{.status = 400, .code = "SignatureNonceUsed"}, DELAYED, "", true, 0, 0, true},
        {{.status = 400, .code = "InvalidTimeStamp.Expired"}, DELAYED, "", false, 0, 0, true},
        {{.status = 404, .code = "InvalidAccessKeyId.NotFound"}, PARKED, "", false, 0, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        fixture_flush(NULL);
        open_stage_with(&s, NULL, NULL, 9000); /* default pauses: nothing is due again soon */
        enqueue("{\"id\":\"j\",\"message\":\"m\",\"school\":\"s\"}");
        provider_script(&s.provider, rows[i].step);
        take(&s, 8);
        settle(&s);
        assert_int_equal(s.provider.n, 1);
        const struct queue_counts *c = worker_count(s.w);
        const int64_t found[] = {c->results, c->dead_list, c->delayed, c->parked};
        for (int place = RESULTS; place <= PARKED; place++)
            if (found[place] != (place == (int)rows[i].place))
                fail_msg("row %zu: %lld at place %d", i, (long long)found[place], place);
        if (rows[i].place == DEAD) {
            json_t *o = pop("dead");
            assert_string_equal(text_of(o, "reason"), rows[i].reason);
            assert_int_equal(json_is_true(json_object_get(o, "maybe_sent")), rows[i].maybe_sent);
            assert_int_equal(int_of(o, "attempts"), rows[i].attempts);
            assert_string_equal(text_of(json_object_get(o, "error"), "code"), rows[i].step.code);
            json_decref(o);
        }
        if (rows[i].place == DELAYED) {
            struct envelope v;
            read_waiting(&v);
            assert_int_equal(v.attempts, rows[i].attempts);
            assert_int_equal(v.throttles, rows[i].throttles);
            assert_int_equal(v.special_used, rows[i].special);
            assert_int_equal(v.unanswered, rows[i].maybe_sent);
            assert_true(v.first_sent_ms > 0);
            assert_string_equal(v.digest, rows[i].maybe_sent ? s.config.digest : "");
            envelope_free(&v);
        }
        close_stage(&s);
    }
}

/* A clock that ticks between two looks at it is no reason to wait. */
static void test_the_clock_ticks(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    mono_step_ms = 1;
    enqueue("{\"id\":\"j\",\"message\":\"m\",\"school\":\"s\"}");
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    assert_int_equal(cli_int("LLEN results"), 1);
    close_stage(&s);
}

/* I3(c): an unanswered call is not repeated before it has settled, and its time is not over because
 * its connection is. */
static void test_unanswered_waits_for_settling(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_RETRY_BASE_MS=1", "PUSHBRIDGE_RETRY_CAP_MS=1",
                                       "PUSHBRIDGE_ALIYUN_SETTLE_MS=3000",
                                       "PUSHBRIDGE_ALIYUN_TIMEOUT_MS=4000", NULL};
    /* What is left of the call's time, where it may go on; clocks are cut to ms. */
    static const struct {
        struct provider_step step;
        int64_t least, most;
    } cases[] = {
        {{.does = PROVIDER_CLOSES}, 5500, 7010},
        {{.status = 502, .body = "<html>bad gateway</html>"}, 5500, 7010},
        {{.status = 500, .code = "Timeout"}, 5500, 7010},
        {{.status = 500, .code = "InternalError"}, 2000, 3010},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stage s;
        assert_int_equal(fixture_flush(NULL), 0);
        open_stage_with(&s, vars, NULL, 9000);
        enqueue_accounts("j", 1, "");
        provider_script(&s.provider, cases[i].step);
        take(&s, 8);
        settle(&s);
        redisReply *due = cli("ZRANGE " K ":due 0 -1 WITHSCORES");
        int64_t at_ms = atoll(due->element[1]->str), now_ms = worker_count(s.w)->now_ms;
        assert_in_range(at_ms - now_ms, cases[i].least, cases[i].most);
        freeReplyObject(due);
        close_stage(&s);
    }
}

static void test_attempts_end(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 1, "");
    s.provider.otherwise = (struct provider_step){.status = 503, .code = "ServiceUnavailable"};
    run_until_ended(&s, 1);
    assert_int_equal(s.provider.n, 3);
    for (size_t i = 1; i < 3; i++)
        assert_string_equal(provider_param(&s.provider, i, "IdempotentToken"),
                            provider_param(&s.provider, 0, "IdempotentToken"));
    json_t *o = pop("dead");
    assert_string_equal(text_of(o, "reason"), "retries_exhausted");
    assert_int_equal(int_of(o, "attempts"), 3);
    assert_true(json_is_true(json_object_get(o, "maybe_sent")));
    json_decref(o);
    close_stage(&s);
}

static void make_due(void)
{
    static const char all[] = "for _, b in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                              "redis.call('ZADD', KEYS[1], 1, b) end";
    freeReplyObject(cli("EVAL %s 1 " K ":due", all));
}

static void test_throttling_costs_no_attempt(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 1, "");
    for (int i = 0; i < 5; i++)
        provider_script(&s.provider, (struct provider_step){.status = 400,
                                                            .code = "Throttling.User",
                                                            .header = "x-acs-retry-after",
                                                            .value = "1"});
    /* its own back-off is longer than the test: make what waits due */
    for (size_t i = 0; i < 5; i++) {
        pump_until(base, claims_on(&s) && s.provider.n > i);
        settle(&s);
        assert_int_equal(s.provider.n, i + 1);
        make_due(); /* one job says nothing of its account, which goes on */
        assert_int_equal(worker_count(s.w)->parked, 0);
    }
    run_until_ended(&s, 1);
    json_t *o = pop("results");
    assert_int_equal(int_of(o, "attempts"), 1);
    json_decref(o);
    close_stage(&s);
}

static void script_throttled(struct stage *s, const char *after_ms)
{
    provider_script(&s->provider, (struct provider_step){.status = 400,
                                                         .code = "Throttling.User",
                                                         .header = "x-acs-retry-after",
                                                         .value = after_ms});
}

/* Two different jobs, and none went through between them: then nobody calls. */
static void test_two_jobs_are_the_accounts(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("a", 1, "");
    enqueue_accounts("b", 1, "");
    script_throttled(&s, "600000");
    script_throttled(&s, "600000");
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 2);
    enqueue_accounts("c", 1, "");
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 2);
    assert_int_equal(worker_count(s.w)->parked, 1);
    close_stage(&s);
}

static void send_others(struct stage *s, int n)
{
    long long before = ended();
    for (int i = 0; i < n; i++) {
        char id[40];
        snprintf(id, sizeof id, "o%lld-%d", before, i);
        enqueue_accounts(id, 1, "");
    }
    run_until_ended(s, before + n);
}

/* What is throttled while others go through is its own doing in the end. */
static void test_one_that_is_always_throttled_ends(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("culprit", 1, "");
    for (int i = 0; i < 5; i++) {
        size_t n = s.provider.n;
        script_throttled(&s, "1");
        pump_until(base, claims_on(&s) && s.provider.n == n + 1);
        settle(&s);
        send_others(&s, 20);
        assert_int_equal(cli_int("LLEN dead"), 0);
        make_due();
    }
    script_throttled(&s, "1");
    run_until_ended(&s, 101);
    json_t *o = pop("dead");
    assert_string_equal(text_of(o, "id"), "culprit");
    assert_string_equal(text_of(o, "reason"), "retries_exhausted");
    assert_int_equal(int_of(o, "attempts"), 0);
    json_decref(o);
    close_stage(&s);
}

static void test_refused_without_a_call(void **state)
{
    (void)state;
    static const struct {
        const char *job, *reason;
    } rows[] = {
        {"{", "invalid_json"},
        {"{\"code\":\"nope\",\"school\":\"s\"}", "unknown_template"},
        {"{\"message\":\"m\",\"target\":{\"tag\":\"\"}}", "invalid_target"},
        {"{\"message\":\"m\",\"school\":\"s\",\"app\":\"shop\"}", "invalid_job"},
        {"{\"message\":\"m\",\"school\":\"s\",\"push\":{\"Colour\":\"red\"}}", "invalid_job"},
        {"{\"message\":\"m\",\"school\":\"s\",\"expire_at\":\"2020-01-01T00:00:00Z\"}", "expired"},
    };
    struct stage s;
    open_stage(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enqueue(rows[i].job);
        run_until_ended(&s, 1);
        json_t *o = pop("dead");
        assert_string_equal(text_of(o, "reason"), rows[i].reason);
        assert_string_equal(text_of(o, "job"), rows[i].job);
        assert_false(json_is_true(json_object_get(o, "maybe_sent")));
        json_decref(o);
    }
    assert_int_equal(s.provider.n, 0);
    close_stage(&s);
}

static void test_oversize(void **state)
{
    (void)state;
    struct stage s;
    char *job = malloc(2001), *uid = NULL;
    memset(job, 'x', 2000);
    job[2000] = '\0';
    open_stage(&s);
    enqueue(job); /* over the fixture's 1,000 bytes */
    run_until_ended(&s, 1);
    json_t *o = pop("dead");
    assert_string_equal(text_of(o, "reason"), "invalid_job");
    assert_memory_equal(text_of(o, "job_ref"), K ":oversize ", strlen(K ":oversize "));
    assert_string_equal(text_of(o, "job_ref") + strlen(K ":oversize "), text_of(o, "id"));
    uid = cli_text("HGET " K ":oversize %s", text_of(o, "id"));
    assert_string_equal(uid, job); /* whole, where the reference says */
    mem_free(uid);
    json_decref(o);
    free(job);
    close_stage(&s);
}

static void test_unreadable_envelope_starts_afresh(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    s.envelope = "{\"uid\":";
    enqueue_accounts("j", 1, "");
    run_until_ended(&s, 1);
    json_t *o = pop("results");
    assert_string_equal(text_of(o, "id"), "j");
    json_decref(o);
    close_stage(&s);
}

/* --- parts ----------------------------------------------------------------------------------- */

static void test_parts_one_after_the_other(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 3, "");
    run_until_ended(&s, 1);
    assert_int_equal(s.provider.n, 3);
    assert_int_equal(s.provider.held_most, 1);
    json_t *o = pop("results"), *pushes = json_object_get(o, "pushes");
    for (size_t i = 0; i < 3; i++) {
        char want[8];
        snprintf(want, sizeof want, "u%zu", i);
        assert_string_equal(provider_param(&s.provider, i, "TargetValue"), want);
        assert_int_equal(int_of(json_array_get(pushes, i), "part"), i);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(provider_param(&s.provider, i, "IdempotentToken"),
                                    provider_param(&s.provider, k, "IdempotentToken"));
    }
    json_decref(o);
    close_stage(&s);
}

static void test_a_part_is_refused(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 3, "");
    script(&s, 0, NULL);
    script(&s, 400, "InvalidTargetValue.Format");
    run_until_ended(&s, 1);
    assert_int_equal(s.provider.n, 2); /* the third is not tried */
    json_t *o = pop("dead"), *pushes = json_object_get(o, "pushes");
    assert_string_equal(text_of(o, "reason"), "provider_rejected");
    assert_false(json_is_true(json_object_get(o, "maybe_sent")));
    assert_int_equal(json_array_size(pushes), 1);
    assert_int_equal(int_of(json_array_get(pushes, 0), "part"), 0);
    json_decref(o);
    close_stage(&s);
}

/* Only the part that failed is repeated, with its token, and its sisters' calls are not its
 * failures. */
static void test_a_part_is_repeated(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 3, "");
    script(&s, 0, NULL);
    script(&s, 503, "ServiceUnavailable");
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_CLOSES});
    run_until_ended(&s, 1);
    static const char *const order[] = {"u0", "u1", "u1", "u1", "u2"};
    assert_int_equal(s.provider.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(provider_param(&s.provider, i, "TargetValue"), order[i]);
    assert_string_equal(provider_param(&s.provider, 1, "IdempotentToken"),
                        provider_param(&s.provider, 3, "IdempotentToken"));
    json_t *o = pop("results");
    assert_int_equal(json_array_size(json_object_get(o, "pushes")), 3);
    assert_int_equal(int_of(o, "attempts"), 5);
    json_decref(o);
    close_stage(&s);
}

/* --- duplicates by producers ----------------------------------------------------------------- */

static void test_duplicates(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_DEDUP_S=60", "PUSHBRIDGE_RETRY_BASE_MS=1",
                                       "PUSHBRIDGE_RETRY_CAP_MS=1", "PUSHBRIDGE_ALIYUN_SETTLE_MS=0",
                                       NULL};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    script(&s, 503, "ServiceUnavailable"); /* a repeat of its own is none */
    enqueue_accounts("a", 1, "");
    run_until_ended(&s, 1);
    assert_int_equal(s.provider.n, 2);
    enqueue_accounts("a", 1, ",\"meta\":{\"again\":1}");
    enqueue_accounts("b", 1, "");
    enqueue("{\"message\":\"m\",\"school\":\"s\"}"); /* without an id there is nothing to compare */
    enqueue("{\"message\":\"m\",\"school\":\"s\"}");
    run_until_ended(&s, 5);
    assert_int_equal(s.provider.n, 5);
    int duplicates = 0;
    for (int i = 0; i < 5; i++) {
        json_t *o = pop("results");
        if (strcmp(text_of(o, "status"), "duplicate") == 0) {
            duplicates++;
            assert_string_equal(text_of(o, "id"), "a");
            assert_int_equal(int_of(json_object_get(o, "meta"), "again"), 1);
        }
        json_decref(o);
    }
    assert_int_equal(duplicates, 1);
    assert_int_equal(cli_int("HGET " K ":count duplicate"), 1);
    close_stage(&s);
}

/* --- crashes (I4), ambiguity (I3) ------------------------------------------------------------ */

static void test_poison(void **state)
{
    (void)state;
    static const struct {
        unsigned crashes;
        bool dead;
    } rows[] = {{4, false}, {5, false}, {6, true}}; /* at the limit it is tried alone once */
    struct stage s;
    open_stage(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t calls = s.provider.n;
        enqueue_accounts("j", 1, "");
        s.crashes = rows[i].crashes;
        take(&s, 1);
        settle(&s);
        json_t *o = pop(rows[i].dead ? "dead" : "results");
        assert_int_equal(int_of(o, "crashes"), rows[i].crashes);
        assert_string_equal(text_of(o, "reason"), rows[i].dead ? "poison" : "");
        assert_int_equal(s.provider.n - calls, !rows[i].dead);
        json_decref(o);
    }
    close_stage(&s);
}

static void test_suspects_are_taken_singly(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("a", 1, "");
    enqueue_accounts("b", 1, "");
    s.crashes = 5;
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 0);
    assert_int_equal(worker_count(s.w)->delayed, 2);
    assert_int_equal(cli_int("ZCARD " K ":due"), 2); /* each a batch of its own */
    s.crashes = 0;                                   /* Redis has kept the five */
    run_until_ended(&s, 2);
    assert_int_equal(s.provider.n, 2);
    json_t *o = pop("results");
    assert_int_equal(int_of(o, "crashes"), 5);
    json_decref(o);
    close_stage(&s);
}

/* Taken over from a holder that may have sent: the same token under the same configuration, and
 * the app's policy under another. */
static void test_taken_over(void **state)
{
    (void)state;
    static const struct {
        const char *digest, *file;
        int calls;
        const char *reason;
    } rows[] = {
        {NULL, NULL, 1, NULL},
        {"fedcba9876543210", NULL, 0, "ambiguous"},
        {"fedcba9876543210", "apps = ( { name = \"default\"; ambiguous = \"resend\"; } );", 1,
         NULL},
    };
    char first[64] = "";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        fixture_flush(NULL);
        open_stage_with(&s, quick, rows[i].file, 9000);
        enqueue_accounts("j", 1, "");
        s.taken_over = true;
        s.digest = rows[i].digest ? rows[i].digest : s.config.digest;
        run_until_ended(&s, 1);
        assert_int_equal(s.provider.n, rows[i].calls);
        json_t *o = pop(rows[i].reason ? "dead" : "results");
        assert_string_equal(text_of(o, "reason"), rows[i].reason ? rows[i].reason : "");
        assert_int_equal(json_is_true(json_object_get(o, "maybe_sent")), rows[i].reason != NULL);
        json_decref(o);
        if (i == 0)
            snprintf(first, sizeof first, "%s", provider_param(&s.provider, 0, "IdempotentToken"));
        if (i == 2) /* another push, so another token */
            assert_string_not_equal(provider_param(&s.provider, 0, "IdempotentToken"), first);
        close_stage(&s);
    }
}

/* --- circuits (I5) --------------------------------------------------------------------------- */

static bool probe_due(const struct stage *s)
{
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    size_t n = pipeline_probes(s->p, 8, unparks);
    if (!n)
        return false;
    assert_int_equal(n, 1);
    assert_int_equal(unparks[0].limit, pipeline_circuit_at(s->p, 0)->failed.n + 1);
    assert_string_equal(unparks[0].app, "default");
    return true;
}

/* Its time has come, and the fleet has said that it is this worker's. */
static void await_probe(struct stage *s)
{
    pump_until(base, cli_int("HEXISTS " K ":control circuit:default") == 1);
    time_passes(1000);
    pump_until(base, probe_due(s));
}

/* Of several workers with one fault none takes the probes before one that is well. */
static void test_whose_fault_it_may_be_goes_behind(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        bool another, behind;
    } rows[] = {
        {"InvalidAccessKeyId.NotFound", true, true},
        {"InvalidAccessKeyId.NotFound", false, false}, /* there is nobody to go first */
        {"AccountDisabled", true, false},              /* the provider's own word */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        fixture_flush(NULL);
        open_stage(&s);
        if (rows[i].another)
            freeReplyObject(cli("ZADD " K ":workers 99999999999999 another"));
        queue_extend(s.w->q);
        pump_until(base, queue_workers(s.w->q) == 1 + rows[i].another);
        script(&s, 404, rows[i].code);
        enqueue_accounts("j", 1, "");
        take(&s, 1);
        settle(&s);
        assert_int_equal(pipeline_circuit_at(s.p, 0)->behind, rows[i].behind);
        close_stage(&s);
    }
}

static void test_circuit(void **state)
{
    (void)state;
    struct stage s;
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    open_stage(&s);
    script(&s, 404, "InvalidAccessKeyId.NotFound"); /* opens at once */
    enqueue_accounts("j", 1, "");
    enqueue_accounts("k", 1, "");
    enqueue_accounts("l", 1, "");
    take(&s, 1);
    settle(&s);
    assert_true(pipeline_all_open(s.p));
    assert_int_equal(pipeline_drainable(s.p, 8, unparks), 0);
    assert_int_equal(pipeline_probes(s.p, 8, unparks), 0);
    take(&s, 8); /* others are parked without a call */
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    assert_int_equal(worker_count(s.w)->parked, 3);

    await_probe(&s); /* which fails too */
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 2);
    assert_int_equal(worker_count(s.w)->parked, 3);

    time_passes(1000); /* the next one waits twice as long */
    circuits_tick(fleet_circuits(s.fleet));
    assert_false(circuit_wants_lease(pipeline_circuit_at(s.p, 0), clock_mono_ms()));
    await_probe(&s);
    run_until_ended(&s, 3); /* it is sent, which closes the circuit, and the others follow */
    assert_int_equal(s.provider.n, 5);
    assert_false(pipeline_all_open(s.p));
    for (int i = 0; i < 3; i++) {
        json_t *o = pop("results");
        assert_int_equal(int_of(o, "attempts"), 1); /* what the trouble cost is refunded */
        json_decref(o);
    }
    close_stage(&s);
}

/* One probe at a time, also when several jobs are there; one that needs no call gives it back. */
static void test_one_probe_at_a_time(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    enqueue_accounts("j", 1, "");
    take(&s, 1);
    settle(&s);
    freeReplyObject(cli("DEL " K ":parked:default"));
    await_probe(&s);
    enqueue_accounts("x", 1, ",\"expire_at\":\"2020-01-01T00:00:00Z\"");
    take(&s, 1);
    settle(&s);
    assert_int_equal(cli_int("LLEN dead"), 1); /* the probe's turn was not used up by it */
    pump_until(base, probe_due(&s));
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    for (int i = 0; i < 4; i++)
        enqueue_accounts("y", 1, "");
    take(&s, 8);
    pump_until(base, s.provider.n == 2 && worker_count(s.w)->parked == 3);
    assert_false(probe_due(&s));
    provider_release_all(&s.provider);
    run_until_ended(&s, 5);
    close_stage(&s);
}

/* It is claimed for a probe, is let through, and finds no token: the next one may be the probe. */
static void park_a_probe(struct stage *s)
{
    const size_t calls = s->provider.n;
    throttle_account(fleet_limits(s->fleet), 0, LIMIT_PUSH, 600000);
    enqueue_accounts("x", 1, "");
    take(s, 1);
    settle(s);
    assert_int_equal(s->provider.n, calls);
    assert_int_equal(worker_count(s->w)->parked, 1);
}

static void test_a_probe_is_given_back(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    enqueue_accounts("j", 1, "");
    take(&s, 1);
    settle(&s);
    freeReplyObject(cli("DEL " K ":parked:default"));
    await_probe(&s);
    park_a_probe(&s);
    assert_int_equal(pipeline_circuit_at(s.p, 0)->state, CIRCUIT_OPEN);
    pump_until(base, probe_due(&s));
    close_stage(&s);
}

/* Likewise of an app that is held for this worker's own trouble. */
static void test_an_own_probe_is_given_back(void **state)
{
    (void)state;
    struct stage s;
    const struct own_trip how = {"certificate", "told so", 0, 7};
    open_stage(&s);
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1000000000000000 another"));
    struct own_trouble *own = fleet_own(s.fleet);
    own_trip(own, 0, &how, clock_mono_ms());
    pump_until(base, own_why(own, 0));
    time_passes(1000);
    assert_true(own_probe_due(own, clock_mono_ms()));
    park_a_probe(&s);
    assert_true(own_holds(own, 0));
    assert_true(own_probe_due(own, clock_mono_ms()));
    close_stage(&s);
}

static void test_a_row_of_failures_opens(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    s.provider.otherwise = (struct provider_step){.status = 503, .code = "ServiceUnavailable"};
    int64_t opened = metrics_get(METRIC_CIRCUIT_OPENED);
    for (int i = 0; i < 8; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        enqueue_accounts(id, 1, "");
    }
    pump_until(base, claims_on(&s) && pipeline_all_open(s.p));
    settle(&s);
    assert_int_equal(metrics_get(METRIC_CIRCUIT_OPENED) - opened, 1);
    assert_int_equal(ended(), 0);
    s.provider.otherwise = (struct provider_step){0};
    await_probe(&s);
    run_until_ended(&s, 8);
    assert_int_equal(cli_int("LLEN results"), 8); /* nobody died of it */
    close_stage(&s);
}

/* --- tokens ---------------------------------------------------------------------------------- */

/* The first call has to wait for its token; a job that is set aside for want of one is left out. */
static void test_waits_for_tokens_are_timed(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    const int64_t before = metrics_get(METRIC_FLOW_WAIT_TIME);
    enqueue_accounts("j1", 1, "");
    take(&s, 8);
    settle(&s);
    assert_int_equal(metrics_get(METRIC_FLOW_WAIT_TIME), before + 1);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_PUSH, 600000);
    enqueue_accounts("j2", 1, "");
    take(&s, 8);
    settle(&s);
    assert_int_equal(worker_count(s.w)->parked, 1);
    assert_int_equal(s.provider.n, 1);
    assert_int_equal(metrics_get(METRIC_FLOW_WAIT_TIME), before + 1);
    close_stage(&s);
}

/* --- leases ---------------------------------------------------------------------------------- */

/* 2,000 ms of lease, and a call needs 1,000 of them. HTTP keeps its own, longer limit. */
static void open_short(struct stage *s)
{
    open_stage_with(s, quick, NULL, 2000);
    s->config.timeout_ms = 900;
    s->config.settle_ms = 100;
}

static bool too_late(const struct stage *s)
{
    const struct queue_lease *lease = TAILQ_FIRST(&s->w->q->leases);
    return !queue_lease_safe(lease, clock_boot_ms(), 1000);
}

/* Part 0 is out and its answer comes when the lease is too short for part 1. */
static void hold_second_part(struct stage *s)
{
    open_short(s);
    enqueue_accounts("j", 2, "");
    provider_script(&s->provider, (struct provider_step){.does = PROVIDER_HOLDS});
    take(s, 8);
    pump_until(base, s->provider.n == 1);
    pump_until(base, too_late(s));
    provider_release_all(&s->provider);
    pump_until(base, sender_in_flight(s->sender) == 0);
    pipeline_tick(s->p);
    assert_int_equal(s->provider.n, 1);
    assert_int_equal(pipeline_busy(s->p), 1);
}

static void test_held_until_extended(void **state)
{
    (void)state;
    struct stage s;
    hold_second_part(&s);
    queue_extend(s.w->q);
    pump_until(base, !too_late(&s));
    assert_int_equal(s.provider.n, 1); /* the tick looks again */
    pipeline_tick(s.p);
    pump_until(base, s.provider.n == 2);
    settle(&s);
    assert_int_equal(cli_int("LLEN results"), 1);
    close_stage(&s);
}

static void test_held_goes_back_on_drain(void **state)
{
    (void)state;
    struct stage s;
    struct envelope v;
    hold_second_part(&s);
    pipeline_drain(s.p);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    read_waiting(&v);
    assert_int_equal(v.npushes, 1); /* part 0 is not forgotten */
    assert_int_equal(v.unanswered, 0);
    envelope_free(&v);
    close_stage(&s);
}

/* A probe opens the way for one call, not for all parts of its job. */
static void test_a_probes_other_parts_ask_again(void **state)
{
    (void)state;
    struct stage s;
    open_short(&s);
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    enqueue_accounts("j", 2, "");
    take(&s, 1);
    settle(&s);
    await_probe(&s);
    pump_until(base, clock_mono_ms() >= pipeline_circuit_at(s.p, 0)->failed.at_ms);
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    take(&s, 1);
    pump_until(base, s.provider.n == 2); /* the probe: its part 0 */
    pump_until(base, too_late(&s));
    provider_release_all(&s.provider);
    pump_until(base, sender_in_flight(s.sender) == 0);
    assert_false(pipeline_all_open(s.p));
    script(&s, 404, "InvalidProduct.NotFound"); /* another job opens it again */
    enqueue_accounts("k", 1, "");
    take(&s, 1);
    pump_until(base, pipeline_all_open(s.p));
    queue_extend(s.w->q);
    pump_until(base, !too_late(&s));
    pipeline_tick(s.p);
    settle(&s);
    assert_int_equal(s.provider.n, 3);
    assert_int_equal(worker_count(s.w)->parked, 2);
    close_stage(&s);
}

/* Another worker has the job: what this one knows comes too late, and nothing is written. Whether
 * a part is left to send, which is not for this worker any more, or not. */
static void stale(int parts)
{
    struct stage s;
    struct queue_opts opts = fixture_opts("w2");
    open_stage_with(&s, quick, NULL, 1500);
    s.config.timeout_ms = 100;
    enqueue_accounts("j", parts, ",\"reply_to\":\"push:reply:1\"");
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    take(&s, 8);
    pump_until(base, s.provider.n == 1);
    struct worker *other = worker_new(&opts);
    pump_until(base, worker_claim(other, 1) >= 0 && other->n == 1);
    assert_true(other->got[0].taken_over);
    int64_t before = metrics_get(METRIC_JOBS_STALE);
    provider_release_all(&s.provider);
    pump_until(base, sender_in_flight(s.sender) == 0);
    queue_extend(s.w->q); /* learns it, if the finish has not */
    pump_until(base, idle(&s) || queue_lease_lost(TAILQ_FIRST(&s.w->q->leases)));
    pipeline_tick(s.p);
    settle(&s);
    assert_int_equal(metrics_get(METRIC_JOBS_STALE) - before, 1);
    assert_int_equal(s.provider.n, 1);
    assert_int_equal(s.freed, 1);
    assert_int_equal(ended(), 0);
    assert_int_equal(cli_int("EXISTS push:reply:1"), 0);
    assert_int_equal(cli_int("HLEN " K ":member"), 1);
    worker_free(other);
    close_stage(&s);
}

static void test_stale(void **state)
{
    (void)state;
    stale(1);
    fixture_flush(NULL);
    stale(2);
}

/* --- going back, reply_to, the end ----------------------------------------------------------- */

static void test_drain_gives_back_raw_bytes(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_CONCURRENCY=1", NULL};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    static const char *const jobs[] = {"{\"message\":\"m\" ,\"school\":\"s\"}",
                                       "{\"message\":\"n\" ,\"school\":\"s\"}",
                                       "{\"message\":\"o\" ,\"school\":\"s\"}"};
    for (int i = 0; i < 3; i++)
        enqueue(jobs[i]);
    take(&s, 8);
    pump_until(base, s.provider.n == 1);
    assert_int_equal(pipeline_flights(s.p), 3); /* two wait for the one call slot */
    pipeline_drain(s.p);
    pump_until(base, pipeline_flights(s.p) == 1);
    for (int i = 1; i < 3; i++) { /* to the head, in their order, byte for byte */
        char *bytes = cli_text("LINDEX " QUEUE " %d", i - 1);
        assert_string_equal(bytes, jobs[i]);
        mem_free(bytes);
    }
    provider_release_all(&s.provider); /* what was on the wire still counts */
    settle(&s);
    assert_int_equal(cli_int("LLEN results"), 1);
    assert_int_equal(s.provider.n, 1);
    close_stage(&s);
}

static void test_calls_within_the_window(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_CONCURRENCY=2", NULL};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    s.provider.otherwise = (struct provider_step){.does = PROVIDER_HOLDS};
    for (int i = 0; i < 6; i++)
        enqueue_accounts("j", 1, "");
    take(&s, 6);
    pump_until(base, s.provider.n == 2);
    pipeline_tick(s.p);
    for (size_t i = 0; i < 6; i++) {
        pump_until(base, s.provider.n > i);
        provider_release(&s.provider, i, (struct provider_step){0});
    }
    settle(&s);
    assert_int_equal(s.provider.held_most, 2);
    assert_int_equal(cli_int("LLEN results"), 6);
    close_stage(&s);
}

static void test_reply_to(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue("{\"id\":\"ok\",\"message\":\"m\",\"school\":\"s\",\"reply_to\":\"push:reply:1\"}");
    enqueue("{\"id\":\"bad\",\"colour\":1,\"reply_to\":\"push:reply:2\"}");
    enqueue("{\"id\":\"not\",\"message\":\"m\",\"school\":\"s\",\"reply_to\":\"push:jobs\"}");
    run_until_ended(&s, 3);
    pump_until(base, cli_int("TTL push:reply:1") > 0 && cli_int("TTL push:reply:2") > 0);
    assert_in_range(cli_int("TTL push:reply:1"), 290, 300);
    json_t *o = pop("push:reply:1");
    assert_string_equal(text_of(o, "id"), "ok");
    assert_string_equal(text_of(o, "status"), "sent");
    json_decref(o);
    o = pop("push:reply:2");
    assert_string_equal(text_of(o, "status"), "dead");
    assert_string_equal(text_of(o, "reason"), "invalid_job");
    json_decref(o);
    assert_int_equal(cli_int("EXISTS push:jobs"), 0); /* not a list that a job may write to */
    close_stage(&s);
}

static void heartbeat(struct heartbeat *h, struct stage *s, int64_t mono_ms, json_t **out)
{
    struct buf b;
    buf_init(&b, 4096);
    heartbeat_write(h, s->p, ",\"more\":1", mono_ms, &b);
    *out = json_loads(buf_text(&b), 0, NULL);
    assert_non_null(*out);
    buf_free(&b);
}

/* What the heartbeat says: the rate is that of the last 5 to 10 seconds. */
static void test_heartbeat(void **state)
{
    (void)state;
    struct stage s;
    struct heartbeat h;
    json_t *o;
    open_stage(&s);
    heartbeat_init(&h, 77, 1000);
    h.before_sent = h.since_sent = metrics_get(METRIC_JOBS_SENT);
    heartbeat(&h, &s, 1000, &o);
    assert_int_equal(int_of(o, "started"), 77);
    assert_true(json_real_value(json_object_get(o, "rate")) < 0.05);
    assert_null(json_object_get(o, "circuits"));
    json_decref(o);
    for (int i = 0; i < 5; i++)
        enqueue_accounts("j", 1, "");
    run_until_ended(&s, 5);
    heartbeat(&h, &s, 6000, &o); /* five in five seconds */
    assert_int_equal(int_of(o, "sent"), metrics_get(METRIC_JOBS_SENT));
    assert_int_equal(int_of(o, "in_flight"), 0);
    assert_true(json_real_value(json_object_get(o, "rate")) > 0.95);
    json_decref(o);
    heartbeat(&h, &s, 11000, &o); /* none since */
    assert_true(json_real_value(json_object_get(o, "rate")) < 0.05);
    json_decref(o);
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    enqueue_accounts("k", 1, "");
    take(&s, 1);
    settle(&s);
    heartbeat(&h, &s, 11000, &o);
    assert_non_null(json_object_get(o, "circuits"));
    json_decref(o);
    close_stage(&s);
}

/* Without a word to Redis: the lease runs out and the job is another worker's. */
static void test_free_with_a_call_out(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s);
    enqueue_accounts("j", 1, "");
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    take(&s, 8);
    pump_until(base, s.provider.n == 1);
    const struct queue_counts *c = worker_count(s.w);
    assert_int_equal(c->leased, 1);
    close_stage(&s);
    assert_int_equal(cli_int("HLEN " K ":member"), 1);
    assert_int_equal(ended(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sent, fixture_flush),
        cmocka_unit_test_setup(test_verdicts_are_followed, fixture_flush),
        cmocka_unit_test_setup(test_the_clock_ticks, fixture_flush),
        cmocka_unit_test_setup(test_unanswered_waits_for_settling, fixture_flush),
        cmocka_unit_test_setup(test_attempts_end, fixture_flush),
        cmocka_unit_test_setup(test_throttling_costs_no_attempt, fixture_flush),
        cmocka_unit_test_setup(test_two_jobs_are_the_accounts, fixture_flush),
        cmocka_unit_test_setup(test_one_that_is_always_throttled_ends, fixture_flush),
        cmocka_unit_test_setup(test_refused_without_a_call, fixture_flush),
        cmocka_unit_test_setup(test_oversize, fixture_flush),
        cmocka_unit_test_setup(test_unreadable_envelope_starts_afresh, fixture_flush),
        cmocka_unit_test_setup(test_parts_one_after_the_other, fixture_flush),
        cmocka_unit_test_setup(test_a_part_is_refused, fixture_flush),
        cmocka_unit_test_setup(test_a_part_is_repeated, fixture_flush),
        cmocka_unit_test_setup(test_duplicates, fixture_flush),
        cmocka_unit_test_setup(test_poison, fixture_flush),
        cmocka_unit_test_setup(test_suspects_are_taken_singly, fixture_flush),
        cmocka_unit_test_setup(test_taken_over, fixture_flush),
        cmocka_unit_test_setup(test_circuit, fixture_flush),
        cmocka_unit_test_setup(test_whose_fault_it_may_be_goes_behind, fixture_flush),
        cmocka_unit_test_setup(test_one_probe_at_a_time, fixture_flush),
        cmocka_unit_test_setup(test_a_probe_is_given_back, fixture_flush),
        cmocka_unit_test_setup(test_an_own_probe_is_given_back, fixture_flush),
        cmocka_unit_test_setup(test_a_row_of_failures_opens, fixture_flush),
        cmocka_unit_test_setup(test_waits_for_tokens_are_timed, fixture_flush),
        cmocka_unit_test_setup(test_held_until_extended, fixture_flush),
        cmocka_unit_test_setup(test_held_goes_back_on_drain, fixture_flush),
        cmocka_unit_test_setup(test_a_probes_other_parts_ask_again, fixture_flush),
        cmocka_unit_test_setup(test_stale, fixture_flush),
        cmocka_unit_test_setup(test_drain_gives_back_raw_bytes, fixture_flush),
        cmocka_unit_test_setup(test_calls_within_the_window, fixture_flush),
        cmocka_unit_test_setup(test_reply_to, fixture_flush),
        cmocka_unit_test_setup(test_heartbeat, fixture_flush),
        cmocka_unit_test_setup(test_free_with_a_call_out, fixture_flush),
    };
    return cmocka_run_group_tests_name("pipeline", tests, fixture_start, fixture_stop);
}
