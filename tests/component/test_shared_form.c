/* SPDX-License-Identifier: MIT
 * Jobs that share calls (shared_form, shared_move, shared_settle, shared_stops, batch): who does,
 * that their grouping is recorded first and followed later, and how they end; on a real
 * redis-server, against a provider on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "support/stage.h"
#include "support/throttled.h"
#include "support/time_passes.h"
#include "support/worker_config.h"

#define FAST                                                                                       \
    "PUSHBRIDGE_RETRY_BASE_MS=1", "PUSHBRIDGE_RETRY_CAP_MS=1", "PUSHBRIDGE_ALIYUN_SETTLE_MS=0",    \
        "PUSHBRIDGE_QUEUE_NAMES=" QUEUE
static const char *const fast[] = {FAST, NULL};
#define RESEND "apps = ( { name = \"default\"; ambiguous = \"resend\"; } );"

static void open_fast(struct stage *s)
{
    open_stage_with(s, fast, NULL, 9000);
}

static void enqueue_to(int who, const char *message)
{
    freeReplyObject(cli("RPUSH " QUEUE " {\"message\":\"%s\",\"target\":{\"account\":[\"u%d\"]}}",
                        message, who));
}

/* Those of the first calls to equal contents, the others to their own. */
static void enqueue_mixed(int n)
{
    static const char *const messages[] = {"same", "same", "other", "same", "third", "other"};
    for (int i = 0; i < n; i++)
        enqueue_to(i, messages[i % 6]);
}

static const char *param(const struct stage *s, size_t call, const char *name)
{
    return provider_param(&s->provider, call, name);
}

static void keep_token(const struct stage *s, size_t call, char token[64])
{
    snprintf(token, 64, "%s", param(s, call, "IdempotentToken"));
}

/* All outcomes of a list, which must be alike. */
static void expect_all(const char *list, int n, const char *reason, bool maybe_sent, int attempts)
{
    assert_int_equal(cli_int("LLEN %s", list), n);
    for (int i = 0; i < n; i++) {
        json_t *o = pop(list);
        assert_string_equal(text_of(o, "reason"), reason);
        assert_int_equal(json_is_true(json_object_get(o, "maybe_sent")), maybe_sent);
        if (attempts >= 0)
            assert_int_equal(int_of(o, "attempts"), attempts);
        json_decref(o);
    }
}

static void hold_next(struct stage *s)
{
    provider_script(&s->provider, (struct provider_step){.does = PROVIDER_HOLDS});
}

/* What waits has waited long enough. */
static void make_due(void)
{
    static const char all[] = "for _, b in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do "
                              "redis.call('ZADD', KEYS[1], 1, b) end";
    freeReplyObject(cli("EVAL %s 1 " K ":due", all));
}

