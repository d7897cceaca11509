/* SPDX-License-Identifier: MIT */
#include "job/begun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static const struct begun_call third = {3, "00112233445566aa", "ffeeddccbbaa9988"},
                               seventh = {7, "a", ""};

static char *text_of(const struct begun *b)
{
    struct buf out;
    buf_init(&out, 4096);
    begun_write(b, &out);
    assert_true(buf_ok(&out));
    return buf_take(&out);
}

static bool read(const char *text, struct begun *out)
{
    json_t *root = json_loads(text, 0, NULL);
    assert_non_null(root);
    bool ok = begun_read(root, out);
    json_decref(root);
    return ok;
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"apps\":\"a\",\"split\":[1000,1,10000,8,1000,50]}",
        "{\"calls\":[[3,\"00112233445566aa\",\"ffeeddccbbaa9988\"]]}",
        "{\"apps\":\"a,b.c_-9,d\",\"split\":[1,1,1,1,2,1],\"calls\":[[0,\"\",\"\"],[63,\"0\",\"1\"]"
        "],"
        "\"checks\":\"0123456789abcdef\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct begun b;
        assert_true(read(texts[i], &b));
        char *text = text_of(&b);
        assert_int_equal(strncmp(text, ",\"begun\":", 9), 0);
        assert_string_equal(text + 9, texts[i]);
        mem_free(text);
        begun_free(&b);
    }
    struct begun none;
    assert_true(begun_read(NULL, &none)); /* as the version before this one writes */
    char *text = text_of(&none);
    assert_string_equal(text, "");
    mem_free(text);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[]",
        "{\"apps\":7}",
        "{\"apps\":\"a\"}",
        "{\"apps\":\"a b\",\"split\":[1,1,1,1,2,1]}",
        "{\"apps\":\"a\",\"split\":[1,1,1,1,2]}",
        "{\"apps\":\"a\",\"split\":[0,1,1,1,2,1]}",
        "{\"apps\":\"a\",\"split\":[1,1,1,9,2,1]}",
        "{\"apps\":\"a\",\"split\":[1,1,1,1,1,1]}",
        "{\"apps\":\"a\",\"split\":[1,1,1,1,2,10001]}",
        "{\"calls\":{}}",
        "{\"calls\":[[64,\"\",\"\"]]}",
        "{\"calls\":[[-1,\"\",\"\"]]}",
        "{\"calls\":[[0,\"xyz\",\"\"]]}",
        "{\"calls\":[[0,\"\"]]}",
        "{\"calls\":[[5,\"\",\"\"],[5,\"\",\"\"]]}",
        "{\"calls\":[[0,\"00112233445566778\",\"\"]]}",
        "{\"checks\":\"g\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct begun b;
        if (read(texts[i], &b))
            fail_msg("taken: %s", texts[i]);
        begun_free(&b);
    }
}

static void test_calls(void **state)
{
    (void)state;
    struct begun b = {0};
    begun_add(&b, &third, "0011");
    begun_add(&b, &seventh, "2233");
    begun_add(&b, &(struct begun_call){3, "bb", "cc"}, "4455"); /* known already */
    assert_int_equal(b.ncalls, 2);
    assert_string_equal(begun_find(&b, 3)->content, third.content);
    assert_string_equal(b.checks, "0011");
    assert_null(begun_find(&b, 0));
    begun_drop(&b, 0);
    begun_drop(&b, 3);
    assert_null(begun_find(&b, 3));
    assert_null(b.checks); /* they were the first call's */
    assert_string_equal(begun_find(&b, 7)->content, "a");
    begun_drop_all(&b);
    begun_add(&b, &seventh, "66");
    assert_string_equal(b.checks, "66");
    begun_free(&b);
}

/* A job that has begun keeps its parts; only limits that say where to cut are kept. */
static void test_parts(void **state)
{
    (void)state;
    struct begun b = {0};
    struct target_limits was = target_limits_default, now = target_limits_default;
    was.accounts = 7;
    was.depth = 3;
    now.tag_chars = 5;
    now.max_parts = 2;
    begun_limits(&b, &now);
    assert_int_equal(now.accounts, 1000);
    assert_int_equal(now.max_parts, 2);
    begun_keep_parts(&b, "a", &was);
    begun_keep_parts(&b, "b", &now);
    assert_string_equal(b.apps, "a");
    begun_limits(&b, &now);
    assert_int_equal(now.accounts, 7);
    assert_int_equal(now.depth, 3);
    assert_int_equal(now.tag_chars, 5);
    assert_int_equal(now.max_parts, BEGUN_PARTS_MAX);
    begun_free(&b);
    char name[BEGUN_APPS_MAX + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begun_keep_parts(&b, name, &was);
    assert_null(b.apps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests_name("begun", tests, NULL, NULL);
}
