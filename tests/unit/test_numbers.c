/* SPDX-License-Identifier: MIT
 * Numbers as they were written: into a tree and out of it. */
#include "job/written/numbers.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "job/job.h"
#include "job/job_json.h"

static const struct job_limits limits = {10000, 64000, "push:reply:"};

static const char *const texts[] = {
    "0",
    "-0",
    "-0.0",
    "7",
    "-7",
    "9.9",
    "9.90",
    "1.0",
    "1e5",
    "1E+5",
    "1e-7",
    "0.1",
    "0.30000000000000004",
    "123456789012345678901234567890.5",
    "1e308",
    "1e-400",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "9999999999999999999",
    "10000000000000000000",
    "18446744073709551615",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void parse(const char *json, struct job *job)
{
    struct refusal why;
    if (!job_parse(json, strlen(json), &limits, job, &why))
        fail_msg("%s: %s", json, why.err.text);
}

static void check_dumped(const json_t *value, const char *want)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_puts(&out, "before ");
    assert_true(job_json_dump(value, &out));
    assert_string_equal(buf_text(&out) + 7, want);
    assert_int_equal(out.len, 7 + strlen(want));
    buf_free(&out);
}

static void test_a_number_goes_out_as_it_came(void **state)
{
    (void)state;
    for (size_t i = 0; i < TEXTS; i++) {
        char json[400], want[100];
        struct job job;
        const char *t = texts[i];
        snprintf(
            json, sizeof json,
            "{\"code\":\"c\",\"school\":\"s\",\"delay_s\":5,\"params\":{\"p\":%s},\"push\":"
            "{\"X\": [ %s, { \"y\" : %s } ]},\"meta\":{ \"m\":%s, \"l\":[\"1e9 \\\"2.0\", %s]}}",
            t, t, t, t, t);
        parse(json, &job);
        snprintf(want, sizeof want, "[%s,{\"y\":%s}]", t, t);
        check_dumped(json_object_get(job.push, "X"), want);
        snprintf(want, sizeof want, "{\"m\":%s,\"l\":[\"1e9 \\\"2.0\",%s]}", t, t);
        check_dumped(job.meta, want);
        snprintf(want, sizeof want, "{\"p\":%s}", t);
        check_dumped(job.params, want);
        assert_int_equal(job.delay_s, 5);
        job_free(&job);
    }
}

static uint64_t next_random(uint64_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    return *x ^= *x << 17;
}

/* A number of JSON that is finite, in one of the ways to write it. */
static size_t put_random(uint64_t *x, char *out, size_t room)
{
    static const char *const exponents[] = {"", "", "e0", "E+12", "e-300", "e1"};
    const char *sign = next_random(x) % 2 ? "-" : "";
    const char *exponent = exponents[next_random(x) % 6];
    uint64_t whole = next_random(x) >> next_random(x) % 64;
    bool point = next_random(x) % 2;
    if (!point && !*exponent && *sign)
        whole >>= 1;
    int n = snprintf(out, room, "%s%" PRIu64, sign, whole);
    if (point)
        n += snprintf(out + n, room - (size_t)n, ".%0*" PRIu64, (int)(next_random(x) % 9) + 1,
                      next_random(x) >> 32);
    return (size_t)(n + snprintf(out + n, room - (size_t)n, "%s", exponent));
}

static void test_random_numbers(void **state)
{
    (void)state;
    uint64_t x = 20261130;
    for (int round = 0; round < 2000; round++) {
        char list[400] = "[";
        struct buf json;
        struct job job;
        size_t len = 1;
        for (int i = 0; i < 5; i++) {
            len += put_random(&x, list + len, sizeof list - len);
            list[len++] = i < 4 ? ',' : ']';
        }
        list[len] = '\0';
        buf_init(&json, 4096);
        buf_printf(&json,
                   "{\"code\":\"c\",\"enqueued_at\":1.5,\"meta\":{\"a\":%s},\"tags\":[\"-1.5\"],"
                   "\"push\":{\"n\":1.5,\"X\":%s}}",
                   list, list);
        parse(buf_text(&json), &job);
        check_dumped(json_object_get(job.push, "X"), list);
        check_dumped(json_object_get(job.meta, "a"), list);
        job_free(&job);
        buf_free(&json);
    }
}

/* Of the places where numbers are checked they stay what they are. */
static void test_where_numbers_stay_numbers(void **state)
{
    (void)state;
    struct job job;
    size_t len;
    parse("{\"code\":\"c\",\"school\":\"s\",\"enqueued_at\":1.5,\"push\":{\"a\":0.5,\"b\":[0.5]}}",
          &job);
    assert_true(json_is_real(json_object_get(job.push, "a")));
    assert_null(numbers_text(json_object_get(job.push, "a"), &len));
    const json_t *kept = json_array_get(json_object_get(job.push, "b"), 0);
    assert_string_equal(numbers_text(kept, &len), "0.5");
    assert_int_equal(len, 3);
    job_free(&job);
}

