/* SPDX-License-Identifier: MIT
 * The foundation (mem, err, buf, text, clock, log, metrics). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},     {"-5", true, -5},  {"100", true, 100},
        {"101", false, 0},  {"-6", false, 0},  {"", false, 0},
        {" 1", false, 0},   {"1 ", false, 0},  {"+1", false, 0},
        {"0x10", false, 0}, {"1e2", false, 0}, {"99999999999999999999", false, 0},
        {"-", false, 0},    {"1.0", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t n = 0;
        assert_int_equal(text_int(rows[i].text, -5, 100, &n), rows[i].ok);
        assert_int_equal(n, rows[i].value);
    }
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* 0: none */
    } rows[] = {
        {"1", 1000},
        {"90", 90000},
        {"30s", 30000},
        {"10m", 600000},
        {"2h", 7200000},
        {"30d", 2592000000},
        {"1000000000d", INT64_C(86400000000000000)},
        {"1000000001d", 0},
        {"", 0},
        {"s", 0},
        {"0", 0},
        {"0s", 0},
        {"-1s", 0},
        {"+1s", 0},
        {"1w", 0},
        {"1 s", 0},
        {"1ss", 0},
        {"1.5h", 0},
        {"00000000000000001s", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 0;
        assert_int_equal(text_duration(rows[i].text, &ms), rows[i].ms > 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool ok;
    } rows[] = {
        {"", 0, true},
        {"a\0b", 3, true},
        {"\xC3\xA9", 2, true},
        {"\xE6\x9D\xAD\xE5\xB7\x9E", 6, true},
        {"\xF0\x9F\x98\x80", 4, true},
        {"\xF4\x8F\xBF\xBF", 4, true},
        {"\x80", 1, false},
        {"\xC3", 1, false},
        {"\xC0\x80", 2, false},
        {"\xE0\x80\x80", 3, false},
        {"\xED\xA0\x80", 3, false},
        {"\xF0\x80\x80\x80", 4, false},
        {"\xF4\x90\x80\x80", 4, false},
        {"\xF5\x80\x80\x80", 4, false},
        {"\xFF", 1, false},
        {"\xE6\x9D", 2, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(text_is_utf8(rows[i].bytes, rows[i].len), rows[i].ok);
    assert_int_equal(text_utf8_chars("a\xE6\x9D\xAD\xF0\x9F\x98\x80"), 3);
}

/* RFC 4648 §10, and the two characters in which the alphabets differ. */
static void base64_and_hex(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"foobar", "Zm9vYmFy"},
                                          {"\xFB\xFF", "+/8="}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, 64);
        text_base64(&b, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buf_text(&b), rows[i][1]);
        buf_free(&b);
    }
    char out[16];
    text_base64url("\xFB\xFF", 2, out);
    assert_string_equal(out, "-_8");
    text_hex("\x00\x9f\xff", 3, out);
    assert_string_equal(out, "009fff");
    char number[21];
    assert_ptr_equal(number + 1, text_number(number, 0));
    assert_string_equal(number, "0");
    text_number(stpcpy(number, "x"), 4096);
    assert_string_equal(number, "x4096");
    assert_ptr_equal(number + 20, text_number(number, UINT64_MAX));
    assert_string_equal(number, "18446744073709551615");
    assert_true(text_starts("push:reply:x", "push:reply:") && !text_starts("pus", "push"));
    assert_true(text_starts("a", "") && text_starts("", "") && !text_starts("", "a"));
    assert_true(text_eq("a", "a") && text_eq("", "") && !text_eq("a", "ab") && !text_eq("", "a"));
    assert_true(text_ends("Invalid.Format", ".Format") && !text_ends("at", "Format"));
}

