/* SPDX-License-Identifier: MIT */
#include "job/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "job/expression.h"
#include "support/expression_match.h"

/* --- single calls --------------------------------------------------------------------------- */

/* The audience of a job, as its members school, tags and target. */
static void parse(const char *text, struct job *job)
{
    const struct job_limits limits = {10000, 64000, "push:reply:"};
    struct refusal why;
    char bytes[4096];
    snprintf(bytes, sizeof bytes, "{\"message\":\"m\",%s", text + 1);
    if (!job_parse(bytes, strlen(bytes), &limits, job, &why))
        fail_msg("%s: %s", text, why.err.text);
}

static void one_call_carries_it(void **state)
{
    static const struct {
        const char *job;
        enum target_kind kind;
        const char *value;
    } v[] = {
        {"{\"school\":\"S01\"}", TARGET_TAG, "S01"},
        {"{\"tags\":[\"a\"]}", TARGET_TAG, "a"},
        {"{\"tags\":[\"a\",\"a\"]}", TARGET_TAG, "a"},
        {"{\"school\":\"{x\"}", TARGET_TAG, "{\"tag\":\"{x\"}"},
        {"{\"tags\":[\"{\\\"\"]}", TARGET_TAG, "{\"tag\":\"{\\\"\"}"},
        {"{\"school\":\"S01\",\"tags\":[]}", TARGET_TAG, "S01"},
        {"{\"school\":\"S01\",\"tags\":[\"a\"]}", TARGET_TAG,
         "{\"and\":[{\"tag\":\"S01\"},{\"or\":[{\"tag\":\"a\"}]}]}"},
        {"{\"school\":\"S01\",\"tags\":[\"a\",\"b\",\"a\"]}", TARGET_TAG,
         "{\"and\":[{\"tag\":\"S01\"},{\"or\":[{\"tag\":\"a\"},{\"tag\":\"b\"}]}]}"},
        {"{\"tags\":[\"a\",\"b\"]}", TARGET_TAG, "{\"or\":[{\"tag\":\"a\"},{\"tag\":\"b\"}]}"},
        {"{\"tags\":[\"教师\",\"q\\\"\\\\\"]}", TARGET_TAG,
         "{\"or\":[{\"tag\":\"教师\"},{\"tag\":\"q\\\"\\\\\"}]}"},
        {"{\"tags\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}",
         TARGET_TAG,
         "{\"or\":[{\"or\":[{\"tag\":\"1\"},{\"tag\":\"2\"},{\"tag\":\"3\"},{\"tag\":\"4\"},"
         "{\"tag\":\"5\"},{\"tag\":\"6\"},{\"tag\":\"7\"},{\"tag\":\"8\"},{\"tag\":\"9\"},"
         "{\"tag\":\"10\"}]},{\"or\":[{\"tag\":\"11\"}]}]}"},
        {"{\"target\":{\"all\":true}}", TARGET_ALL, "ALL"},
        {"{\"target\":{\"device\":[\"000000000000000000000000000000d1\","
         "\"000000000000000000000000000000d2\",\"000000000000000000000000000000d1\"]}}",
         TARGET_DEVICE, "000000000000000000000000000000d1,000000000000000000000000000000d2"},
        {"{\"target\":{\"account\":[\"u1\"]}}", TARGET_ACCOUNT, "u1"},
        {"{\"target\":{\"alias\":[\"三\",\"b\"]}}", TARGET_ALIAS, "三,b"},
        {"{\"target\":{\"tag\":\"x\"},\"school\":\"S\",\"tags\":[\"a\"]}", TARGET_TAG, "x"},
        {"{\"target\":{\"tag\":\"{x}\"}}", TARGET_TAG, "{\"tag\":\"{x}\"}"},
        {"{\"target\":{\"tag\":{ \"tag\" : \"男\" }}}", TARGET_TAG, "{\"tag\":\"男\"}"},
        {"{\"target\":{\"tag\":{\"or\":[{\"tag\":\"z\"}, {\"tag\":\"a/b\"}, {\"tag\":\"z\"}]}}}",
         TARGET_TAG, "{\"or\":[{\"tag\":\"z\"},{\"tag\":\"a/b\"},{\"tag\":\"z\"}]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct job job;
        struct target t;
        struct err e = {""};
        parse(v[i].job, &job);
        if (!target_build(&job, &target_limits_default, &t, &e))
            fail_msg("%s: %s", v[i].job, e.text);
        assert_int_equal(t.kind, v[i].kind);
        assert_int_equal(t.n, 1);
        assert_string_equal(t.values[0], v[i].value);
        assert_false(t.overlap);
        target_free(&t);
        job_free(&job);
    }
}

/* --- refusals ------------------------------------------------------------------------------- */

static char long_text[2048]; /* 129 characters of three bytes, see main() */

static void assert_refused(const struct job *job, const struct target_limits *limits,
                           const char *text)
{
    struct target t;
    struct err e = {""};
    assert_false(target_build(job, limits, &t, &e));
    if (!strstr(e.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, e.text);
    target_free(&t);
}

static void refusals_say_what_and_limit(void **state)
{
    char bytes65[66], bytes129[130];
    memset(bytes65, 'a', 65), bytes65[65] = '\0';
    memset(bytes129, 'a', 129), bytes129[129] = '\0';
    const char *empty[] = {""}, *comma[] = {"a,b"}, *long65[] = {bytes65}, *long129[] = {bytes129},
               *tag129[] = {"ok", long_text};
    const struct {
        struct job job;
        const char *text;
    } v[] = {
        {{.target_kind = TARGET_IMPLIED}, "no school, no tags and no target"},
        {{.school = ""}, "school: a tag name is empty"},
        {{.school = long_text}, "school: a tag name of 129 characters, at most 128"},
        {{.tags = {tag129, 2}}, "tags: a tag name of 129 characters, at most 128"},
        {{.school = "S", .tags = {empty, 1}}, "tags: a tag name is empty"},
        {{.target_kind = TARGET_DEVICE}, "target.device: empty list"},
        {{.target_kind = TARGET_DEVICE, .target_ids = {comma, 1}},
         "target.device: an id with a comma"},
        {{.target_kind = TARGET_ALIAS, .target_ids = {empty, 1}}, "target.alias: an empty id"},
        {{.target_kind = TARGET_ACCOUNT, .target_ids = {long65, 1}},
         "target.account: an id of 65 bytes, at most 64"},
        {{.target_kind = TARGET_ALIAS, .target_ids = {long129, 1}},
         "target.alias: an id of 129 bytes, at most 128"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        assert_refused(&v[i].job, &target_limits_default, v[i].text);
}

static void a_name_may_have_128_characters(void **state)
{
    char name[2048];
    struct job job = {.school = name};
    struct target t;
    (void)state;
    memcpy(name, long_text, sizeof name);
    name[128 * 3] = '\0';
    assert_true(target_build(&job, &target_limits_default, &t, NULL));
    assert_string_equal(t.values[0], name);
    target_free(&t);
}

/* --- explicit expressions ------------------------------------------------------------------- */

#define TAG(name) "{\"tag\":\"" name "\"}"
#define NOT(name) "{\"not\":" TAG(name) "}"

static void an_expression_over_a_limit_is_refused(void **state)
{
    static const char text[] = "{\"or\":[" TAG("a") "," TAG("b") "," TAG("c") "]}";
    struct target_limits limits = target_limits_default;
    json_t *root = json_loads(text, 0, NULL);
    const struct job job = {.target_kind = TARGET_TAG, .target_tag = root};
    struct target t;
    (void)state;
    limits.operands = 3;
    assert_true(target_build(&job, &limits, &t, NULL));
    assert_string_equal(t.values[0], text);
    target_free(&t);
    limits.operands = 2;
    assert_refused(&job, &limits, "target.tag: \"or\" with 3 operands, at most 2");
    limits = target_limits_default, limits.tags = 2;
    assert_refused(&job, &limits, "target.tag: more than 2 tags");
    json_decref(root);
}

/* --- many names ----------------------------------------------------------------------------- */

enum { NAMES_MAX = 4000, NAME_SIZE = 24 };

struct names {
    char text[NAMES_MAX][NAME_SIZE];
    const char *v[NAMES_MAX];
};

static struct names names;

static void make_names(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        /* Every seventh would be taken for an expression where it stood alone. */
        snprintf(names.text[i], NAME_SIZE, "%c%zu", i % 7 == 6 ? '{' : 't', i);
        names.v[i] = names.text[i];
    }
}

static void parts_by_number_of_tags(void **state)
{
    static const struct {
        size_t n;
        const char *school;
        size_t parts; /* 0: refused */
        bool overlap;
    } v[] = {
        {10, NULL, 1, false}, {50, NULL, 1, false},   {51, NULL, 2, true},    {100, NULL, 2, true},
        {101, NULL, 3, true}, {3200, NULL, 64, true}, {3201, NULL, 0, false}, {1, "S", 1, false},
        {10, "S", 1, false},  {11, "S", 2, false},    {20, "S", 2, false},    {21, "S", 3, false},
        {40, "S", 4, false},  {41, "S", 5, false},    {45, "S", 5, false},    {46, "S", 5, true},
        {50, "S", 5, true},   {51, "S", 6, true},     {640, "S", 64, true},   {641, "S", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        const struct job job = {.school = v[i].school, .tags = {names.v, v[i].n}};
        struct target t;
        struct err e = {""};
        make_names(v[i].n);
        assert_int_equal(target_build(&job, &target_limits_default, &t, &e), v[i].parts > 0);
        assert_int_equal(t.n, v[i].parts);
        if (v[i].parts)
            assert_int_equal(t.overlap, v[i].overlap);
        else
            assert_non_null(strstr(e.text, "calls, at most 64 (plan.max_parts)"));
        target_free(&t);
    }
}

static void exclusions_repeat_the_school(void **state)
{
    struct target_limits limits = target_limits_default;
    const char *tags[] = {"a", "b", "c", "d", "e"};
    const struct job job = {.school = "S", .tags = {tags, 5}};
    struct target t;
    (void)state;
    limits.operands = 3;
    assert_true(target_build(&job, &limits, &t, NULL));
    assert_int_equal(t.n, 2);
    assert_false(t.overlap);
    assert_string_equal(
        t.values[0], "{\"and\":[" TAG("S") ",{\"or\":[" TAG("a") "," TAG("b") "," TAG("c") "]}]}");
    assert_string_equal(
        t.values[1], "{\"and\":[{\"or\":[" TAG("d") "," TAG("e") "]},{\"and\":[" TAG("S") "," NOT(
                         "a") "," NOT("b") "]},{\"and\":[" TAG("S") "," NOT("c") "]}]}");
    target_free(&t);
}

static void ids_are_cut_at_the_limit_of_their_kind(void **state)
{
    static const struct {
        enum target_kind kind;
        size_t n, parts;
    } v[] = {
        {TARGET_DEVICE, 5, 1},  {TARGET_DEVICE, 6, 2},   {TARGET_ACCOUNT, 3, 1},
        {TARGET_ACCOUNT, 4, 2}, {TARGET_ALIAS, 256, 64}, {TARGET_ALIAS, 257, 0},
    };
    struct target_limits limits = target_limits_default;
    (void)state;
    limits.devices = 5, limits.accounts = 3, limits.aliases = 4;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        const struct job job = {.target_kind = v[i].kind, .target_ids = {names.v, v[i].n}};
        struct target t;
        struct err e = {""};
        make_names(v[i].n);
        assert_int_equal(target_build(&job, &limits, &t, &e), v[i].parts > 0);
        assert_int_equal(t.n, v[i].parts);
        assert_false(t.overlap);
        target_free(&t);
    }
    const struct job job = {.target_kind = TARGET_DEVICE, .target_ids = {names.v, 6}};
    struct target t;
    assert_true(target_build(&job, &limits, &t, NULL));
    assert_string_equal(t.values[0], "t0,t1,t2,t3,t4");
    assert_string_equal(t.values[1], "t5");
    target_free(&t);
}

static void limits_too_small_for_a_school_are_said(void **state)
{
    static const struct {
        size_t depth, operands, tags;
    } v[] = {{1, 10, 50}, {2, 1, 50}, {2, 10, 1}};
    const char *tags[] = {"a"};
    const struct job job = {.school = "S", .tags = {tags, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct target_limits limits = target_limits_default;
        limits.depth = v[i].depth, limits.operands = v[i].operands, limits.tags = v[i].tags;
        assert_refused(&job, &limits, "school and tags take 2 levels, 2 operands and 2 tags");
    }
}

/* --- property: who is reached --------------------------------------------------------------- */

static uint64_t random_state;

static size_t random_below(size_t n)
{
    random_state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t x = random_state;
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (size_t)((x ^ (x >> 31)) % n);
}

enum { TAGS_MAX = 120, SCHOOL_AS_TAG = 5 };

/* One device: which of the tags it carries. */
struct device {
    bool tag[TAGS_MAX], school;
};

static bool carries(const void *device, const char *name)
{
    const struct device *d = device;
    if (name[0] == 'S')
        return d->school;
    return d->tag[strtoul(name + 1, NULL, 10)];
}

/* A target taken apart: an expression per part; a bare name becomes one. */
struct audience {
    const struct job *job;
    json_t *part[64];
    size_t n;
    bool overlap;
};

static void check_device(const struct audience *a, const struct device *d)
{
    const struct job *job = a->job;
    size_t hits = 0;
    bool wanted = job->tags.n == 0;
    for (size_t i = 0; i < job->tags.n; i++)
        wanted |= carries(d, job->tags.v[i]);
    if (job->school)
        wanted &= d->school;
    for (size_t i = 0; i < a->n; i++)
        hits += expression_matches(a->part[i], carries, d);
    if (!wanted ? hits > 0 : a->overlap ? hits < 1 : hits != 1)
        fail_msg("%zu tags, school %d, wanted %d, overlap %d: reached %zu times", job->tags.n,
                 job->school != NULL, wanted, a->overlap, hits);
}

static void check_every_device(const struct audience *a)
{
    const size_t n = a->job->tags.n;
    for (unsigned bits = 0; bits < 2U << n; bits++) {
        struct device d = {.school = bits & 1};
        for (size_t i = 0; i < n; i++)
            d.tag[i] = bits >> (i + 1) & 1;
        check_device(a, &d);
    }
}

static void check_random_devices(const struct audience *a)
{
    const size_t n = a->job->tags.n;
    for (int round = 0; round < 150; round++) {
        struct device d = {.school = random_below(8) > 0};
        const size_t carried = random_below(3) ? random_below(4) : random_below(n + 1);
        for (size_t i = 0; i < carried; i++)
            d.tag[random_below(n)] = true;
        check_device(a, &d);
    }
}

static void take_apart(const struct job *job, const struct target *t, const struct target_limits *l,
                       struct audience *a)
{
    const struct expression_limits limits = {l->depth, l->operands, l->tags, l->tag_chars};
    struct err e = {""};
    *a = (struct audience){.job = job, .n = t->n, .overlap = t->overlap};
    assert_true(t->n >= 1 && t->n <= l->max_parts);
    for (size_t i = 0; i < t->n; i++) {
        a->part[i] = expression_of(t->values[i]);
        if (t->values[i][0] == '{' && !expression_check(a->part[i], &limits, &e))
            fail_msg("part %zu: %s: %s", i, e.text, t->values[i]);
    }
}

static struct target_limits random_limits(void)
{
    struct target_limits l = target_limits_default;
    if (random_below(2))
        return l;
    l.depth = 1 + random_below(3);
    l.operands = 1 + random_below(random_below(2) ? 6 : 14);
    l.tags = 1 + random_below(random_below(2) ? 12 : 60);
    l.max_parts = random_below(4) ? 64 : 1 + random_below(64);
    return l;
}

static void make_audience(struct job *job)
{
    const size_t n = random_below(3) ? random_below(TAGS_MAX + 1) : random_below(9);
    make_names(n);
    *job = (struct job){.school = n == 0 || random_below(2) ? "S" : NULL, .tags = {names.v, n}};
    if (n > SCHOOL_AS_TAG && random_below(6) == 0)
        names.v[SCHOOL_AS_TAG] = "S";
}

/* With these limits, is a refusal right? */
static bool may_refuse(const struct job *job, const struct target_limits *l, const struct err *e)
{
    size_t calls = 0;
    if (sscanf(e->text, "target: takes %zu calls", &calls) == 1)
        return calls > l->max_parts && calls <= job->tags.n;
    return job->school && job->tags.n && (l->depth < 2 || l->operands < 2 || l->tags < 2);
}

static void check_seed(uint64_t seed)
{
    struct job job;
    struct target t;
    struct audience a;
    struct err e = {""};
    random_state = seed;
    const struct target_limits limits = random_limits();
    make_audience(&job);
    if (!target_build(&job, &limits, &t, &e)) {
        if (!may_refuse(&job, &limits, &e))
            fail_msg("%s", e.text);
        target_free(&t);
        return;
    }
    take_apart(&job, &t, &limits, &a);
    if (job.tags.n <= 8)
        check_every_device(&a);
    else
        check_random_devices(&a);
    for (size_t i = 0; i < a.n; i++)
        json_decref(a.part[i]);
    target_free(&t);
}

static uint64_t seed_now; /* 0: none is being tried */

/* A failed seed is tried again with SEED=<the seed printed>. */
static void every_device_is_reached_as_meant(void **state)
{
    const char *given = getenv("SEED");
    const uint64_t from = given ? strtoull(given, NULL, 10) : 1, to = given ? from : 400;
    (void)state;
    for (seed_now = from; seed_now <= to; seed_now++)
        check_seed(seed_now);
    seed_now = 0;
}

static int print_failed_seed(void **state)
{
    (void)state;
    if (seed_now)
        print_error("SEED=%llu\n", (unsigned long long)seed_now);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call_carries_it),
        cmocka_unit_test(refusals_say_what_and_limit),
        cmocka_unit_test(a_name_may_have_128_characters),
        cmocka_unit_test(an_expression_over_a_limit_is_refused),
        cmocka_unit_test(parts_by_number_of_tags),
        cmocka_unit_test(exclusions_repeat_the_school),
        cmocka_unit_test(ids_are_cut_at_the_limit_of_their_kind),
        cmocka_unit_test(limits_too_small_for_a_school_are_said),
        cmocka_unit_test_teardown(every_device_is_reached_as_meant, print_failed_seed),
    };
    for (int i = 0; i < 129; i++)
        memcpy(long_text + 3 * i, "校", 3);
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
