/* SPDX-License-Identifier: MIT
 * Fault rules of the stand-in: reading, matching, counting, chance, delays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "mock/wire/faults.h"
#include "support/made_request.h"

static uint64_t add(struct faults *f, const char *rule)
{
    struct err e = {""};
    uint64_t id = 0;
    if (!faults_add(f, rule, strlen(rule), &id, &e))
        fail_msg("%s: %s", rule, e.text);
    return id;
}

static void make(struct made *m, const char *job_key)
{
    made_init(m, "POST", true);
    made_param(m, "AppKey", "1", false);
    made_param(m, "JobKey", job_key, false);
    made_param(m, "IdempotentToken", "t", false);
}

static struct fault_plan pick(struct faults *f, const char *job_key)
{
    struct made m;
    struct fault_plan plan;
    make(&m, job_key);
    faults_pick(f, &m.q, &plan);
    made_free(&m);
    return plan;
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        enum fault_kind kind;
        bool accepted;
        int status;
        const char *code;
    } rows[] = {
        {"{\"kind\":\"error\"}", FAULT_ERROR, false, 503, "ServiceUnavailable"},
        {"{\"kind\":\"error\",\"status\":400,\"code\":\"X\",\"accepted\":true}", FAULT_ERROR, true,
         400, "X"},
        {"{\"kind\":\"latency\",\"latency_ms\":5}", FAULT_LATENCY, true, 503, "ServiceUnavailable"},
        {"{\"kind\":\"throttle\"}", FAULT_THROTTLE, false, 400, "Throttling.User"},
        {"{\"kind\":\"drop_after_accept\"}", FAULT_DROP, true, 503, "ServiceUnavailable"},
        {"{\"kind\":\"close_after_read\"}", FAULT_CLOSE, false, 503, "ServiceUnavailable"},
        {"{\"kind\":\"hang\"}", FAULT_HANG, false, 503, "ServiceUnavailable"},
        {"{\"kind\":\"garbage\"}", FAULT_GARBAGE, false, 200, "ServiceUnavailable"},
        {"{\"kind\":\"bad_gateway\"}", FAULT_BAD_GATEWAY, false, 502, "ServiceUnavailable"},
        {"{\"kind\":\"hold\"}", FAULT_HOLD, true, 503, "ServiceUnavailable"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct faults f = {0};
        add(&f, rows[i].rule);
        const struct fault_plan p = pick(&f, "j");
        assert_int_equal(p.kind, rows[i].kind);
        assert_int_equal(p.accepted, rows[i].accepted);
        assert_string_equal(fault_kind_name(p.kind),
                            strtok(strdupa(rows[i].rule + strlen("{\"kind\":\"")), "\""));
        if (p.kind != FAULT_LATENCY && p.kind != FAULT_HOLD) {
            assert_int_equal(p.status, rows[i].status);
            assert_string_equal(p.code, rows[i].code);
        }
        faults_clear(&f);
        assert_int_equal(pick(&f, "j").kind, FAULT_NONE);
    }
}

static void test_next_n_calls(void **state)
{
    (void)state;
    struct faults f = {0};
    add(&f, "{\"kind\":\"error\",\"count\":2}");
    add(&f, "{\"kind\":\"hang\",\"count\":1}");
    static const enum fault_kind want[] = {FAULT_ERROR, FAULT_ERROR, FAULT_HANG, FAULT_NONE};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pick(&f, "j").kind, want[i]);
    assert_true(pick(&f, "j").accepted); /* and everything is as usual */
    faults_clear(&f);
}

static void test_after_n_calls(void **state)
{
    (void)state;
    struct faults f = {0};
    add(&f, "{\"kind\":\"error\",\"after\":2,\"count\":1,\"match\":{\"job_key\":\"a\"}}");
    static const char *const calls[] = {"a", "b", "a", "a", "a"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(pick(&f, calls[i]).kind, i == 3 ? FAULT_ERROR : FAULT_NONE);
    faults_clear(&f);
}

static void test_match(void **state)
{
    (void)state;
    struct faults f = {0};
    add(&f, "{\"kind\":\"error\",\"match\":{\"job_key\":\"a\"}}");
    add(&f, "{\"kind\":\"hang\",\"match\":{\"job_key\":\"b\",\"token\":\"t\",\"app_key\":\"1\"}}");
    add(&f, "{\"kind\":\"garbage\",\"match\":{\"job_key\":\"c\",\"app_key\":\"2\"}}");
    assert_int_equal(pick(&f, "a").kind, FAULT_ERROR);
    assert_int_equal(pick(&f, "b").kind, FAULT_HANG);
    assert_int_equal(pick(&f, "c").kind, FAULT_NONE);
    assert_int_equal(pick(&f, "d").kind, FAULT_NONE);
    struct made bare; /* a call without those parameters */
    struct fault_plan p;
    made_init(&bare, "POST", true);
    faults_pick(&f, &bare.q, &p);
    assert_int_equal(p.kind, FAULT_NONE);
    made_free(&bare);
    faults_clear(&f);
}

static void test_probability(void **state)
{
    (void)state;
    enum { CALLS = 4000 };
    static const struct {
        const char *rule;
        int least, most;
    } rows[] = {
        {"{\"kind\":\"error\",\"probability\":0}", 0, 0},
        {"{\"kind\":\"error\",\"probability\":1}", CALLS, CALLS},
        {"{\"kind\":\"error\",\"probability\":0.25}", 800, 1200}, /* 1000 ± 7 standard deviations */
    };
    struct made m;
    make(&m, "j");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct faults f = {0};
        int hits = 0;
        add(&f, rows[i].rule);
        for (int k = 0; k < CALLS; k++) {
            struct fault_plan p;
            faults_pick(&f, &m.q, &p);
            hits += p.kind == FAULT_ERROR;
        }
        assert_in_range(hits, rows[i].least, rows[i].most);
        faults_clear(&f);
    }
    made_free(&m);
}

