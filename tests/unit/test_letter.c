/* SPDX-License-Identifier: MIT */
#include "job/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static struct letter read_letter(const char *text)
{
    struct letter l;
    struct err e = {""};
    if (!letter_read(text, strlen(text), &l, &e))
        fail_msg("%s", e.text);
    return l;
}

static void test_own_letters_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } jobs[] = {{"{\"code\":\"I1\"}", 13},
                {"", 0},
                {"a\0\"\n\xc3\xbc", 6},
                {"\xff\0x", 3},
                {"\xff", 1},
                {"\xff\xfe", 2}};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        const struct push_done push = {2, "77", "R", NULL};
        const struct outcome o = {.id = "u1",
                                  .queue = "q",
                                  .call = "c.0",
                                  .worker = "w",
                                  .reason = REASON_EXPIRED,
                                  .maybe_sent = true,
                                  .pushes = &push,
                                  .npushes = 1,
                                  .attempts = 3,
                                  .gen = 2,
                                  .done_at_ms = 99,
                                  .error_message = "late",
                                  .bytes = jobs[i].bytes,
                                  .len = jobs[i].len};
        struct buf out;
        struct err e;
        struct letter l;
        buf_init(&out, 4000);
        outcome_write(&o, &out);
        assert_true(letter_read(buf_text(&out), out.len, &l, &e));
        assert_string_equal(l.id, "u1");
        assert_string_equal(l.queue, "q");
        assert_string_equal(l.call, "c.0");
        assert_string_equal(l.reason, "expired");
        assert_null(l.error_code);
        assert_string_equal(l.error_message, "late");
        assert_true(l.maybe_sent && l.attempts == 3 && l.gen == 2 && l.done_at_ms == 99);
        assert_int_equal(l.len, jobs[i].len);
        assert_memory_equal(l.bytes, jobs[i].bytes, l.len);
        letter_free(&l);
        buf_free(&out);
    }
}

static void test_unreadable(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"status\":\"sent\",\"id\":\"a\"}",
        "{\"status\":\"dead\",\"id\":\"a\",\"reason\":\"expired\"}",
        "{\"status\":\"dead\",\"id\":\"\",\"reason\":\"expired\",\"job\":\"\"}",
        "{\"status\":\"dead\",\"id\":7,\"reason\":\"expired\",\"job\":\"\"}",
        "{\"status\":\"dead\",\"id\":\"a\",\"reason\":\"expired\",\"job_b64\":\"*\"}",
        "{\"status\":\"dead\",\"id\":\"a\",\"reason\":\"expired\",\"job_b64\":\"ab=c\"}",
        "{\"status\":\"dead\",\"id\":\"a\",\"reason\":\"expired\",\"job_b64\":\"a===\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct letter l;
        struct err e = {""};
        if (letter_read(texts[i], strlen(texts[i]), &l, &e))
            fail_msg("read: %s", texts[i]);
        assert_true(e.text[0] && !l.root);
    }
}

static const char plain[] =
    "{\"id\":\"a\",\"app\":\"x\",\"code\":\"I1\",\"status\":\"dead\",\"reason\":"
    "\"provider_rejected\",\"maybe_sent\":false,\"error\":{\"code\":\"Bad\"},"
    "\"pushes\":[],\"attempts\":1,\"done_at\":1000,\"job\":\"{}\"}";

static bool selects(struct letter_filter f, int64_t now_ms)
{
    struct letter l = read_letter(plain);
    bool matches = letter_matches(&l, &f, now_ms);
    letter_free(&l);
    return matches;
}

#define FILTER(...) ((struct letter_filter){__VA_ARGS__})

static void test_filters(void **state)
{
    (void)state;
    const char *ids[] = {"b", "a"};
    assert_true(selects(FILTER(.nids = 0), 1000));
    assert_true(selects(FILTER(.reason = "provider_rejected", .app = "x", .code = "I1",
                               .error = "Bad", .ids = ids, .nids = 2),
                        1000));
    assert_false(selects(FILTER(.reason = "expired"), 1000));
    assert_false(selects(FILTER(.app = "y"), 1000));
    assert_false(selects(FILTER(.code = "I2"), 1000));
    assert_false(selects(FILTER(.error = "Other"), 1000));
    assert_false(selects(FILTER(.ids = ids, .nids = 1), 1000));
    assert_false(selects(FILTER(.unreadable = true), 1000));
    assert_true(selects(FILTER(.older_ms = 500), 1500));
    assert_false(selects(FILTER(.older_ms = 501), 1500));
    assert_true(selects(FILTER(.newer_ms = 500), 1500));
    assert_false(selects(FILTER(.newer_ms = 499), 1500));
}

static void test_only_asked_for_when_unreadable(void **state)
{
    (void)state;
    const struct letter none = {0};
    assert_true(letter_matches(&none, &FILTER(.nids = 0), 0));
    assert_true(letter_matches(&none, &FILTER(.unreadable = true), 0));
    assert_false(letter_matches(&none, &FILTER(.reason = "expired"), 0));
    assert_false(letter_matches(&none, &FILTER(.older_ms = 1), 0));
}

static void check_envelope(const char *letter, bool new_token, const char *want)
{
    struct letter l = read_letter(letter);
    struct buf out;
    struct err e = {""};
    buf_init(&out, 4000);
    if (!letter_envelope(&l, new_token, 5000, &out, &e))
        fail_msg("%s", e.text);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
    letter_free(&l);
}

