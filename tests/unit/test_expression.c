/* SPDX-License-Identifier: MIT */
#include "job/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct expression_limits limits = {
    .depth = 2, .operands = 10, .tags = 50, .tag_chars = 128};

#define TAG(name) "{\"tag\":\"" name "\"}"
#define TAGS5 TAG("a") "," TAG("b") "," TAG("c") "," TAG("d") "," TAG("e")
#define OR5 "{\"or\":[" TAGS5 "]}"
#define OR10 "{\"or\":[" TAGS5 "," TAGS5 "]}"
#define NOT(name) "{\"not\":" TAG(name) "}"

static void grammar_and_limits(void **state)
{
    static const struct {
        const char *text, *refusal; /* NULL: accepted */
    } v[] = {
        {TAG("a"), NULL},
        {"{\"and\":[" TAG("a") "]}", NULL},
        {"{\"and\":[" TAG("m") "," NOT("90") ",{\"or\":[" TAG("x") "," NOT("y") "]}]}", NULL},
        {OR10, NULL},
        {"{\"or\":[" OR10 "," OR10 "," OR10 "," OR10 "," OR10 "]}", NULL},
        {"{\"and\":[" NOT("a") "," OR5 "]}", NULL},
        {"{\"or\":[" OR10 "," OR10 "," OR10 "," OR10 "," OR10 "," TAG("z") "]}",
         "more than 50 tags"},
        {"{\"or\":[" TAGS5 "," TAGS5 "," NOT("z") "]}", "\"or\" with 11 operands, at most 10"},
        {"{\"and\":[{\"or\":[{\"and\":[" TAG("a") "]}]}]}", "nested 3 levels deep, at most 2"},
        {"{\"and\":[]}", "\"and\" takes a list of operands"},
        {"{\"or\":" TAG("a") "}", "\"or\" takes a list of operands"},
        {"{\"not\":" TAG("a") "}", "cannot stand alone"},
        {"{\"and\":[" NOT("a") "]}", "needs a positive operand"},
        {"{\"or\":[" NOT("a") "," NOT("b") "]}", "needs a positive operand"},
        {"{\"and\":[" TAG("a") ",{\"or\":[" NOT("b") "]}]}", "needs a positive operand"},
        {"{\"and\":[" TAG("a") ",{\"not\":" OR5 "}]}", "\"not\" takes one tag"},
        {"{\"and\":[" TAG("a") ",{\"not\":[" TAG("b") "]}]}", "\"not\" takes one tag"},
        {"{\"and\":[" TAG("a") ",{\"not\":{\"tag\":\"b\",\"x\":1}}]}", "\"not\" takes one tag"},
        {"{\"and\":[\"a\"]}", "an object with one member"},
        {"{}", "an object with one member"},
        {"{\"tag\":\"a\",\"or\":[]}", "an object with one member"},
        {"{\"tag\":1}", "\"tag\" takes a string"},
        {"{\"tag\":\"\"}", "a tag name is empty"},
        {"{\"xor\":[" TAG("a") "]}", "unknown operator \"xor\""},
        {"{\"AND\":[" TAG("a") "]}", "unknown operator \"AND\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        json_t *root = json_loads(v[i].text, 0, NULL);
        struct err e = {""};
        assert_non_null(root);
        if (expression_check(root, &limits, &e) != !v[i].refusal)
            fail_msg("%s: \"%s\"", v[i].text, e.text);
        if (v[i].refusal && !strstr(e.text, v[i].refusal))
            fail_msg("%s: \"%s\" is not in \"%s\"", v[i].text, v[i].refusal, e.text);
        json_decref(root);
    }
}

static void depth_is_bounded_before_it_is_walked(void **state)
{
    enum { DEPTH = 1000 };
    struct buf b;
    struct err e = {""};
    (void)state;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < DEPTH; i++)
        buf_puts(&b, "{\"or\":[");
    buf_puts(&b, TAG("a"));
    for (int i = 0; i < DEPTH; i++)
        buf_puts(&b, "]}");
    json_t *root = json_loads(buf_text(&b), 0, NULL);
    assert_non_null(root);
    assert_false(expression_check(root, &limits, &e));
    assert_non_null(strstr(e.text, "nested 3 levels deep, at most 2"));
    json_decref(root);
    buf_free(&b);
}

/* What is left of the budget for exclusions beside n tags of a part's own. */
static void capacities_follow_from_the_limits(void **state)
{
    static const struct {
        struct expression_limits l;
        size_t any, mine, excluded_beside_mine;
    } v[] = {
        {{2, 10, 50, 128}, 50, 10, 36}, {{1, 10, 50, 128}, 10, 0, 0},
        {{0, 10, 50, 128}, 1, 0, 0},    {{2, 50, 50, 128}, 50, 49, 0},
        {{2, 3, 100, 128}, 9, 3, 4},    {{2, 10, 100, 128}, 100, 10, 81},
        {{3, 10, 7, 128}, 7, 6, 0},     {{2, 1, 50, 128}, 1, 0, 0},
        {{2, 10, 0, 128}, 1, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        assert_int_equal(expression_any_max(&v[i].l), v[i].any);
        const size_t mine = expression_mine_max(&v[i].l);
        assert_int_equal(mine, v[i].mine);
        if (mine)
            assert_int_equal(expression_excluded_max(&v[i].l, mine), v[i].excluded_beside_mine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grammar_and_limits),
        cmocka_unit_test(depth_is_bounded_before_it_is_walked),
        cmocka_unit_test(capacities_follow_from_the_limits),
    };
    return cmocka_run_group_tests_name("expression", tests, NULL, NULL);
}
