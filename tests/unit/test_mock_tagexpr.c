/* SPDX-License-Identifier: MIT
 * Tag expressions as the stand-in reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mock/check/tagexpr.h"

#define T(name) "{\"tag\":\"" name "\"}"

static void test_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* "" : accepted */
    } rows[] = {
        {"vip", ""},
        {"a,b", ""},
        {"", "a tag name is empty"},
        {T("a"), ""},
        {"{\"and\":[" T("a") ",{\"or\":[" T("b") "," T("c") "]}]}", ""},
        {"{\"and\":[" T("a") ",{\"not\":" T("b") "}]}", ""},
        {"{\"or\":[" T("a") "]}", ""},
        {"{", "not a JSON object"},
        {"{\"tag\":\"a\",\"tag\":\"b\"}", "not a JSON object"},
        {"{}", "every node is an object with one member"},
        {"{\"tag\":\"a\",\"or\":[]}", "every node is an object with one member"},
        {"{\"tag\":7}", "\"tag\" takes a string"},
        {T(""), "a tag name is empty"},
        {"{\"xor\":[" T("a") "]}", "unknown operator"},
        {"{\"and\":[]}", "and/or takes a list of 1 to 10 operands"},
        {"{\"and\":" T("a") "}", "and/or takes a list of 1 to 10 operands"},
        {"{\"and\":[7]}", "every node is an object with one member"},
        {"{\"not\":" T("a") "}", "\"not\" stands alone"},
        {"{\"and\":[{\"not\":" T("a") "}]}", "\"not\" stands alone"},
        {"{\"and\":[" T("a") ",{\"or\":[{\"not\":" T("b") "}]}]}", "\"not\" stands alone"},
        {"{\"and\":[" T("a") ",{\"not\":{\"or\":[" T("b") "]}}]}", "\"not\" takes one tag"},
        {"{\"and\":[" T("a") ",{\"not\":[]}]}", "\"not\" takes one tag"},
        {"{\"and\":[{\"or\":[{\"and\":[" T("a") "]}]}]}", "and/or nested deeper than 2 levels"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {""};
        bool ok = tagexpr_check(rows[i].text, &e);
        if (ok != !*rows[i].why || strcmp(e.text, rows[i].why) != 0)
            fail_msg("%s: %s", rows[i].text, ok ? "accepted" : e.text);
    }
}

/* {"or":[{"or":[n tags]} × groups]} */
static bool many(int groups, int n)
{
    struct buf b;
    struct err e;
    buf_init(&b, 65536);
    buf_puts(&b, "{\"or\":[");
    for (int g = 0; g < groups; g++) {
        buf_puts(&b, g ? ",{\"or\":[" : "{\"or\":[");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s{\"tag\":\"t%d-%d\"}", i ? "," : "", g, i);
        buf_puts(&b, "]}");
    }
    buf_puts(&b, "]}");
    bool ok = tagexpr_check(buf_text(&b), &e);
    buf_free(&b);
    return ok;
}

static void test_limits(void **state)
{
    (void)state;
    assert_true(many(5, TAGEXPR_OPERANDS));
    assert_false(many(6, TAGEXPR_OPERANDS)); /* over 50 tags */
    assert_false(many(1, TAGEXPR_OPERANDS + 1));
    assert_true(many(TAGEXPR_OPERANDS, 5));
    assert_false(many(TAGEXPR_OPERANDS + 1, 1));
    struct buf b;
    struct err e;
    buf_init(&b, 4096);
    for (int i = 0; i < TAGEXPR_NAME_CHARS; i++)
        buf_puts(&b, "杭"); /* characters, not bytes */
    assert_true(tagexpr_check(buf_text(&b), &e));
    buf_putc(&b, 'x');
    assert_false(tagexpr_check(buf_text(&b), &e));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expressions),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests_name("mock tagexpr", tests, NULL, NULL);
}