static void settle_claim(struct stage *s)
{
    pump_until(base, !s->claiming);
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

/* --- who shares ------------------------------------------------------------------------------ */

static void test_who_shares(void **state)
{
    (void)state;
    static const char plain[] = "{\"message\":\"m\",\"target\":{\"account\":[\"a\"]}}";
    static const struct {
        const char *job;
        const char *vars[3];
        size_t calls;
    } rows[] = {
        {"{\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}", {NULL}, 1},
        {"{\"message\":\"n\",\"target\":{\"device\":[\"0000000000000000000000000000000b\"]}}",
         {NULL},
         1},
        {"{\"message\":\"m\",\"target\":{\"account\":[\"a\"]}}", {NULL}, 1},
        {"{\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
         {"PUSHBRIDGE_PLAN_COALESCE=false"},
         2},
        /* an id is known by the token of a call of its own, or by our own markers */
        {"{\"id\":\"i\",\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}", {NULL}, 2},
        {"{\"id\":\"i\",\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
         {"PUSHBRIDGE_PLAN_COALESCE_IDS=true"},
         1},
        {"{\"id\":\"i\",\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
         {"PUSHBRIDGE_QUEUE_DEDUP_S=899"},
         2},
        {"{\"id\":\"i\",\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
         {"PUSHBRIDGE_QUEUE_DEDUP_S=900"},
         1},
        /* several parts, and what is not for single people */
        {"{\"message\":\"m\",\"target\":{\"account\":[\"b\",\"c\"]}}",
         {"PUSHBRIDGE_LIMITS_ACCOUNTS=1"},
         3},
        {"{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"t\"]}", {NULL}, 2},
        {"{\"message\":\"m\",\"target\":{\"tag\":\"t\"}}", {"PUSHBRIDGE_PLAN_MERGE_TAGS=true"}, 2},
        {"{\"message\":\"m\",\"target\":{\"all\":true}}", {NULL}, 2},
        /* SMS and MassPush do not go together */
        {"{\"message\":\"n\",\"target\":{\"account\":[\"b\"]},\"push\":{\"SmsTemplateName\":"
         "\"t\",\"SmsSignName\":\"s\",\"SmsDelaySecs\":60}}",
         {NULL},
         2},
        /* refused before a call is made of it */
        {"{\"message\":\"m\",\"push\":{\"Title\":1},\"target\":{\"account\":[\"b\"]}}", {NULL}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        const char *vars[8] = {FAST, rows[i].vars[0]};
        fixture_flush(NULL);
        open_stage_with(&s, vars, NULL, 9000);
        enqueue(plain);
        enqueue(rows[i].job);
        take(&s, 8);
        settle(&s);
        if (s.provider.n != rows[i].calls)
            fail_msg("row %zu: %zu calls", i, s.provider.n);
        assert_int_equal(ended(), 2);
        close_stage(&s);
    }
}

/* What may have gone out, or was tried, or is not what its producer wrote any more, goes alone. */
static void test_only_new_ones_share(void **state)
{
    (void)state;
    static const char *const envelopes[] = {
        "",
        ",\"attempts\":1",
        ",\"first_sent\":NOW",
        ",\"unanswered\":\"1\",\"first_sent\":NOW",
        ",\"gen\":1",
        ",\"given_up\":true",
    };
    for (size_t i = 0; i < sizeof envelopes / sizeof envelopes[0]; i++) {
        struct stage s;
        char text[256], *now;
        fixture_flush(NULL);
        open_fast(&s);
        long long now_ms = worker_count(s.w)->now_ms;
        snprintf(text, sizeof text, "{\"uid\":\"x\",\"t0\":%lld%s}", now_ms, envelopes[i]);
        if ((now = strstr(text, "NOW")))
            snprintf(now, sizeof text - (size_t)(now - text), "%lld}", now_ms);
        s.envelope = text;
        enqueue_to(0, "m");
        enqueue_to(1, "m");
        take(&s, 8);
        settle(&s);
        if (s.provider.n != (i ? 2 : 1))
            fail_msg("row %zu: %zu calls", i, s.provider.n);
        assert_int_equal(cli_int("LLEN results"), 2);
        close_stage(&s);
    }
}

static void test_one_alone(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_to(0, "m");
    enqueue("{\"message\":\"m\",\"school\":\"s\"}");
    take(&s, 8);
    pump_until(base, s.provider.n == 2);
    settle(&s);
    for (size_t i = 0; i < 2; i++) {
        json_t *o = pop("results"), *push = json_array_get(json_object_get(o, "pushes"), 0);
        assert_null(json_object_get(push, "task"));
        json_decref(o);
    }
    assert_int_equal(cli_int("EXISTS " K ":batch"), 0);
    close_stage(&s);
}

/* --- the mark -------------------------------------------------------------------------------- */

/* The call waits for its grouping to be recorded, and counts as one. */
static void test_marked_first(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    hold_next(&s);
    take(&s, 8);
    assert_int_equal(queue_unconfirmed(s.w->q), 1); /* the mark */
    assert_int_equal(sender_in_flight(s.sender), 0);
    assert_int_equal(pipeline_flights(s.p), 6);
    assert_int_equal(pipeline_busy(s.p), 1);
    pump_until(base, s.provider.n == 1);
    char *id = batch_id();
    char *text = cli_text("HGET " K ":batch %s!", id), wanted[96];
    snprintf(wanted, sizeof wanted, "1 6 M:%s.0:0,1,3/2,5/4", id);
    assert_string_equal(text, wanted);
    mem_free(text);
    mem_free(id);
    assert_int_equal(pipeline_busy(s.p), 1);
    assert_string_equal(s.provider.calls[0].action, "MassPush");
    assert_string_equal(param(&s, 0, "PushTask.1.TargetValue"), "u0,u1,u3");
    provider_release_all(&s.provider);
    settle(&s);
    assert_int_equal(s.freed, 6);
    static const char *const ids[] = {"1000001", "1000002", "1000003"};
    int of_task[3] = {0};
    for (int i = 0; i < 6; i++) {
        json_t *o = pop("results"), *push = json_array_get(json_object_get(o, "pushes"), 0);
        int64_t task = int_of(push, "task");
        assert_in_range(task, 0, 2);
        of_task[task]++;
        assert_string_equal(text_of(push, "message_id"), ids[task]);
        assert_int_equal(int_of(o, "attempts"), 1);
        json_decref(o);
    }
    assert_int_equal(of_task[0], 3);
    assert_int_equal(of_task[1], 2);
    assert_int_equal(cli_int("EXISTS " K ":batch " K ":member " K ":due"), 0);
    close_stage(&s);
}

/* Somebody else has the batch: nothing goes out, nothing is written. */
static void test_stale_mark(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    take(&s, 8);
    freeReplyObject(cli("DEL " K ":batch"));
    settle(&s);
    assert_int_equal(s.provider.n, 0);
    assert_int_equal(s.freed, 6);
    assert_int_equal(ended() + cli_int("LLEN " QUEUE), 0);
    assert_int_equal(cli_int("HLEN " K ":member"), 6);
    close_stage(&s);
}

/* --- taken over ------------------------------------------------------------------------------ */

/* A worker is lost while its call is out. */
static void lose_a_worker(int jobs, char token[64])
{
    struct stage s;
    open_fast(&s);
    enqueue_mixed(jobs);
    hold_next(&s);
    take(&s, 8);
    pump_until(base, s.provider.n == 1);
    keep_token(&s, 0, token);
    close_stage(&s);
    assert_int_equal(cli_int("HLEN " K ":member"), jobs);
    make_due(); /* as when its lease has run out */
}

static void test_taken_over(void **state)
{
    (void)state;
    struct stage s;
    char token[64];
    lose_a_worker(6, token);
    open_fast(&s);
    run_until_ended(&s, 6);
    assert_int_equal(s.provider.n, 1);
    assert_string_equal(param(&s, 0, "IdempotentToken"), token);
    assert_string_equal(param(&s, 0, "PushTask.2.TargetValue"), "u2,u5");
    expect_all("results", 6, "", false, 1);
    close_stage(&s);
}

/* What each damage makes of the jobs of a call that may be out. */
static void test_cannot_be_made_again(void **state)
{
    (void)state;
    enum damage { MEMBER_GONE, GROUPING_GARBLED, BYTES_GARBLED, CRASHES };
    static const struct {
        enum damage damage;
        const char *file;
        int ambiguous, invalid, sent;
    } rows[] = {
        {MEMBER_GONE, NULL, 4, 0, 0},     {GROUPING_GARBLED, NULL, 5, 0, 0},
        {BYTES_GARBLED, NULL, 4, 1, 0},   {CRASHES, NULL, 4, 0, 0},
        {MEMBER_GONE, RESEND, 0, 0, 4},   {GROUPING_GARBLED, RESEND, 0, 0, 5},
        {BYTES_GARBLED, RESEND, 0, 1, 4}, {CRASHES, RESEND, 0, 0, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        char token[64];
        fixture_flush(NULL);
        lose_a_worker(5, token);
        char *id = batch_id();
        enum damage damage = rows[i].damage;
        if (damage == MEMBER_GONE || damage == CRASHES) {
            freeReplyObject(cli("HDEL " K ":member %s:1", id));
            freeReplyObject(cli("HINCRBY " K ":batch %s# -1", id));
        }
        if (damage == GROUPING_GARBLED)
            freeReplyObject(cli("HSET " K ":batch %s! %s", id, "1 5 all"));
        if (damage == BYTES_GARBLED)
            freeReplyObject(cli("HSET " K ":member %s:2 %s", id, "0 0 {"));
        mem_free(id);
        open_stage_with(&s, fast, rows[i].file, 9000);
        s.crashes = damage == CRASHES ? 5 : 0;
        s.digest = s.config.digest; /* which policy there is does not count as another */
        if (damage == CRASHES) {
            take(&s, 8);
            settle(&s);
            assert_int_equal(ended(), 0);
            s.crashes = 0; /* Redis has kept the five */
        }
        run_until_ended(&s, rows[i].ambiguous + rows[i].invalid + rows[i].sent);
        int ambiguous = 0, invalid = 0;
        for (long long n = cli_int("LLEN dead"); n; n--) {
            json_t *o = pop("dead");
            assert_true(json_is_true(json_object_get(o, "maybe_sent")));
            ambiguous += strcmp(text_of(o, "reason"), "ambiguous") == 0;
            invalid += strcmp(text_of(o, "reason"), "invalid_json") == 0;
            json_decref(o);
        }
        if (ambiguous != rows[i].ambiguous || invalid != rows[i].invalid ||
            cli_int("LLEN results") != rows[i].sent || s.provider.n != (size_t)rows[i].sent)
            fail_msg("row %zu: %d ambiguous, %d invalid, %zu calls", i, ambiguous, invalid,
                     s.provider.n);
        close_stage(&s);
    }
}

/* Without its grouping a waiting call is known by what its envelopes say. */
static void test_grouping_is_lost(void **state)
{
    (void)state;
    struct stage s;
    open_stage_with(&s, NULL, NULL, 9000);
    enqueue_mixed(3);
    script(&s, 503, "ServiceUnavailable");
    take(&s, 8);
    settle(&s);
    char *id = batch_id();
    assert_int_equal(cli_int("HDEL " K ":batch %s!", id), 1);
    make_due();
    mem_free(id);
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    expect_all("dead", 3, "ambiguous", true, 1);
    close_stage(&s);
}

/* I4: calls of several are tried apart from the others, whole; then all their jobs are poison. */
static void test_crash_limit(void **state)
{
    (void)state;
    struct stage s;
    char token[64];
    open_fast(&s);
    enqueue("{\"message\":\"m\",\"school\":\"s\"}");
    enqueue_mixed(4);
    hold_next(&s);
    hold_next(&s);
    take(&s, 8);
    pump_until(base, s.provider.n == 2);
    keep_token(&s, s.provider.calls[0].tasks ? 0 : 1, token);
    close_stage(&s);
    make_due();
    open_fast(&s);
    s.crashes = 5;
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 0);
    assert_int_equal(worker_count(s.w)->delayed, 5);
    assert_int_equal(cli_int("ZCARD " K ":due"), 2);
    s.crashes = 0; /* Redis has kept the five */
    hold_next(&s);
    pump_until(base, claims_on(&s) && s.provider.n == 1);
    settle_claim(&s);
    size_t first = pipeline_flights(s.p); /* one suspect at a time, and nothing beside it */
    assert_true(first == 1 || first == 4);
    provider_release_all(&s.provider);
    run_until_ended(&s, 5);
    assert_int_equal(s.provider.n, 2);
    size_t mass = s.provider.calls[0].tasks ? 0 : 1;
    assert_string_equal(param(&s, mass, "IdempotentToken"), token);
    expect_all("results", 5, "", false, 1);
    close_stage(&s);
}

static void test_poison(void **state)
{
    (void)state;
    struct stage s;
    char token[64];
    lose_a_worker(4, token);
    open_fast(&s);
    s.crashes = 6;
    run_until_ended(&s, 4);
    assert_int_equal(s.provider.n, 0);
    expect_all("dead", 4, "poison", true, 0);
    close_stage(&s);
}

/* --- answers --------------------------------------------------------------------------------- */

/* What is to be repeated is the same call: whole, and with its token. */
static void test_repeated_whole(void **state)
{
    (void)state;
    static const struct {
        struct provider_step step;
        int attempts;
    } rows[] = {
        {{.status = 503, .code = "ServiceUnavailable"}, 2},
        {{.does = PROVIDER_CLOSES}, 2},
        {{.body = "{\"Mess"}, 2},
        {{.status = 400, .code = "SignatureNonceUsed"}, 1},
        {{.status = 400, .code = "Throttling.User", .header = "x-acs-retry-after", .value = "1"},
         1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        fixture_flush(NULL);
        open_fast(&s);
        enqueue_mixed(6);
        provider_script(&s.provider, rows[i].step);
        take(&s, 8);
        settle(&s);
        assert_int_equal(s.provider.n, 1);
        assert_int_equal(worker_count(s.w)->delayed, 6);
        assert_int_equal(cli_int("ZCARD " K ":due"), 1);
        time_passes(60000); /* for the account's cool-down */
        make_due();
        run_until_ended(&s, 6);
        assert_int_equal(s.provider.n, 2);
        assert_int_equal(s.provider.calls[1].tasks, 3);
        assert_string_equal(param(&s, 0, "IdempotentToken"), param(&s, 1, "IdempotentToken"));
        assert_string_equal(param(&s, 1, "PushTask.2.TargetValue"), "u2,u5");
        expect_all("results", 6, "", false, rows[i].attempts);
        close_stage(&s);
    }
}

static void test_attempts_end(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(3);
    s.provider.otherwise = (struct provider_step){.status = 503, .code = "ServiceUnavailable"};
    run_until_ended(&s, 3);
    assert_int_equal(s.provider.n, 3);
    expect_all("dead", 3, "retries_exhausted", true, 3);
    close_stage(&s);
}

/* Refused as a whole: cut in two, each half another call, until the culprit is alone. */
static void test_refused(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    script(&s, 400, "InvalidTitle.LengthExceed");
    const int64_t cuts = metrics_get(METRIC_BATCHES_BISECTED);
    run_until_ended(&s, 6);
    assert_int_equal(s.provider.n, 3);
    assert_int_equal(metrics_get(METRIC_BATCHES_BISECTED), cuts + 1);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(param(&s, i, "IdempotentToken"),
                                    param(&s, k, "IdempotentToken"));
    expect_all("results", 6, "", false, 1);
    close_stage(&s);
}

static void test_all_are_refused(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    s.provider.otherwise =
        (struct provider_step){.status = 400, .code = "InvalidTitle.LengthExceed"};
    const int64_t cuts = metrics_get(METRIC_BATCHES_BISECTED);
    run_until_ended(&s, 6);
    assert_int_equal(s.provider.n, 11); /* a tree of six leaves */
    assert_int_equal(metrics_get(METRIC_BATCHES_BISECTED), cuts + 5);
    for (int i = 0; i < 6; i++) {
        json_t *o = pop("dead");
        assert_string_equal(text_of(o, "reason"), "provider_rejected");
        assert_int_equal(int_of(o, "attempts"), 1);
        assert_true(int_of(o, "gen") >= 1);
        assert_false(json_is_true(json_object_get(o, "maybe_sent")));
        assert_null(json_object_get(o, "call")); /* it was alone at last */
        json_decref(o);
    }
    close_stage(&s);
}

/* One that may be out already is never cut. */
static void test_refused_after_no_answer(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    script(&s, 503, "ServiceUnavailable");
    script(&s, 400, "InvalidTitle.LengthExceed");
    const int64_t cuts = metrics_get(METRIC_BATCHES_BISECTED);
    run_until_ended(&s, 6);
    assert_int_equal(s.provider.n, 2);
    assert_int_equal(metrics_get(METRIC_BATCHES_BISECTED), cuts);
    expect_all("dead", 6, "provider_rejected", true, 2);
    close_stage(&s);
}

/* Nobody knows whose MessageId is whose. */
static void test_ids_of_another_number(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"RequestId\":\"R\",\"MessageIds\":{\"MessageId\":[\"1\",\"2\"]}}",
        "{\"RequestId\":\"R\",\"MessageIds\":{\"MessageId\":[\"1\",\"2\",\"3\",\"4\"]}}",
        "{\"RequestId\":\"R\",\"MessageId\":\"1\"}",
    };
    for (size_t i = 0; i < 6; i++) {
        struct stage s;
        fixture_flush(NULL);
        open_stage_with(&s, fast, i < 3 ? NULL : RESEND, 9000);
        enqueue_mixed(6);
        provider_script(&s.provider, (struct provider_step){.body = bodies[i % 3]});
        run_until_ended(&s, 6);
        if (i < 3) {
            assert_int_equal(s.provider.n, 1);
            expect_all("dead", 6, "ambiguous", true, 1);
        } else { /* each by itself, and another push */
            assert_int_equal(s.provider.n, 7);
            expect_all("results", 6, "", false, 2);
        }
        close_stage(&s);
    }
}

/* --- apps in trouble ------------------------------------------------------------------------- */

static bool probe_due(const struct stage *s)
{
    struct queue_unpark unparks[CONFIG_APPS_MAX];
    return pipeline_probes(s->p, 8, unparks) == 1;
}

/* There was time enough for other jobs to be the probe. */
static bool own_turn(const struct stage *s)
{
    return clock_mono_ms() >= pipeline_circuit_at(s->p, 0)->failed.at_ms;
}

static void await_probe(struct stage *s)
{
    pump_until(base, cli_int("HEXISTS " K ":control circuit:default") == 1);
    time_passes(1000);
    pump_until(base, probe_due(s));
}

/* A call that was refused for the app's sake is parked job by job, and one of them is the probe. */
static void test_parked_one_by_one(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(3);
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    take(&s, 8);
    settle(&s);
    assert_int_equal(cli_int("LLEN " K ":parked:default"), 3);
    for (int i = 0; i < 3; i++) {
        char *value = cli_text("LINDEX " K ":parked:default %d", i);
        assert_null(strstr(value, "\"call\""));
        mem_free(value);
    }
    enqueue_mixed(2); /* not gathered: parked without a call or a mark */
    take(&s, 8);
    assert_int_equal(pipeline_busy(s.p), 0);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    assert_int_equal(cli_int("LLEN " K ":parked:default"), 5);
    await_probe(&s);
    hold_next(&s);
    take(&s, 8);
    pump_until(base, s.provider.n == 2 && pipeline_flights(s.p) == 1);
    provider_release_all(&s.provider);
    run_until_ended(&s, 5);
    expect_all("results", 5, "", false, 1);
    close_stage(&s);
}

/* One that may be out waits as a whole, is the probe as a whole, and fails as a whole. */
static void test_open_call_is_the_probe(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(3);
    script(&s, 503, "ServiceUnavailable");
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    script(&s, 404, "InvalidAccessKeyId.NotFound");
    pump_until(base, claims_on(&s) && s.provider.n == 2);
    settle(&s);
    assert_int_equal(cli_int("ZCARD " K ":due"), 1);
    for (size_t n = 3; n <= 4; n++) {
        make_due();
        take(&s, 8); /* the circuit is open: it waits on */
        settle(&s);
        assert_int_equal(s.provider.n, n - 1);
        assert_int_equal(worker_count(s.w)->delayed, 3);
        time_passes(1000 * (int64_t)n);
        circuits_tick(fleet_circuits(s.fleet));
        pump_until(base, probe_due(&s) && own_turn(&s));
        make_due();
        take(&s, 8);
        settle(&s);
        assert_int_equal(s.provider.n, n);
    }
    expect_all("results", 3, "", false, 1); /* the trouble's is refunded */
    for (size_t i = 1; i < 4; i++)
        assert_string_equal(param(&s, i, "IdempotentToken"), param(&s, 0, "IdempotentToken"));
    close_stage(&s);
}

/* --- drain and reload ------------------------------------------------------------------------ */

/* All back as they were, each once. */
static void expect_queue(int n)
{
    assert_int_equal(cli_int("LLEN " QUEUE), n);
    for (int i = 0; i < n; i++) {
        char wanted[32];
        int found = 0;
        snprintf(wanted, sizeof wanted, "[\"u%d\"]", i);
        for (int k = 0; k < n; k++) {
            char *bytes = cli_text("LINDEX " QUEUE " %d", k);
            found += bytes[0] == '{' && strstr(bytes, wanted);
            mem_free(bytes);
        }
        assert_int_equal(found, 1);
    }
    assert_int_equal(cli_int("EXISTS " K ":batch " K ":member " K ":due"), 0);
}

static void test_drained_while_marked(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(6);
    take(&s, 8);
    pipeline_drain(s.p);
    settle(&s);
    assert_int_equal(s.provider.n, 0);
    expect_queue(6);
    close_stage(&s);
}

/* A call that waits for a slot. */
static void wait_for_slot(struct stage *s, const char *held)
{
    static const char *const vars[] = {FAST, "PUSHBRIDGE_QUEUE_CONCURRENCY=1", NULL};
    open_stage_with(s, vars, NULL, 9000);
    enqueue(held);
    hold_next(s);
    take(s, 8);
    pump_until(base, s->provider.n == 1);
}

static const char held_job[] = "{\"message\":\"m\",\"school\":\"s\"}";

static void test_drained_while_waiting(void **state)
{
    (void)state;
    struct stage s;
    wait_for_slot(&s, held_job);
    enqueue_mixed(6);
    take(&s, 8);
    pump_until(base, queue_unconfirmed(s.w->q) == 0);
    assert_int_equal(pipeline_busy(s.p), 2);
    assert_int_equal(pipeline_flights(s.p), 7);
    pipeline_drain(s.p);
    provider_release_all(&s.provider);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    expect_queue(6);
    close_stage(&s);
}

static void test_open_call_is_drained_whole(void **state)
{
    (void)state;
    struct stage s;
    char token[64];
    lose_a_worker(6, token);
    wait_for_slot(&s, held_job);
    pump_until(base, claims_on(&s) && pipeline_flights(s.p) == 7);
    settle_claim(&s);
    pipeline_drain(s.p);
    provider_release_all(&s.provider);
    settle(&s);
    assert_int_equal(cli_int("ZCARD " K ":due"), 1);
    assert_int_equal(worker_count(s.w)->delayed, 6);
    close_stage(&s);
    open_fast(&s);
    run_until_ended(&s, 7);
    assert_int_equal(s.provider.n, 1);
    assert_string_equal(param(&s, 0, "IdempotentToken"), token);
    close_stage(&s);
}

/* What was equal under the old templates need not be so under the new ones. */
static void test_reload_while_it_waits(void **state)
{
    (void)state;
#define TEMPLATE(message) "templates = ( { code = \"C\"; message = \"" message "\"; } );"
    static const struct {
        struct provider_step step;
        const char *app;
        bool sent;
    } rows[] = {
        {{.status = 400, .code = "Throttling.User"}, "", true},
        {{.status = 503, .code = "ServiceUnavailable"}, "", false},
        {{.status = 503, .code = "ServiceUnavailable"}, RESEND, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage s;
        char file[256];
        fixture_flush(NULL);
        snprintf(file, sizeof file, TEMPLATE("hello") "%s", rows[i].app);
        open_stage_with(&s, fast, file, 9000);
        enqueue("{\"code\":\"C\",\"school\":\"a\",\"target\":{\"account\":[\"u0\"]}}");
        enqueue("{\"code\":\"C\",\"school\":\"b\",\"target\":{\"account\":[\"u1\"]}}");
        provider_script(&s.provider, rows[i].step);
        take(&s, 8);
        settle(&s);
        assert_string_equal(param(&s, 0, "TargetValue"), "u0,u1");
        time_passes(60000);
        make_due();
        close_stage(&s);
        snprintf(file, sizeof file, TEMPLATE("hello {school}") "%s", rows[i].app);
        open_stage_with(&s, fast, file, 9000);
        run_until_ended(&s, 2);
        assert_int_equal(s.provider.n, rows[i].sent ? 2 : 0);
        for (size_t k = 0; k < s.provider.n; k++) {
            const char *who = param(&s, k, "TargetValue");
            assert_non_null(
                strstr(param(&s, k, "Body"), strcmp(who, "u0") ? "hello b" : "hello a"));
        }
        expect_all(rows[i].sent ? "results" : "dead", 2, rows[i].sent ? "" : "ambiguous",
                   !rows[i].sent, -1);
        close_stage(&s);
    }
}

static void refuse_next(struct stage *s, const char *code)
{
    provider_script(&s->provider, (struct provider_step){.status = 403, .code = code});
}

/* The action is refused: the call's jobs go out one by one, once, and so do those after them, until
 * an hour is over or the configuration is read anew. */
static void test_a_refused_mass_push_is_dissolved(void **state)
{
    (void)state;
    static const char *const codes[] = {"NoPermission", "Forbidden.RAM", "InvalidApi.NotFound",
                                        "InvalidAction.NotFound", "AccountNotSupport"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct stage s;
        freeReplyObject(cli("FLUSHALL"));
        open_fast(&s);
        enqueue_mixed(4);
        refuse_next(&s, codes[i]);
        run_until_ended(&s, 4);
        assert_int_equal(cli_int("LLEN results"), 4);
        assert_int_equal(s.provider.n, 5);
        assert_string_equal(s.provider.calls[0].action, "MassPush");
        for (size_t k = 1; k < 5; k++)
            assert_string_equal(s.provider.calls[k].action, "Push");
        assert_int_equal(circuits_at(fleet_circuits(s.fleet), 0)->state, CIRCUIT_CLOSED);
        assert_int_equal(metrics_get(METRIC_SHARED_STOPPED), 1);
        enqueue_mixed(4);
        run_until_ended(&s, 8);
        for (size_t k = 5; k < s.provider.n; k++)
            assert_string_equal(s.provider.calls[k].action, "Push");
        provider_forget(&s.provider);
        time_passes(3600000);
        enqueue_mixed(4);
        run_until_ended(&s, 12);
        assert_int_equal(s.provider.n, 1);
        assert_string_equal(s.provider.calls[0].action, "MassPush");
        close_stage(&s);
    }
}

/* A single Push is refused alike: then it was not the action. */
static void test_a_push_refused_alike_lifts_the_stop(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(4);
    refuse_next(&s, "NoPermission");
    for (int i = 0; i < 4; i++)
        refuse_next(&s, "NoPermission");
    pump_until(base,
               claims_on(&s) && circuits_at(fleet_circuits(s.fleet), 0)->state == CIRCUIT_OPEN);
    assert_int_equal(metrics_get(METRIC_SHARED_STOPPED), 0);
    close_stage(&s);
}

/* It may be out: so it stays the call that it is, and the circuit hears nothing of it. */
static void test_an_open_mass_push_stays_whole(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    enqueue_mixed(4);
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_CLOSES});
    refuse_next(&s, "NoPermission");
    pump_until(base, claims_on(&s) && s.provider.n == 2);
    settle(&s);
    assert_string_equal(s.provider.calls[1].action, "MassPush");
    assert_int_equal(circuits_at(fleet_circuits(s.fleet), 0)->state, CIRCUIT_CLOSED);
    assert_int_equal(cli_int("ZCARD " K ":due"), 1);
    make_due();
    run_until_ended(&s, 4);
    assert_int_equal(s.provider.n, 3);
    assert_string_equal(param(&s, 2, "IdempotentToken"), param(&s, 0, "IdempotentToken"));
    close_stage(&s);
}

/* Its own limit: while MassPush rests, jobs go out one by one. */
static void test_mass_rests_alone(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_MASSPUSH, 600000);
    enqueue_mixed(4);
    run_until_ended(&s, 4);
    for (size_t k = 0; k < s.provider.n; k++)
        assert_string_equal(s.provider.calls[k].action, "Push");
    close_stage(&s);
}

