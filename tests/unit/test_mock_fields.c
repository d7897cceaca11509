/* SPDX-License-Identifier: MIT
 * The stand-in's parameters (fields) and its bounded table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mock/wire/fields.h"
#include "mock/world/table.h"

static bool parse(struct fields *f, const char *text)
{
    *f = (struct fields){0};
    bool ok = fields_parse(f, text, strlen(text), false);
    fields_sort(f);
    return ok;
}

static void test_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value; /* name NULL: refused */
    } rows[] = {
        {"a=1", "a", "1"},
        {"a", "a", ""},
        {"a=", "a", ""},
        {"=1", "", "1"},
        {"a=b=c", "a", "b=c"},
        {"a=x+y%20z", "a", "x y z"},
        {"%61%2B=%e6%9d%ad", "a+", "杭"},
        {"&&a=1&", "a", "1"},
        {"a=%", NULL, NULL},
        {"a=%4", NULL, NULL},
        {"a=%4g", NULL, NULL},
        {"%zz=1", NULL, NULL},
        {"a=%00", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fields f;
        assert_int_equal(parse(&f, rows[i].text), rows[i].name != NULL);
        if (rows[i].name) {
            assert_int_equal(f.count, 1);
            assert_string_equal(fields_get(&f, rows[i].name), rows[i].value);
        }
        fields_free(&f);
    }
    struct fields f = {0};
    assert_false(fields_parse(&f, "a=\0b", 4, false));
    fields_free(&f);
}

static void test_order_and_repeats(void **state)
{
    (void)state;
    struct fields f;
    assert_true(parse(&f, "b=2&iOS=1&a=1&B=3"));
    static const char *const order[] = {"B", "a", "b", "iOS"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(f.items[i].name, order[i]);
    assert_null(fields_get(&f, "A"));
    assert_null(fields_repeated(&f));
    fields_free(&f);
    assert_true(parse(&f, "b=2&a=1&b=1"));
    assert_string_equal(fields_repeated(&f), "b");
    fields_free(&f);
}

static void test_number_is_bounded(void **state)
{
    (void)state;
    struct fields f = {0};
    for (int i = 0; i < FIELDS_MAX; i++)
        assert_true(fields_parse(&f, "a=1", 3, true));
    assert_true(f.items[0].in_form);
    assert_false(fields_parse(&f, "a=1", 3, true));
    assert_int_equal(f.count, FIELDS_MAX);
    fields_free(&f);
}

static void test_encoding(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"AZaz09-_.~", "AZaz09-_.~"},
        {"a b*c", "a%20b%2Ac"},
        {"", ""},
        {"!'()&=+/", "%21%27%28%29%26%3D%2B%2F"},
        {"杭", "%E6%9D%AD"},
        {"\x7f\n", "%7F%0A"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf b;
        buf_init(&b, 256);
        fields_encode(&b, rows[i][0]);
        assert_string_equal(buf_text(&b), rows[i][1]);
        buf_free(&b);
    }
}

/* --- the table ------------------------------------------------------------------------------- */

static const char *name_of(int i)
{
    static char name[16];
    snprintf(name, sizeof name, "key-%d", i);
    return name;
}

static void test_table_grows(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 10000, sizeof(int));
    for (int i = 0; i < 5000; i++)
        *(int *)table_put(&t, name_of(i)) = i + 1;
    assert_int_equal(t.count, 5000);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(*(int *)table_get(&t, name_of(i)), i + 1);
        assert_int_equal(*(int *)table_put(&t, name_of(i)), i + 1); /* the same entry */
    }
    assert_null(table_get(&t, "key-5000"));
    table_clear(&t);
    assert_int_equal(t.count, 0);
    assert_null(table_get(&t, "key-0"));
    assert_int_equal(*(int *)table_put(&t, "key-0"), 0);
    table_free(&t);
}

static void count_entry(const char *key, void *value, void *arg)
{
    int *next = arg;
    assert_string_equal(key, name_of(*next));
    assert_int_equal(*(int *)value, (*next)++);
}

static void test_the_oldest_makes_room(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 3, sizeof(int));
    for (int i = 0; i < 8; i++)
        *(int *)table_put(&t, name_of(i)) = i;
    assert_int_equal(t.count, 3);
    assert_null(table_get(&t, name_of(4)));
    int next = 5;
    table_each(&t, count_entry, &next); /* the oldest first */
    assert_int_equal(next, 8);
    table_free(&t);
}

static void test_removal(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 100, sizeof(int));
    for (int i = 0; i < 40; i++)
        *(int *)table_put(&t, name_of(i)) = i;
    for (int i = 0; i < 40; i++)
        if (i < 3 || i > 5)
            assert_true(table_remove(&t, name_of(i)));
    assert_false(table_remove(&t, name_of(0)));
    assert_int_equal(t.count, 3);
    int next = 3;
    table_each(&t, count_entry, &next); /* first, last and those between are unlinked */
    assert_int_equal(next, 6);
    *(int *)table_put(&t, name_of(6)) = 6;
    next = 3;
    table_each(&t, count_entry, &next);
    assert_int_equal(next, 7);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_order_and_repeats),
        cmocka_unit_test(test_number_is_bounded),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_table_grows),
        cmocka_unit_test(test_the_oldest_makes_room),
        cmocka_unit_test(test_removal),
    };
    return cmocka_run_group_tests_name("mock fields", tests, NULL, NULL);
}