/* A delay adds to what another rule decides; the first of each sort counts. */
static void test_latency(void **state)
{
    (void)state;
    struct faults f = {0};
    add(&f, "{\"kind\":\"latency\",\"latency_ms\":10}");
    add(&f, "{\"kind\":\"latency\",\"latency_ms\":500}");
    struct fault_plan p = pick(&f, "j");
    assert_int_equal(p.kind, FAULT_LATENCY);
    assert_int_equal(p.delay_ms, 10);
    add(&f, "{\"kind\":\"error\",\"latency_ms\":3,\"late\":true}");
    p = pick(&f, "j");
    assert_int_equal(p.kind, FAULT_ERROR);
    assert_int_equal(p.delay_ms, 13);
    assert_true(p.late);
    faults_clear(&f);
}

/* It delays as a latency rule does, but until its own end; and it stays when it is spent. */
static void test_hold(void **state)
{
    (void)state;
    struct faults f = {0};
    struct err e;
    uint64_t id = add(&f, "{\"kind\":\"hold\",\"count\":1}");
    add(&f, "{\"kind\":\"latency\",\"latency_ms\":500}");
    struct fault_plan p = pick(&f, "j");
    assert_int_equal(p.kind, FAULT_HOLD);
    assert_int_equal(p.hold_id, id);
    assert_int_equal(p.delay_ms, 0);
    p = pick(&f, "j");
    assert_int_equal(p.kind, FAULT_LATENCY);
    assert_int_equal(p.hold_id, 0);
    while (f.count < FAULTS_MAX)
        add(&f, "{\"kind\":\"hang\"}");
    static const char more[] = "{\"kind\":\"garbage\"}";
    assert_false(faults_add(&f, more, sizeof more - 1, &id, &e));
    faults_clear(&f);
    add(&f, "{\"kind\":\"hold\"}");
    id = f.next_id;
    add(&f, "{\"kind\":\"error\",\"latency_ms\":3}");
    p = pick(&f, "j");
    assert_int_equal(p.kind, FAULT_ERROR);
    assert_int_equal(p.hold_id, id);
    faults_clear(&f);
}

static void draw(const char *rule, int64_t *below_p50, int64_t *below_p99, int64_t least,
                 int64_t most, int64_t p50, int64_t p99)
{
    enum { CALLS = 4000 };
    struct faults f = {0};
    struct made m;
    make(&m, "j");
    add(&f, rule);
    *below_p50 = *below_p99 = 0;
    for (int i = 0; i < CALLS; i++) {
        struct fault_plan p;
        faults_pick(&f, &m.q, &p);
        assert_true(p.delay_ms >= least && p.delay_ms <= most);
        *below_p50 += p.delay_ms < p50;
        *below_p99 += p.delay_ms < p99;
    }
    made_free(&m);
    faults_clear(&f);
}

static void test_distributions(void **state)
{
    (void)state;
    int64_t half, most;
    draw("{\"kind\":\"latency\",\"latency_ms\":100,\"latency_max_ms\":200}", &half, &most, 100, 200,
         150, 201);
    assert_in_range(half, 1700, 2300);
    draw("{\"kind\":\"latency\",\"p50\":100,\"p99\":1000}", &half, &most, 0, FAULT_LATENCY_MAX_MS,
         100, 1000);
    assert_in_range(half, 1700, 2300);
    assert_in_range(most, 3900, 4000);
    draw("{\"kind\":\"latency\",\"latency_ms\":{\"p50\":100,\"p99\":100}}", &half, &most, 99, 101,
         0, 0);
}