/* While the account rests, claims carry no more into the parked list than its bound and one claim.
 */
static void test_parked_stays_bounded(void **state)
{
    (void)state;
    static const char *const vars[] = {FAST, "PUSHBRIDGE_QUEUE_PARKED_MAX=10", NULL};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_MASSPUSH, 600000);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_PUSH, 600000);
    enqueue_mixed(60);
    for (int i = 0; i < 12; i++) {
        take(&s, 8);
        settle(&s);
    }
    assert_int_equal(s.provider.n, 0);
    assert_in_range(worker_count(s.w)->parked, 10, 17);
    close_stage(&s);
}

/* What a cool-down holds in the parked list is looked at for its deadline, be it the head or not;
 * a cool-down of a moment is nothing to look at. */
static void test_parked_jobs_end_in_a_cool_down(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_MASSPUSH, 900);
    assert_false(sweep(&s, 64, true));
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_MASSPUSH, 600000);
    throttle_account(fleet_limits(s.fleet), 0, LIMIT_PUSH, 600000);
    enqueue_mixed(6);
    int64_t now_ms = clock_wall_ms();
    for (int i = 0; i < 6; i++) /* not later than 3 s before the end of a whole second */
        freeReplyObject(cli("RPUSH " QUEUE " {\"message\":\"short%d\",\"target\":{\"account\":"
                            "[\"s%d\"]},\"enqueued_at\":%lld,\"ttl_s\":6}",
                            i, i, (long long)now_ms));
    take(&s, STAGE_CLAIM_MAX);
    settle(&s);
    assert_int_equal(worker_count(s.w)->parked, 12);
    assert_false(sweep(&s, 64, false)); /* jobs that may go out find no room */
    while (cli_int("LLEN dead") < 6) {
        pump_until(base, clock_wall_ms() > now_ms + 1900 || s.claiming);
        assert_true(clock_wall_ms() < now_ms + 15000 && sweep(&s, 4, true));
        settle(&s);
    }
    expect_all("dead", 6, "expired", false, 0);
    assert_int_equal(worker_count(s.w)->parked, 6);
    assert_int_equal(s.provider.n, 0);
    close_stage(&s);
}

