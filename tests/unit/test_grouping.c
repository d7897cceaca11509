/* SPDX-License-Identifier: MIT
 * The text of a grouping: what is written is read back, and nothing else is read. */
#include "job/grouping.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(struct grouping *g, const char *id, bool mass, const unsigned (*members)[2],
                size_t n)
{
    grouping_begin(g, id, mass);
    for (size_t i = 0; i < n; i++)
        grouping_add(g, members[i][0], members[i][1]);
}

static void written(void **state)
{
    (void)state;
    struct grouping g = {0}, back;
    struct err e;
    struct buf b;
    buf_init(&b, GROUPING_TEXT_MAX);
    add(&g, "Ab-_.9.0", false, (const unsigned[][2]){{7, 0}, {3, 0}}, 2);
    add(&g, "x.1", true, (const unsigned[][2]){{0, 0}, {1, 1}, {2, 1}, {255, 2}}, 4);
    grouping_write(&g, &b);
    assert_string_equal(buf_text(&b), "2 6 P:Ab-_.9.0:7,3 M:x.1:0/1,2/255");
    assert_true(grouping_read(buf_text(&b), b.len, &back, &e));
    assert_int_equal(back.ncalls, 2);
    assert_int_equal(back.n, 6);
    assert_false(back.calls[0].mass);
    assert_true(back.calls[1].mass);
    assert_int_equal(back.calls[1].tasks, 3);
    assert_int_equal(back.calls[1].first, 2);
    assert_int_equal(back.members[4].pos, 2);
    assert_int_equal(back.members[4].task, 1);
    buf_free(&b);
}

static void refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "0 0",
        "1",
        "1 2",
        "1 2 ",
        "1 2 P:a:0,1 ",
        "1 2 P:a:0,0",   /* twice */
        "1 2 P:a:0,256", /* beyond a batch */
        "1 2 P:a:0,01",
        "1 3 P:a:0,1", /* another number */
        "2 2 P:a:0,1",
        "1 2 P:a:0/1", /* a Push has one task */
        "1 2 Q:a:0,1",
        "1 2 P::0,1",
        "1 2 P:a b:0,1",
        "1 2 P:a:,0,1",
        "1 2 P:a:0,",
        "1 2 M:a:0//1",
        "1 2 P:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:0,1",
        "-1 2 P:a:0,1",
        "1 2 P:a:0,1\n",
        "gen 1 left",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct grouping g;
        struct err e;
        if (grouping_read(texts[i], strlen(texts[i]), &g, &e))
            fail_msg("taken: %s", texts[i]);
        assert_true(strncmp(e.text, "grouping: ", 10) == 0);
    }
}

static void as_long_as_can_be(void **state)
{
    (void)state;
    struct grouping g = {0}, back;
    struct err e;
    struct buf b;
    buf_init(&b, GROUPING_TEXT_MAX);
    for (unsigned i = 0; i < GROUPING_CALLS_MAX; i++)
        add(&g, "a123456789b123456789c123456789d123456789e123456", i % 2,
            (const unsigned[][2]){{2 * i, 0}, {2 * i + 1, i % 2}}, 2);
    grouping_write(&g, &b);
    assert_true(buf_ok(&b));
    assert_true(grouping_read(buf_text(&b), b.len, &back, &e));
    assert_int_equal(back.n, GROUPING_MEMBERS_MAX);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written),
        cmocka_unit_test(refused),
        cmocka_unit_test(as_long_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