static void rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-03-05T07:08:09Z", true, 1772694489000},
        {"2026-03-05T15:08:09+08:00", true, 1772694489000},
        {"2026-03-05T02:38:09.250-04:30", true, 1772694489250},
        {"2024-02-29t00:00:00z", true, 1709164800000},
        {"2026-02-29T00:00:00Z", false, 0},
        {"2026-04-31T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"2026-03-05T24:00:00Z", false, 0},
        {"2026-03-05T07:08:09", false, 0},
        {"2026-03-05T07:08:09.Z", false, 0},
        {"2026-03-05T15:08:09+0800", true, 1772694489000},
        {"2026-03-05T15:08:09+08", true, 1772694489000},
        {"2026-03-05T02:38:09.5-0430", true, 1772694489500},
        {"2026-03-05T15:08+08:00", true, 1772694480000},
        {"2026-03-05 07:08Z", true, 1772694480000},
        {"2026-03-05T07:08", false, 0},
        {"2026-03-05T07:08:", false, 0},
        {"2026-03-05T07:08:Z", false, 0},
        {"2026-03-05T07:08.5Z", false, 0},
        {"2026-03-05T07Z", false, 0},
        {"2026-03-05T07:08:09+8", false, 0},
        {"2026-03-05T07:08:09+080", false, 0},
        {"2026-03-05T07:08:09+08:", false, 0},
        {"2026-03-05T07:08:09+08:0", false, 0},
        {"2026-03-05T07:08:09+08000", false, 0},
        {"2026-03-05T07:08:09+24", false, 0},
        {"2026-03-05T07:08:09Z ", false, 0},
        {"2026-3-5T07:08:09Z", false, 0},
        {"", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ms = 0;
        assert_int_equal(clock_parse_rfc3339(rows[i].text, &ms), rows[i].ok);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void utc_text(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {1772694489999, "2026-03-05T07:08:09Z"}, {0, "1970-01-01T00:00:00Z"},
        {1709164800000, "2024-02-29T00:00:00Z"}, {INT64_C(253402300799999), "9999-12-31T23:59:59Z"},
        {INT64_C(253402300800000), ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char utc[CLOCK_UTC_SIZE];
        clock_format_utc(rows[i].ms, utc);
        assert_string_equal(utc, rows[i].text);
    }
}

static void http_dates(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(clock_parse_http_date("Thu, 05 Mar 2026 07:38:09 GMT", &ms));
    assert_int_equal(ms, 1772696289000);
    static const char *const bad[] = {"", "Thu, 05 Xxx 2026 07:38:09 GMT",
                                      "Thu, 31 Feb 2026 07:38:09 GMT",
                                      "Thu, 05 anF 2026 07:38:09 GMT", "05 Mar 2026"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(clock_parse_http_date(bad[i], &ms));
}

static void clocks_and_chance(void **state)
{
    (void)state;
    int64_t a = clock_mono_ms(), b = clock_mono_ms();
    assert_true(b >= a && clock_boot_ms() >= a && clock_wall_ms() > 1700000000000);
    unsigned char one[16], two[16];
    for (int i = 0; i < 1000; i++) { /* across a refill of the pool */
        clock_random(one, sizeof one);
        clock_random(two, sizeof two);
        assert_memory_not_equal(two, one, sizeof one);
        assert_true(clock_random_below(7) < 7);
    }
    assert_int_equal(clock_random_below(0), 0);
}

static void buffers_keep_their_bound(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_string_equal(buf_text(&b), "");
    buf_puts(&b, "12345");
    buf_int(&b, -7);
    assert_true(buf_ok(&b));
    buf_puts(&b, "xyz");
    assert_false(buf_ok(&b));
    assert_string_equal(buf_text(&b), "12345-7x");
    buf_puts(&b, "more");
    assert_int_equal(b.len, 8);
    buf_reset(&b);
    assert_true(buf_ok(&b) && b.len == 0);
    buf_printf(&b, "%d-%s", 42, "abc");
    char *taken = buf_take(&b);
    assert_string_equal(taken, "42-abc");
    mem_free(taken);
    buf_free(&b);
}

static void json_text(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 256);
    buf_json(&b, "a\"\\\n\r\t\x01\x1f/\0\xE6\x9D\xAD", 13);
    assert_string_equal(buf_text(&b), "\"a\\\"\\\\\\n\\r\\t\\u0001\\u001f/\\u0000\xE6\x9D\xAD\"");
    buf_reset(&b);
    buf_json_or_null(&b, NULL);
    buf_int(&b, INT64_MIN);
    assert_string_equal(buf_text(&b), "null-9223372036854775808");
    buf_free(&b);
}

static void errors_are_cut_not_overrun(void **state)
{
    (void)state;
    struct err e;
    assert_false(err_set(&e, "tags: %d elements, at most %d", 5, 3));
    assert_false(err_prefix(&e, "line 7"));
    assert_string_equal(e.text, "line 7: tags: 5 elements, at most 3");
    char long_text[1024];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    err_set(&e, "%s", long_text);
    err_prefix(&e, "p");
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    assert_false(err_set(NULL, "nobody listens"));
}

static void log_values(void **state)
{
    (void)state;
    assert_string_equal(log_value("plain-1"), "plain-1");
    assert_string_equal(log_value("two words"), "\"two words\"");
    assert_string_equal(log_value("a\"b"), "\"a\\\"b\"");
    assert_string_equal(log_value("x\ny"), "\"x\\ny\"");
    assert_string_equal(log_value(""), "\"\"");
    assert_string_equal(log_value(NULL), "-");
}

/* A pipe that nobody reads: the writer drops lines and counts them, and never blocks. */
static void log_never_blocks(void **state)
{
    (void)state;
    int fd[2], keep = dup(STDERR_FILENO);
    assert_int_equal(pipe(fd), 0);
    dup2(fd[1], STDERR_FILENO);
    uint64_t before = log_dropped();
    for (int i = 0; i < 5000; i++)
        log_error("event=flood i=%d", i);
    dup2(keep, STDERR_FILENO);
    assert_true(log_dropped() > before);
    close(fd[0]);
    close(fd[1]);
    close(keep);
}

static void test_text_hex_byte(void **state)
{
    (void)state;
    assert_int_equal(text_hex_byte("00", 2), 0);
    assert_int_equal(text_hex_byte("fFx", 3), 255);
    assert_int_equal(text_hex_byte("7a", 1), -1);
    assert_int_equal(text_hex_byte("g0", 2), -1);
    assert_int_equal(text_hex_byte("0@", 2), -1);
}

static void test_text_element(void **state)
{
    (void)state;
    static const char *const lists[][4] = {
        {"a", "a"}, {" a , bc,", "a", "bc", ""}, {"", ""}, {"a b,, c", "a b", "", "c"}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const char *rest = lists[i][0];
        for (size_t k = 1; k < 4 && lists[i][k]; k++) {
            size_t len;
            const char *element = text_element(&rest, &len);
            assert_int_equal(len, strlen(lists[i][k]));
            assert_memory_equal(element, lists[i][k], len);
        }
        assert_null(rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_hex_byte),
        cmocka_unit_test(test_text_element),
        cmocka_unit_test(integers),
        cmocka_unit_test(durations),
        cmocka_unit_test(utf8),
        cmocka_unit_test(base64_and_hex),
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(utc_text),
        cmocka_unit_test(http_dates),
        cmocka_unit_test(clocks_and_chance),
        cmocka_unit_test(buffers_keep_their_bound),
        cmocka_unit_test(json_text),
        cmocka_unit_test(errors_are_cut_not_overrun),
        cmocka_unit_test(log_values),
        cmocka_unit_test(log_never_blocks),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