static void test_reload_while_it_waits_for_a_slot(void **state)
{
    (void)state;
    struct stage s;
    struct config other;
    wait_for_slot(&s, held_job);
    enqueue_mixed(6);
    take(&s, 8);
    pump_until(base, queue_unconfirmed(s.w->q) == 0);
    worker_config_load(&other, s.provider.port, server.port, fast, NULL);
    fleet_set_config(s.fleet, &other);
    pipeline_set_config(s.p, &other);
    provider_release_all(&s.provider);
    settle(&s);
    assert_int_equal(s.provider.n, 1);
    expect_queue(6);
    close_stage(&s);
    config_free(&other);
}

/* A call that is repeated in the quiet hours: those that may not show wait, the others do not. */
static void test_quiet_for_some(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct stage s;
        struct err e;
        char text[96], quiet[48];
        fixture_flush(NULL);
        open_fast(&s);
        int64_t now_ms = worker_count(s.w)->now_ms, from = now_ms / 60000 + 1440 - 60;
        snprintf(text, sizeof text, "{\"uid\":\"x\",\"t0\":%lld}", (long long)now_ms - 7200 * 1000);
        s.envelope = text;
        for (int i = 0; i < 2; i++) {
            char job[128];
            snprintf(job, sizeof job,
                     "{\"message\":\"m\",\"type\":%d,\"target\":{\"account\":[\"u\"]}}",
                     i == order);
            enqueue(job);
        }
        script(&s, 400, "Throttling.User");
        take(&s, 8);
        settle(&s);
        assert_int_equal(s.provider.calls[0].tasks, 2);
        s.envelope = NULL;
        snprintf(quiet, sizeof quiet, "%02d:%02d-%02d:%02d +00:00", (int)(from / 60 % 24),
                 (int)(from % 60), (int)((from + 120) / 60 % 24), (int)(from % 60));
        assert_true(quiet_parse(quiet, &s.config.apps[0].app.quiet, &e));
        time_passes(60000);
        make_due();
        run_until_ended(&s, 1);
        take(&s, 8);
        settle(&s);
        assert_int_equal(s.provider.n, 2);
        assert_non_null(strstr(param(&s, 1, "Body"), "\"type\":1"));
        assert_int_equal(worker_count(s.w)->delayed, 1);
        close_stage(&s);
    }
}

