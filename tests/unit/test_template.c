/* SPDX-License-Identifier: MIT */
#include "job/template/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LIMITS                                                                                     \
    {                                                                                              \
        10000, 64000, "push:reply:"                                                                \
    }

static void parse(const char *json, struct job *job)
{
    static const struct job_limits limits = LIMITS;
    struct refusal why;
    if (!job_parse(json, strlen(json), &limits, job, &why))
        fail_msg("%s: %s", json, why.err.text);
}

static const struct template *find_template(const struct template_set *set, const char *code,
                                            const char *locale)
{
    struct template_pick pick;
    return template_pick(set, code, "", locale, &pick) ? pick.text : NULL;
}

static void test_render(void **state)
{
    (void)state;
    static const struct {
        const char *message, *job, *want; /* want NULL: lacks an argument, e ends with error */
        const char *error;
    } cases[] = {
        {"plain", "{\"code\":\"T\",\"school\":\"s\"}", "plain", NULL},
        {"", "{\"code\":\"T\",\"school\":\"s\"}", "", NULL},
        {"(School: {0})", "{\"code\":\"T\",\"school\":\"s1\"}", "(School: s1)", NULL},
        {"{school}{0}{code}", "{\"code\":\"T\",\"school\":\"s\"}", "ssT", NULL},
        {"{{{0}}}", "{\"code\":\"T\",\"school\":\"s\"}", "{s}", NULL},
        {"{{0}}", "{\"code\":\"T\",\"school\":\"s\"}", "{0}", NULL},
        {"{{}}", "{\"code\":\"T\",\"school\":\"s\"}", "{}", NULL},
        {"<{tags}>", "{\"code\":\"T\",\"tags\":[\"a\",\"b\",\"a\"]}", "<a,b>", NULL},
        {"学校 {0}", "{\"code\":\"T\",\"school\":\"一中\"}", "学校 一中", NULL},
        /* an argument's text is never a template itself */
        {"{0}!", "{\"code\":\"T\",\"school\":\"{code}\"}", "{code}!", NULL},
        {"{params.s},{params.i},{params.r},{params.t},{params.f}",
         "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"s\":\"x\",\"i\":-7,\"r\":19.9,\"t\":true,"
         "\"f\":false}}",
         "x,-7,19.9,true,false", NULL},
        {"{params.r}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"r\":0.1}}", "0.1", NULL},
        {"{params.r}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"r\":2.0}}", "2.0", NULL},
        {"{params.r}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"r\":1e5}}", "1e5", NULL},
        {"{params.r}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"r\":18446744073709551615}}",
         "18446744073709551615", NULL},
        {"{params.r}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"r\":0.30000000000000004}}",
         "0.30000000000000004", NULL},
        {"{params.a b.c}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"a b.c\":1}}", "1", NULL},
        {"{params.e}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"e\":\"\"}}", "", NULL},
        {"{0}", "{\"code\":\"T\",\"tags\":[\"a\"]}", NULL, "argument {0} is not in the job"},
        {"{school}", "{\"code\":\"T\",\"tags\":[\"a\"]}", NULL,
         "template T: argument {school} is not in the job"},
        {"{tags}", "{\"code\":\"T\",\"school\":\"s\"}", NULL, "argument {tags} is not in the job"},
        {"{params.x}", "{\"code\":\"T\",\"school\":\"s\"}", NULL, "{params.x} is not in the job"},
        {"{params.x}", "{\"code\":\"T\",\"school\":\"s\",\"params\":{\"x\":null}}", NULL,
         "{params.x} is not in the job"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template_set *set = template_set_new();
        struct job job;
        struct buf title, message;
        struct err e = {""};
        buf_init(&title, 1000);
        buf_init(&message, 1000);
        parse(cases[i].job, &job);
        if (!template_set_add(set, "T", NULL, NULL, cases[i].message, &e))
            fail_msg("%zu: %s", i, e.text);
        const struct template *t = find_template(set, "T", NULL);
        assert_non_null(t);
        bool ok = template_render(t, &job, &title, &message, &e);
        assert_int_equal(ok, cases[i].want != NULL);
        if (ok)
            assert_string_equal(buf_text(&message), cases[i].want);
        else
            assert_non_null(strstr(e.text, cases[i].error));
        assert_int_equal(title.len, 0);
        buf_free(&title);
        buf_free(&message);
        job_free(&job);
        template_set_free(set);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *title, *message, *error;
    } cases[] = {
        {NULL, "{", "template T: message: '{' without '}'"},
        {NULL, "a {0", "'{' without '}'"},
        {NULL, "{0{", "'{' without '}'"},
        {NULL, "}", "'}' without '{'"},
        {NULL, "{0}}", "'}' without '{'"},
        {NULL, "{}", "unknown argument {}"},
        {NULL, "{1}", "unknown argument {1}"},
        {NULL, "{School}", "unknown argument {School}"},
        {NULL, "{params.}", "unknown argument {params.}"},
        {NULL, "{params}", "unknown argument {params}"},
        {"{x}", "m", "template T: title: unknown argument {x}"},
        {NULL, "\xff", "message: not valid UTF-8"},
        {"\xc3", "m", "title: not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct template_set *set = template_set_new();
        struct err e = {""};
        assert_false(template_set_add(set, "T", NULL, cases[i].title, cases[i].message, &e));
        if (!strstr(e.text, cases[i].error))
            fail_msg("%zu: %s", i, e.text);
        assert_null(find_template(set, "T", NULL));
        template_set_free(set);
    }
}

static void render_title(const struct template *t, char *out)
{
    struct job job = {.code = "C", .school = "s"};
    struct buf title, message;
    buf_init(&title, 100);
    buf_init(&message, 100);
    assert_true(template_render(t, &job, &title, &message, NULL));
    strcpy(out, buf_text(&title));
    buf_free(&title);
    buf_free(&message);
}

static void test_locales(void **state)
{
    (void)state;
    static const char *const variants[][3] = {
        {"A", NULL, "A default"}, {"A", "zh", "A zh"}, {"A", "zh-Hans", "A zh-Hans"},
        {"B", "en", "B en"},      {"AB", NULL, "AB"},  {"A", "zh-TW", "A zh-TW"},
        {"A", "de", "A de"},
    };
    static const char *const finds[][3] = {
        {"A", NULL, "A default"},
        {"A", "", "A default"},
        {"A", "zh", "A zh"},
        {"A", "zh-CN", "A zh"},
        {"A", "zh-Hans-CN", "A zh-Hans"},
        {"A", "zh-Hans-CN-x-y", "A zh-Hans"},
        {"A", "zh-TW", "A zh-TW"},
        {"A", "zha", "A default"},
        {"A", "z", "A default"},
        {"A", "-", "A default"},
        {"A", "--zh", "A default"},
        {"A", "fr-FR", "A default"},
        {"B", "en-GB", "B en"},
        {"B", "fr", NULL},
        {"B", NULL, NULL},
        {"AB", "zh", "AB"},
        {"a", NULL, NULL},
        {"", NULL, NULL},
        {"C", NULL, NULL},
    };
    struct template_set *set = template_set_new();
    assert_null(find_template(set, "A", "zh"));
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        assert_true(
            template_set_add(set, variants[i][0], variants[i][1], variants[i][2], "m", NULL));
    for (size_t i = 0; i < sizeof finds / sizeof *finds; i++) {
        char title[64] = "";
        const struct template *t = find_template(set, finds[i][0], finds[i][1]);
        if (!finds[i][2]) {
            assert_null(t);
            continue;
        }
        assert_non_null(t);
        assert_true(template_has_title(t));
        render_title(t, title);
        assert_string_equal(title, finds[i][2]);
    }
    struct err e = {""};
    assert_false(template_set_add(set, "A", "zh-TW", NULL, "m", &e));
    assert_string_equal(e.text, "template A zh-TW: defined twice");
    template_set_free(set);
}

static uint64_t hash_of(const char *rows[][4], size_t n)
{
    struct template_set *set = template_set_new();
    for (size_t i = 0; i < n; i++)
        assert_true(template_set_add(set, rows[i][0], rows[i][1], rows[i][2], rows[i][3], NULL));
    uint64_t h = template_set_hash(set);
    template_set_free(set);
    return h;
}

static void test_hash(void **state)
{
    (void)state;
    const char *ab[][4] = {{"A", NULL, "t", "m"}, {"B", "zh", NULL, "n"}};
    const char *ba[][4] = {{"B", "zh", NULL, "n"}, {"A", NULL, "t", "m"}};
    assert_true(hash_of(ab, 2) == hash_of(ba, 2));
    const char *other[][1][4] = {
        {{"A", NULL, "t", "m"}},   {{"A", NULL, "t", "m "}}, {{"A", NULL, "tm", ""}},
        {{"A", NULL, NULL, "m"}},  {{"A", NULL, "", "m"}},   {{"A", "t", NULL, "m"}},
        {{"At", NULL, NULL, "m"}},
    };
    size_t n = sizeof other / sizeof *other;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(hash_of(other[i], 1) != hash_of(other[j], 1));
}

/* Workers of another version compare it with theirs. */
static void test_hash_stays(void **state)
{
    (void)state;
    const char *rows[][4] = {{"welcome", "", "Hello", "Hi {school}"}, {"welcome", "de", NULL, "x"}};
    assert_true(hash_of(rows, 2) == UINT64_C(0x363b50d729652a7e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),     cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_locales),    cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_stays),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