static void test_headers(void **state)
{
    (void)state;
    struct faults f = {0};
    add(&f, "{\"kind\":\"throttle\",\"headers\":{\"x-acs-retry-after\":\"200\",\"a\":\"b\"}}");
    const struct fault_plan p = pick(&f, "j");
    assert_int_equal(p.header_count, 2);
    assert_string_equal(p.headers[0].name, "x-acs-retry-after");
    assert_string_equal(p.headers[0].value, "200");
    faults_clear(&f);
}

static void test_refused_rules(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "",
        "[]",
        "{}",
        "{\"kind\":7}",
        "{\"kind\":\"none\"}",
        "{\"kind\":\"explode\"}",
        "{\"kind\":\"error\",\"kind\":\"hang\"}",
        "{\"kind\":\"error\",\"count\":0}",
        "{\"kind\":\"error\",\"count\":1.5}",
        "{\"kind\":\"error\",\"probability\":1.1}",
        "{\"kind\":\"error\",\"probability\":-0.1}",
        "{\"kind\":\"error\",\"status\":600}",
        "{\"kind\":\"error\",\"status\":\"503\"}",
        "{\"kind\":\"error\",\"accepted\":1}",
        "{\"kind\":\"error\",\"headers\":[]}",
        "{\"kind\":\"error\",\"headers\":{\"a:b\":\"c\"}}",
        "{\"kind\":\"error\",\"headers\":{\"a\":\"b\\r\\nc\"}}",
        "{\"kind\":\"error\",\"headers\":{\"a\":1}}",
        "{\"kind\":\"error\",\"match\":{\"colour\":\"red\"}}",
        "{\"kind\":\"error\",\"match\":\"j\"}",
        "{\"kind\":\"error\",\"colour\":\"red\"}",
        "{\"kind\":\"latency\",\"latency_ms\":-1}",
        "{\"kind\":\"latency\",\"latency_ms\":3600001}",
        "{\"kind\":\"latency\",\"latency_ms\":9,\"latency_max_ms\":8}",
        "{\"kind\":\"latency\",\"p50\":9}",
        "{\"kind\":\"latency\",\"p50\":9,\"p99\":8}",
        "{\"kind\":\"drop_after_accept\",\"accepted\":false}",
        "{\"kind\":\"close_after_read\",\"accepted\":true}",
        "{\"kind\":\"hold\",\"accepted\":false}",
        "{\"kind\":\"hold\",\"latency_ms\":5}",
    };
    struct faults f = {0};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct err e = {""};
        uint64_t id;
        if (faults_add(&f, rules[i], strlen(rules[i]), &id, &e) || !e.text[0])
            fail_msg("%s is accepted", rules[i]);
    }
    assert_int_equal(f.count, 0);
}

static void test_bound_and_removal(void **state)
{
    (void)state;
    struct faults f = {0};
    struct err e;
    uint64_t id, first = add(&f, "{\"kind\":\"error\",\"count\":1}");
    for (int i = 1; i < FAULTS_MAX; i++)
        id = add(&f, "{\"kind\":\"hang\"}");
    static const char more[] = "{\"kind\":\"garbage\"}";
    assert_false(faults_add(&f, more, sizeof more - 1, &id, &e));
    assert_int_equal(pick(&f, "j").kind, FAULT_ERROR); /* spent: it makes room */
    assert_true(faults_add(&f, more, sizeof more - 1, &id, &e));
    assert_false(faults_remove(&f, first));
    assert_true(faults_remove(&f, id));
    assert_false(faults_remove(&f, id));
    assert_int_equal(f.count, FAULTS_MAX - 1);
    faults_clear(&f);
}

static void test_report(void **state)
{
    (void)state;
    struct faults f = {0};
    struct buf out;
    add(&f, "{\"kind\":\"error\",\"count\":3}");
    add(&f, "{\"kind\":\"hang\"}");
    pick(&f, "j");
    buf_init(&out, 4096);
    faults_report(&f, &out);
    assert_string_equal(buf_text(&out),
                        "{\"faults\":[{\"id\":1,\"kind\":\"error\",\"hits\":1,\"left\":2},"
                        "{\"id\":2,\"kind\":\"hang\",\"hits\":0,\"left\":null}]}\n");
    buf_free(&out);
    faults_clear(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),         cmocka_unit_test(test_next_n_calls),
        cmocka_unit_test(test_after_n_calls), cmocka_unit_test(test_match),
        cmocka_unit_test(test_probability),   cmocka_unit_test(test_latency),
        cmocka_unit_test(test_distributions), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_refused_rules), cmocka_unit_test(test_bound_and_removal),
        cmocka_unit_test(test_report),        cmocka_unit_test(test_hold),
    };
    return cmocka_run_group_tests_name("mock faults", tests, NULL, NULL);
}