/* --- duplicates by producers ----------------------------------------------------------------- */

/* Ids are looked up before calls are made: a duplicate has no part in them. */
static void test_duplicates(void **state)
{
    (void)state;
    static const char *const vars[] = {FAST, "PUSHBRIDGE_QUEUE_DEDUP_S=900", NULL};
    static const char *const ids[] = {"a", "b", "a", "c", "b", ""};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    for (int i = 0; i < 6; i++)
        freeReplyObject(cli("RPUSH " QUEUE " {%s%s%s\"message\":\"m\",\"target\":{\"account\":["
                            "\"u%d\"]}}",
                            ids[i][0] ? "\"id\":\"" : "", ids[i], ids[i][0] ? "\"," : "", i));
    script(&s, 503, "ServiceUnavailable");
    run_until_ended(&s, 6);
    assert_int_equal(s.provider.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(param(&s, i, "TargetValue"), "u5,u0,u1,u3");
    int duplicates = 0;
    for (int i = 0; i < 6; i++) {
        json_t *o = pop("results");
        bool duplicate = strcmp(text_of(o, "status"), "duplicate") == 0;
        duplicates += duplicate;
        assert_int_equal(json_array_size(json_object_get(o, "pushes")), !duplicate);
        json_decref(o);
    }
    assert_int_equal(duplicates, 2);
    close_stage(&s);
}

/* --- tags ------------------------------------------------------------------------------------ */

static void test_merged_tags(void **state)
{
    (void)state;
    static const char *const vars[] = {FAST, "PUSHBRIDGE_PLAN_MERGE_TAGS=true", NULL};
    struct stage s;
    open_stage_with(&s, vars, NULL, 9000);
    enqueue("{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"a\",\"b\"]}");
    enqueue("{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"b\"]}");
    enqueue("{\"message\":\"m\",\"school\":\"other\",\"tags\":[\"b\"]}");
    enqueue("{\"message\":\"m\",\"school\":\"s\"}");
    take(&s, 8);
    settle(&s);
    assert_int_equal(s.provider.n, 3);
    size_t found = 0;
    for (size_t i = 0; i < 3; i++)
        found +=
            strcmp(param(&s, i, "TargetValue"),
                   "{\"and\":[{\"tag\":\"s\"},{\"or\":[{\"tag\":\"a\"},{\"tag\":\"b\"}]}]}") == 0;
    assert_int_equal(found, 1);
    expect_all("results", 4, "", false, 1);
    close_stage(&s);
}

/* --- the most -------------------------------------------------------------------------------- */

static void test_a_full_claim(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    for (int i = 0; i < 256; i++) {
        char message[16];
        snprintf(message, sizeof message, "m%d", i % 2 ? i : 0);
        enqueue_to(i, message);
    }
    script(&s, 503, "ServiceUnavailable");
    script(&s, 400, "InvalidTitle.LengthExceed");
    take(&s, 256);
    assert_int_equal(pipeline_flights(s.p), 256);
    assert_int_equal(pipeline_busy(s.p), 2); /* a hundred tasks, and the rest */
    run_until_ended(&s, 256);
    assert_int_equal(s.provider.n, 5); /* one repeated, one cut in two */
    assert_int_equal(s.freed, 256 + 256);
    expect_all("results", 256, "", false, -1);
    close_stage(&s);
}

/* What is claimed follows from what a call is thought to hold: claims of one job each must not
 * settle that it holds one. Jobs that share nothing do. */
static void test_small_claims_do_not_stay_small(void **state)
{
    (void)state;
    struct stage s;
    open_fast(&s);
    for (int i = 0; i < 12; i++)
        enqueue_to(i, "m");
    for (int i = 0; i < 12; i++)
        take(&s, 1);
    settle(&s);
    assert_in_range(pipeline_jobs(s.p, 1), 3, 100);
    assert_int_equal(pipeline_calls(s.p, 3), 1);
    for (int i = 0; i < 30; i++)
        freeReplyObject(cli("RPUSH " QUEUE " {\"message\":\"m\",\"school\":\"s%d\"}", i));
    for (int i = 0; i < 30; i++)
        take(&s, 1);
    settle(&s);
    assert_int_equal(pipeline_jobs(s.p, 1), 1);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_small_claims_do_not_stay_small, fixture_flush),
        cmocka_unit_test_setup(test_who_shares, fixture_flush),
        cmocka_unit_test_setup(test_only_new_ones_share, fixture_flush),
        cmocka_unit_test_setup(test_one_alone, fixture_flush),
        cmocka_unit_test_setup(test_marked_first, fixture_flush),
        cmocka_unit_test_setup(test_stale_mark, fixture_flush),
        cmocka_unit_test_setup(test_taken_over, fixture_flush),
        cmocka_unit_test_setup(test_cannot_be_made_again, fixture_flush),
        cmocka_unit_test_setup(test_grouping_is_lost, fixture_flush),
        cmocka_unit_test_setup(test_crash_limit, fixture_flush),
        cmocka_unit_test_setup(test_poison, fixture_flush),
        cmocka_unit_test_setup(test_repeated_whole, fixture_flush),
        cmocka_unit_test_setup(test_attempts_end, fixture_flush),
        cmocka_unit_test_setup(test_refused, fixture_flush),
        cmocka_unit_test_setup(test_all_are_refused, fixture_flush),
        cmocka_unit_test_setup(test_refused_after_no_answer, fixture_flush),
        cmocka_unit_test_setup(test_ids_of_another_number, fixture_flush),
        cmocka_unit_test_setup(test_parked_one_by_one, fixture_flush),
        cmocka_unit_test_setup(test_open_call_is_the_probe, fixture_flush),
        cmocka_unit_test_setup(test_drained_while_marked, fixture_flush),
        cmocka_unit_test_setup(test_drained_while_waiting, fixture_flush),
        cmocka_unit_test_setup(test_open_call_is_drained_whole, fixture_flush),
        cmocka_unit_test_setup(test_reload_while_it_waits, fixture_flush),
        cmocka_unit_test_setup(test_reload_while_it_waits_for_a_slot, fixture_flush),
        cmocka_unit_test_setup(test_a_refused_mass_push_is_dissolved, fixture_flush),
        cmocka_unit_test_setup(test_a_push_refused_alike_lifts_the_stop, fixture_flush),
        cmocka_unit_test_setup(test_an_open_mass_push_stays_whole, fixture_flush),
        cmocka_unit_test_setup(test_mass_rests_alone, fixture_flush),
        cmocka_unit_test_setup(test_parked_stays_bounded, fixture_flush),
        cmocka_unit_test_setup(test_parked_jobs_end_in_a_cool_down, fixture_flush),
        cmocka_unit_test_setup(test_quiet_for_some, fixture_flush),
        cmocka_unit_test_setup(test_duplicates, fixture_flush),
        cmocka_unit_test_setup(test_merged_tags, fixture_flush),
        cmocka_unit_test_setup(test_a_full_claim, fixture_flush),
    };
    return cmocka_run_group_tests_name("shared_form", tests, fixture_start, fixture_stop);
}