static void test_envelope(void **state)
{
    (void)state;
    check_envelope(plain, false,
                   "{\"uid\":\"a\",\"t0\":5000,\"replayed\":true,\"history\":[{\"reason\":"
                   "\"provider_rejected\",\"error\":\"Bad\",\"at\":1000,\"attempts\":1,"
                   "\"maybe_sent\":false}]}");
    check_envelope(
        "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"ambiguous\",\"maybe_sent\":true,\"error\":"
        "{\"code\":null},\"pushes\":[{\"message_id\":\"7\",\"request_id\":\"R\",\"part\":1}],"
        "\"attempts\":2,\"done_at\":9,\"gen\":3,\"history\":[1],\"job\":\"{}\"}",
        true,
        "{\"uid\":\"b\",\"gen\":4,\"t0\":5000,\"given_up\":true,\"pushes\":[[1,\"7\",\"R\"]],"
        "\"replayed\":true,\"history\":[1,{\"reason\":\"ambiguous\",\"error\":null,\"at\":9,"
        "\"attempts\":2,\"maybe_sent\":true}]}");
}

#define BEGUN_PARTS "\"apps\":\"a\",\"split\":[1000,7,1000,2,10,50]"
#define BEGUN_CALL                                                                                 \
    "\"calls\":[[2,\"00112233445566aa\",\"ffeeddccbbaa9988\"]],\"checks\":\"01234567\""
#define LETTER(maybe, more)                                                                        \
    "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"ambiguous\",\"maybe_sent\":" maybe             \
    ",\"error\":{\"code\":null},\"attempts\":2,\"done_at\":9," more "\"begun\":{" BEGUN_PARTS      \
    "," BEGUN_CALL "},\"job\":\"{}\"}"

/* The same token is promised for the same call only; parts stay what they were in any case. */
static void test_what_was_begun_comes_back(void **state)
{
    (void)state;
    static const struct {
        const char *letter;
        bool new_token;
        const char *begun, *unanswered;
    } rows[] = {
        {LETTER("true", ""), false, "\"begun\":{" BEGUN_PARTS "," BEGUN_CALL "}",
         "\"first_sent\":5000,\"given_up\":true,\"unanswered\":\"4\""},
        {LETTER("true", ""), true, "\"begun\":{" BEGUN_PARTS "}", NULL},
        {LETTER("false", ""), false, "\"begun\":{" BEGUN_PARTS "}", NULL},
        {LETTER("true", "\"call\":\"c\",\"task\":0,"), false, "\"begun\":{" BEGUN_PARTS "}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct letter l = read_letter(rows[i].letter);
        struct buf out;
        struct err e = {""};
        buf_init(&out, 4000);
        if (!letter_envelope(&l, rows[i].new_token, 5000, &out, &e))
            fail_msg("%s", e.text);
        if (!strstr(buf_text(&out), rows[i].begun))
            fail_msg("row %zu: %s", i, buf_text(&out));
        if (rows[i].unanswered)
            assert_non_null(strstr(buf_text(&out), rows[i].unanswered));
        else
            assert_null(strstr(buf_text(&out), "unanswered"));
        buf_free(&out);
        letter_free(&l);
    }
}

static void test_history_is_bounded(void **state)
{
    (void)state;
    struct letter l =
        read_letter("{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"expired\",\"job\":\"{}\","
                    "\"history\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13]}");
    struct buf out;
    struct envelope v;
    buf_init(&out, 4000);
    assert_true(letter_envelope(&l, false, 1, &out, NULL));
    assert_true(envelope_read(buf_text(&out), out.len, &v, NULL));
    json_t *history = json_loads(v.history, 0, NULL);
    assert_int_equal(json_array_size(history), LETTER_HISTORY_MAX);
    assert_int_equal(json_integer_value(json_array_get(history, 0)), 5);
    assert_true(v.replayed && !v.attempts && !v.first_sent_ms);
    json_decref(history);
    envelope_free(&v);
    buf_free(&out);
    letter_free(&l);
}

static void test_envelope_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"x\",\"job\":\"\",\"pushes\":[1]}",
        "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"x\",\"job\":\"\",\"pushes\":[{\"part\":64,"
        "\"message_id\":\"1\"}]}",
        "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"x\",\"job\":\"\",\"pushes\":[{\"part\":1,"
        "\"message_id\":\"123456789012345678901234567890123\"}]}",
        "{\"id\":\"b\",\"status\":\"dead\",\"reason\":\"x\",\"job\":\"\",\"begun\":{\"apps\":\"a\"}"
        "}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct letter l = read_letter(texts[i]);
        struct buf out;
        struct err e = {""};
        buf_init(&out, 4000);
        assert_false(letter_envelope(&l, false, 1, &out, &e));
        assert_true(e.text[0]);
        buf_free(&out);
        letter_free(&l);
    }
}

/* A dead letter has what its job had: numbers that the library does not read. */
static void large_numbers_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"id\":\"i\",\"app\":\"a\",\"code\":null,\"status\":\"dead\",\"reason\":\"expired\","
        "\"meta\":{\"id\":18446744073709551615},\"job\":\"{}\"}";
    struct letter l;
    struct err e;
    assert_true(letter_read(text, sizeof text - 1, &l, &e));
    assert_string_equal(l.id, "i");
    letter_free(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_numbers_are_read),
        cmocka_unit_test(test_own_letters_come_back),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_only_asked_for_when_unreadable),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_what_was_begun_comes_back),
        cmocka_unit_test(test_history_is_bounded),
        cmocka_unit_test(test_envelope_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