static void test_texts_are_no_numbers(void **state)
{
    (void)state;
    struct job job;
    parse("{\"code\":\"c\",\"school\":\"s\",\"meta\":{\"\\\\u00001\":\"\\\\u00001.5\",\"q\":"
          "\"\\\"\\\\u0000\","
          "\"n\":1.50}}",
          &job);
    check_dumped(job.meta, "{\"\\\\u00001\":\"\\\\u00001.5\",\"q\":\"\\\"\\\\u0000\",\"n\":1.50}");
    job_free(&job);
}

static void check_refused(const char *json, enum reason reason, const char *text)
{
    struct job job;
    struct refusal why;
    assert_false(job_parse(json, strlen(json), &limits, &job, &why));
    assert_string_equal(why.err.text, text);
    assert_int_equal(why.reason, reason);
    job_free(&job);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    check_refused("{\"meta\":{\"a\":18446744073709551616}}", REASON_INVALID_JSON,
                  "not JSON: a number out of range at byte 33");
    check_refused("{\"meta\":{\"a\":-9223372036854775809}}", REASON_INVALID_JSON,
                  "not JSON: a number out of range at byte 33");
    check_refused("{\"meta\":{\"a\":18446744073709551615} x}", REASON_INVALID_JSON,
                  "not JSON: syntax error at byte 36");
    check_refused("{\"code\":\"c\",\"delay_s\":9223372036854775808}", REASON_INVALID_JOB,
                  "delay_s: a number out of range, must be an integer");
}

static void test_length_of_meta(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b;
        struct job job;
        struct refusal why;
        buf_init(&b, 10000);
        buf_puts(&b, "{\"code\":\"c\",\"school\":\"s\",\"meta\":{\"a\":[-0");
        for (size_t i = 0; i < (1024 - 9) / 3; i++)
            buf_puts(&b, ",-0");
        buf_printf(&b, "]%s}}", over ? ",\"b\":1" : "");
        assert_int_equal(job_parse(buf_text(&b), b.len, &limits, &job, &why), !over);
        if (over)
            assert_string_equal(why.err.text, "meta: 1030 bytes of JSON, at most 1024");
        job_free(&job);
        buf_free(&b);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b;
        struct job job;
        struct refusal why;
        buf_init(&b, 20000);
        buf_puts(&b, "{\"code\":\"c\",\"school\":\"s\",\"push\":{\"X\":[7");
        for (size_t i = 0; i < 2000 + over; i++)
            buf_puts(&b, ",1.5");
        buf_puts(&b, "]}}");
        assert_int_equal(job_parse(buf_text(&b), b.len, &limits, &job, &why), !over);
        if (over)
            assert_string_equal(
                why.err.text,
                "params, push, meta: at most 2000 numbers that are no plain integers");
        job_free(&job);
        buf_free(&b);
    }
}

/* As many values as there may be, at two depths and in two members, and one more. */
static void test_too_many_values(void **state)
{
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        struct buf b;
        struct job job;
        struct refusal why;
        buf_init(&b, 40000);
        buf_puts(&b, "{\"code\":\"c\",\"school\":\"s\",\"meta\":{\"a\":{}},\"push\":{\"X\":[[7");
        for (size_t i = 0; i < 10000 - 4 + over; i++)
            buf_puts(&b, ",1");
        buf_puts(&b, "]]}}");
        assert_int_equal(job_parse(buf_text(&b), b.len, &limits, &job, &why), !over);
        if (over)
            assert_string_equal(why.err.text, "push, meta: at most 10000 values");
        job_free(&job);
        buf_free(&b);
    }
}

static void test_reals_of_the_configuration(void **state)
{
    (void)state;
    static const struct {
        double x;
        const char *text;
    } cases[] = {{9.9, "9.9"},
                 {2, "2.0"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {1e20, "1e+20"},
                 {-0.5, "-0.5"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len;
        json_t *kept = numbers_from_real(cases[i].x);
        assert_string_equal(numbers_text(kept, &len), cases[i].text);
        assert_int_equal(len, strlen(cases[i].text));
        json_decref(kept);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_number_goes_out_as_it_came),
        cmocka_unit_test(test_random_numbers),
        cmocka_unit_test(test_where_numbers_stay_numbers),
        cmocka_unit_test(test_texts_are_no_numbers),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_length_of_meta),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_reals_of_the_configuration),
    };
    return cmocka_run_group_tests_name("numbers", tests, NULL, NULL);
}
