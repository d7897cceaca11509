/* SPDX-License-Identifier: MIT */
#include "job/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static void write_text(const struct envelope *v, char *out, size_t size)
{
    struct buf b;
    buf_init(&b, size - 1);
    envelope_write(v, &b);
    assert_true(buf_ok(&b));
    memcpy(out, buf_text(&b), b.len + 1);
    buf_free(&b);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"uid\":\"a\",\"t0\":1700000000000}",
        "{\"uid\":\"\\\"\\u0001\\\\ "
        "号\",\"id_given\":true,\"origin\":\"AAAA-7\",\"seen\":true,\"gen\":1,\"attempts\":2,"
        "\"throttles\":3,\"alone\":2,\"alone_passed\":100,\"alone_turns\":7,"
        "\"t0\":4,\"first_sent\":5,\"special_used\":true,\"given_up\":true,\"unanswered\":"
        "\"ffffffffffffffff\","
        "\"digest\":\"0123456789abcdef\",\"pushes\":[[0,\"501029001024\",\"A1-B2\"],[63,\"\",\"\"]]"
        ","
        "\"replayed\":true,\"history\":[{\"reason\":\"expired\",\"at\":1},[]]}",
        "{\"uid\":\"a\",\"t0\":4,\"unanswered\":\"3\",\"digest\":\"0123456789abcdef\",\"begun\":{"
        "\"apps\":\"default\",\"split\":[1000,1000,1000,2,10,50],\"calls\":[[1,"
        "\"00112233445566aa\","
        "\"0123456789abcdef\"]],\"checks\":\"0123abcd\"},\"pushes\":[[0,\"5\",\"A\"]]}",
        "{\"uid\":\"a\",\"call\":\"b/0\",\"tasks\":2,\"gen\":1,\"t0\":4,\"unanswered\":\"1\"}",
        "{\"uid\":\"c\",\"id_given\":true,\"call\":\"b/0\",\"task\":999,\"tasks\":1000}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char again[2000];
        struct envelope v;
        struct err e = {""};
        if (!envelope_read(texts[i], strlen(texts[i]), &v, &e))
            fail_msg("%zu: %s", i, e.text);
        write_text(&v, again, sizeof again);
        assert_string_equal(again, texts[i]);
        envelope_free(&v);
    }
}

static void test_values(void **state)
{
    (void)state;
    struct envelope v = {.uid = "u", .unanswered = UINT64_C(1) << 63, .npushes = 1};
    v.pushes = mem_zalloc(sizeof *v.pushes);
    v.pushes[0] = (struct push_done){.part = 7, .message_id = "m", .request_id = "r"};
    char text[1000];
    write_text(&v, text, sizeof text);
    envelope_free(&v);
    assert_true(envelope_read(text, strlen(text), &v, NULL));
    assert_true(v.unanswered == UINT64_C(1) << 63);
    assert_int_equal(v.npushes, 1);
    assert_int_equal(v.pushes[0].part, 7);
    assert_string_equal(v.pushes[0].message_id, "m");
    assert_false(v.id_given || v.special_used);
    assert_null(v.history);
    assert_string_equal(v.call, "");
    assert_int_equal(v.tasks, 0);
    envelope_free(&v);
}

static void test_member_of_a_call(void **state)
{
    (void)state;
    const struct envelope v = {.uid = "u", .call = "batch/3", .task = 4, .tasks = 7, .gen = 2};
    char text[1000];
    write_text(&v, text, sizeof text);
    struct envelope read;
    assert_true(envelope_read(text, strlen(text), &read, NULL));
    assert_string_equal(read.uid, "u");
    assert_string_equal(read.call, "batch/3");
    assert_int_equal(read.task, 4);
    assert_int_equal(read.tasks, 7);
    assert_int_equal(read.gen, 2);
    envelope_free(&read);
}

static void test_newer_writer(void **state)
{
    (void)state;
    static const char text[] =
        "{\"v\":9,\"uid\":\"u\",\"group\":{\"call\":\"x\",\"members\":[1,2]},\"attempts\":1}";
    struct envelope v;
    assert_true(envelope_read(text, sizeof text - 1, &v, NULL));
    assert_int_equal(v.attempts, 1);
    envelope_free(&v);
}

