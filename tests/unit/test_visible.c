/* SPDX-License-Identifier: MIT
 * Characters that could act on a reader (chars, visible), and JSON and log lines that hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/chars.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/visible.h"

/* UTF-8 of a code point, NUL behind; returns its length. */
static size_t encode(uint32_t c, char out[5])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(n == 1 ? c : lead[n] | c);
    out[n] = '\0';
    return n;
}

/* As the issue lists them, one by one. */
static bool is_barred(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0x061C ||
           c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069);
}

static void every_code_point(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char text[5];
        uint32_t got;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        size_t n = encode(c, text);
        assert_int_equal(chars_read(text, n, &got), n);
        assert_int_equal(got, c);
        assert_int_equal(chars_is_plain(c), !is_barred(c));
        for (size_t cut = 1; cut < n; cut++) {
            assert_int_equal(chars_read(text, cut, &got), 1);
            assert_int_equal(got, CHARS_NONE);
        }
    }
    assert_false(chars_is_plain(CHARS_NONE));
}

static void cuts_between_characters(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE6\x9D\xAD\xF0\x9F\x98\x80";
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t max = 0; max < sizeof ends / sizeof *ends; max++)
        assert_int_equal(chars_cut(text, strlen(text), max), ends[max]);
}

static void eyes_see_escapes(void **state)
{
    (void)state;
    struct buf b;
    char room[16];
    buf_init(&b, 1000);
    visible_add(&b, "a\x1B[2J\x7F\xC2\x9B\x9B\xE2\x80\xAE\xE6\x9D\xAD\n\0.", 18);
    assert_string_equal(buf_text(&b),
                        "a\\u001b[2J\\u007f\\u009b\\x9b\\u202e\xE6\x9D\xAD\\n\\u0000.");
    buf_free(&b);
    assert_int_equal(visible_copy(room, sizeof room, "a\xE6\x9D\xAD\x1B\xE6\x9D\xAD\x1B"), 13);
    assert_string_equal(room, "a\xE6\x9D\xAD\\u001b\xE6\x9D\xAD");
    char line[] = "a\x1B\xC2\x85z\x80";
    assert_int_equal(visible_mask(line, strlen(line)), 5);
    assert_memory_equal(line, "a??z?", 5);
}

/* The value that readers get is the one that was there. */
static void json_keeps_the_value(void **state)
{
    (void)state;
    char all[4096];
    size_t len = 0;
    for (uint32_t c = 1; c < 0x2070; c += c == 0x9F ? 0x57D : c == 0x61C ? 0x19E0 : 1)
        len += encode(c, all + len);
    struct buf b, again;
    buf_init(&b, 100000);
    buf_init(&again, 100000);
    buf_json(&b, all, len);
    assert_int_equal(buf_json_len(all, len), b.len);
    json_t *value = json_loadb(buf_text(&b), b.len, JSON_DECODE_ANY, NULL);
    assert_string_equal(json_string_value(value), all);
    json_t *object = json_pack("{s:o}", "k", value);
    char *dumped = json_dumps(object, JSON_INDENT(2));
    visible_json(&again, dumped, strlen(dumped));
    for (size_t i = 0, n; i < again.len; i += n) {
        uint32_t code;
        n = chars_read(buf_text(&again) + i, again.len - i, &code);
        assert_true(chars_is_plain(code) || code == '\n');
    }
    json_t *back = json_loads(buf_text(&again), 0, NULL);
    assert_true(json_equal(object, back));
    free(dumped);
    json_decref(object);
    json_decref(back);
    buf_free(&b);
    buf_free(&again);
}

static void json_of_what_is_no_text(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    buf_json(&b, "a\x9B\xE6\x9D", 4);
    assert_string_equal(buf_text(&b), "\"a\\ufffd\\ufffd\\ufffd\"");
    buf_reset(&b);
    buf_json_raw(&b, "\x7F\xC2\x85\xE2\x80\xAE\x1B", 7);
    assert_string_equal(buf_text(&b), "\"\x7F\xC2\x85\xE2\x80\xAE\\u001b\"");
    buf_free(&b);
}

/* Cut at a character, bounded though every one is an escape, and never the end of a line. */
static void values_of_a_log(void **state)
{
    (void)state;
    char text[300];
    assert_string_equal(log_value("x\xC2\x85level=error"), "\"x\\u0085level=error\"");
    assert_string_equal(log_value("x\ny\x80"), "\"x\\ny\\ufffd\"");
    assert_string_equal(log_value("\xE6\x9D\xAD"), "\xE6\x9D\xAD");
    memset(text, 'a', sizeof text);
    memcpy(text + 199, "\xE6\x9D\xAD", 4);
    assert_int_equal(strlen(log_value(text)), 199);
    memset(text, '\x1B', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_in_range(strlen(log_value(text)), 390, 402);
}

static void errors_end_with_a_character(void **state)
{
    (void)state;
    struct err e;
    char text[400];
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xE6\x9D\xAD", 3);
        text[sizeof text - 1] = '\0';
        err_set(&e, "%.*s%s", (int)shift, "aa", text);
        assert_int_equal(chars_cut(e.text, strlen(e.text), 1000), strlen(e.text));
        for (size_t i = 0, n; i < strlen(e.text); i += n) {
            uint32_t code;
            n = chars_read(e.text + i, strlen(e.text) - i, &code);
            assert_int_not_equal(code, CHARS_NONE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(eyes_see_escapes),
        cmocka_unit_test(json_keeps_the_value),
        cmocka_unit_test(json_of_what_is_no_text),
        cmocka_unit_test(values_of_a_log),
        cmocka_unit_test(errors_end_with_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
