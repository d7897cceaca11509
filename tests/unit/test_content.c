/* SPDX-License-Identifier: MIT */
#include "aliyun/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void set_all(struct params *p, const char *const pairs[][2], size_t n)
{
    params_init(p);
    for (size_t i = 0; i < n; i++)
        params_set(p, pairs[i][0], pairs[i][1]);
}

#define CONTENT(out, ...)                                                                          \
    do {                                                                                           \
        static const char *const pairs[][2] = {__VA_ARGS__};                                       \
        struct params p;                                                                           \
        set_all(&p, pairs, sizeof pairs / sizeof pairs[0]);                                        \
        content_of(&p, out);                                                                       \
        params_free(&p);                                                                           \
    } while (0)

static void expect_differences(const struct content *was, const struct content *now,
                               const char *wanted)
{
    struct buf out;
    buf_init(&out, 1024);
    content_write_differences(was->checks, now->checks, &out);
    assert_string_equal(buf_text(&out), wanted);
    assert_int_equal(strcmp(was->digest, now->digest) == 0, wanted[0] == '\0');
    buf_free(&out);
}

/* Times, JobKey and token are no content; the order of a Push's parameters neither. */
static void test_same(void **state)
{
    (void)state;
    struct content a, b;
    CONTENT(&a, {"AppKey", "1"}, {"Title", "t"}, {"Body", "b"},
            {"PushTime", "2026-01-01T00:00:00Z"});
    CONTENT(&b, {"Body", "b"}, {"Title", "t"}, {"AppKey", "1"}, {"ExpireTime", "x"},
            {"IdempotentToken", "y"}, {"JobKey", "z"});
    expect_differences(&a, &b, "");
    assert_int_equal(strlen(a.digest), CONTENT_DIGEST_SIZE - 1);
    assert_int_equal(strlen(a.checks), 3 * CONTENT_CHECK_LEN);
    assert_null(strstr(a.checks, "t"));
}

static void test_differences(void **state)
{
    (void)state;
    struct content a, b, c;
    CONTENT(&a, {"AppKey", "1"}, {"Title", "t"}, {"Body", "b"});
    CONTENT(&b, {"AppKey", "1"}, {"Title", "u"}, {"Body", "b"}, {"Sound", "s"});
    expect_differences(&a, &b, "Title, another parameter");
    CONTENT(&c, {"AppKey", "2"}, {"AndroidMusic", "m"}, {"Body", "b"});
    expect_differences(&a, &c, "AppKey, AndroidMusic, Title");
    expect_differences(&c, &a, "AppKey, Title, AndroidMusic");
}

/* Where the audience was cut is not told by its name: it is kept elsewhere. */
static void test_targets(void **state)
{
    (void)state;
    struct content a, b;
    CONTENT(&a, {"TargetValue", "a"}, {"Body", "b"});
    CONTENT(&b, {"TargetValue", "b"}, {"Body", "b"});
    assert_string_not_equal(a.digest, b.digest);
    assert_string_equal(a.checks, b.checks);
}

/* One check for a parameter of all tasks. */
/* Its common part hashed once gives what each call's own digest is. */
static void test_common(void **state)
{
    (void)state;
    static const char *const audiences[] = {"", "a", "b,c", "d"};
    static const char *const lists[][3] = {{"AppKey", "Body", "Title"}, /* the audience between */
                                           {"AndroidMusic", "AppKey", "Body"},
                                           {"Title", "iOSBadge", "iOSMusic"}};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
        struct params p;
        struct content own, after;
        params_init(&p);
        for (size_t i = 0; i < 3; i++)
            params_set(&p, lists[k][i], "x");
        params_set(&p, "PushTime", "2026-01-01T00:00:00Z");
        request_set_audience(&(struct plan_call){.target_value = "z"}, &p);
        struct request_common *common = request_common_new(&p);
        for (size_t i = 0; i < sizeof audiences / sizeof *audiences; i++) {
            request_set_audience(&(struct plan_call){.target_value = audiences[i]}, &p);
            content_of(&p, &own);
            content_of_common(common, &p, &after);
            assert_string_equal(own.digest, after.digest);
        }
        request_common_free(common);
        params_free(&p);
    }
}

static void test_tasks(void **state)
{
    (void)state;
    struct content a, b, c;
    CONTENT(&a, {"AppKey", "1"}, {"PushTask.1.Body", "b"}, {"PushTask.2.Body", "c"},
            {"PushTask.1.Title", "t"}, {"PushTask.2.ExpireTime", "x"});
    CONTENT(&b, {"AppKey", "1"}, {"PushTask.1.Body", "c"}, {"PushTask.2.Body", "b"},
            {"PushTask.1.Title", "t"});
    CONTENT(&c, {"AppKey", "1"}, {"PushTask.1.Body", "b"}, {"PushTask.2.Body", "c"},
            {"PushTask.1.Title", "t"});
    assert_int_equal(strlen(a.checks), 3 * CONTENT_CHECK_LEN);
    expect_differences(&a, &b, "Body");
    expect_differences(&a, &c, "");
}

static void test_many(void **state)
{
    (void)state;
    struct params p;
    struct content none = {.checks = ""}, all;
    params_init(&p);
    for (size_t i = 0; i < params_push_count; i++)
        params_append(&p, params_push[i].name, "v");
    content_of(&p, &all);
    params_free(&p);
    struct buf out;
    buf_init(&out, 1024);
    content_write_differences(none.checks, all.checks, &out);
    char tail[32];
    size_t told = strlen(all.checks) / CONTENT_CHECK_LEN;
    assert_true(told > params_push_count - 8 && told <= CONTENT_NAMES_MAX);
    snprintf(tail, sizeof tail, " and %zu more", told - 8);
    assert_non_null(strstr(buf_text(&out), tail));
    buf_free(&out);
}

/* A name is known by 16 bits: no two of the table may share them. */
static void test_names_differ(void **state)
{
    (void)state;
    struct content one[2];
    for (size_t i = 0; i < params_push_count; i++)
        for (size_t k = 0; k < i; k++) {
            const size_t at[] = {i, k};
            for (size_t j = 0; j < 2; j++) {
                struct params p;
                params_init(&p);
                params_append(&p, params_push[at[j]].name, "v");
                content_of(&p, &one[j]);
                params_free(&p);
            }
            if (one[0].checks[0] && memcmp(one[0].checks, one[1].checks, 4) == 0)
                fail_msg("%s and %s", params_push[i].name, params_push[k].name);
        }
}

/* More parameters than are told apart: the digest still covers all. */
static void test_bound(void **state)
{
    (void)state;
    static char names[CONTENT_NAMES_MAX + 9][16];
    struct content c;
    struct params p;
    params_init(&p);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(names[i], sizeof names[i], "Name%zu", i);
        params_append(&p, names[i], "v");
    }
    content_of(&p, &c);
    params_free(&p);
    assert_int_equal(strlen(c.checks), CONTENT_CHECKS_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),         cmocka_unit_test(test_differences),
        cmocka_unit_test(test_targets),      cmocka_unit_test(test_common),
        cmocka_unit_test(test_tasks),        cmocka_unit_test(test_many),
        cmocka_unit_test(test_names_differ), cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("content", tests, NULL, NULL);
}