#define LONG_130                                                                                   \
    "0123456789012345678901234567890123456789012345678901234567890123456789"                       \
    "012345678901234567890123456789012345678901234567890123456789"

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", "not JSON"},
        {"{", "not JSON"},
        {"[]", "uid"},
        {"{}", "uid"},
        {"{\"uid\":\"\"}", "uid"},
        {"{\"uid\":1}", "uid"},
        {"{\"uid\":\"" LONG_130 "\"}", "uid"},
        {"{\"uid\":\"u\",\"id_given\":1}", "id_given"},
        {"{\"uid\":\"u\",\"attempts\":-1}", "attempts"},
        {"{\"uid\":\"u\",\"gen\":\"1\"}", "gen"},
        {"{\"uid\":\"u\",\"throttles\":1.0}", "throttles"},
        {"{\"uid\":\"u\",\"t0\":null}", "t0"},
        {"{\"uid\":\"u\",\"first_sent\":99999999999999999999}", "not JSON"},
        {"{\"uid\":\"u\",\"unanswered\":3}", "unanswered"},
        {"{\"uid\":\"u\",\"unanswered\":\"\"}", "unanswered"},
        {"{\"uid\":\"u\",\"unanswered\":\"-1\"}", "unanswered"},
        {"{\"uid\":\"u\",\"unanswered\":\"10000000000000000\"}", "unanswered"},
        {"{\"uid\":\"u\",\"digest\":\"0123456789abcdef0\"}", "digest"},
        {"{\"uid\":\"u\",\"pushes\":{}}", "pushes"},
        {"{\"uid\":\"u\",\"pushes\":[[0,\"m\",\"r\"],[64,\"m\",\"r\"]]}", "pushes"},
        {"{\"uid\":\"u\",\"pushes\":[[-1,\"m\",\"r\"]]}", "pushes"},
        {"{\"uid\":\"u\",\"pushes\":[[0,\"m\"]]}", "pushes"},
        {"{\"uid\":\"u\",\"pushes\":[[0,\"" LONG_130 "\",\"r\"]]}", "pushes"},
        {"{\"uid\":\"u\",\"history\":{}}", "history"},
        {"{\"uid\":\"u\",\"call\":\"\",\"tasks\":1}", "call"},
        {"{\"uid\":\"u\",\"call\":\"" LONG_130 "\",\"tasks\":1}", "call"},
        {"{\"uid\":\"u\",\"call\":[],\"tasks\":1}", "call"},
        {"{\"uid\":\"u\",\"call\":\"c\"}", "task"},
        {"{\"uid\":\"u\",\"call\":\"c\",\"task\":2,\"tasks\":2}", "task"},
        {"{\"uid\":\"u\",\"call\":\"c\",\"task\":-1,\"tasks\":2}", "task"},
        {"{\"uid\":\"u\",\"call\":\"c\",\"tasks\":1001}", "task"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct envelope v;
        struct err e = {""};
        assert_false(envelope_read(texts[i][0], strlen(texts[i][0]), &v, &e));
        if (!strstr(e.text, texts[i][1]))
            fail_msg("%zu: %s", i, e.text);
        assert_null(v.pushes);
        assert_string_equal(v.uid, "");
        envelope_free(&v);
    }
}

static void failures_in_a_trouble_are_refunded(void **state)
{
    (void)state;
    struct envelope v = {.uid = "u", .attempts = 10}, read;
    struct err e;
    struct buf b;
    for (int64_t t = 1; t <= 10; t++)
        envelope_note_failure(&v, t * 100);
    assert_int_equal(v.nfailed, ENVELOPE_FAILED_MAX);
    assert_int_equal(v.failed_ms[0], 300);
    buf_init(&b, 4096);
    envelope_write(&v, &b);
    assert_true(envelope_read(buf_text(&b), b.len, &read, &e));
    assert_int_equal(read.nfailed, ENVELOPE_FAILED_MAX);
    envelope_refund(&read, 400, 600);
    assert_int_equal(read.attempts, 7);
    assert_int_equal(read.nfailed, 5);
    assert_int_equal(read.failed_ms[1], 700);
    envelope_refund(&read, 400, 600);
    assert_int_equal(read.attempts, 7);
    envelope_refund(&read, 0, INT64_MAX);
    assert_int_equal(read.attempts, 2);
    envelope_free(&read);
    buf_free(&b);
    static const char bad[] = "{\"uid\":\"u\",\"failed\":[1,-2]}";
    assert_false(envelope_read(bad, sizeof bad - 1, &read, &e));
}

/* Those of a trouble that all have blame nobody: only the first counts, and what comes while others
 * are let through after it. */
static void refusals_while_others_are_sent_are_counted(void **state)
{
    (void)state;
    struct envelope v = {.uid = "u"}, read;
    struct err e;
    struct buf b;
    static const struct {
        int64_t others_sent, now, blamed;
    } steps[] = {{50, 100, 1},  {50, 200, 1},  {0, 300, 1},
                 {310, 400, 2}, {310, 500, 3}, {0, 700, 3}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        envelope_note_refusal(&v, steps[i].others_sent, steps[i].now);
        assert_int_equal(v.refused, i + 1);
        assert_int_equal(v.blamed, steps[i].blamed);
    }
    buf_init(&b, 4096);
    envelope_write(&v, &b);
    assert_true(envelope_read(buf_text(&b), b.len, &read, &e));
    assert_int_equal(read.refused, 6);
    assert_int_equal(read.refused_ms, 100);
    assert_int_equal(read.blamed, 3);
    envelope_free(&read);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_member_of_a_call),
        cmocka_unit_test(test_newer_writer),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(failures_in_a_trouble_are_refunded),
        cmocka_unit_test(refusals_while_others_are_sent_are_counted),
    };
    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
