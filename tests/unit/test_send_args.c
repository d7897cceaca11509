/* SPDX-License-Identifier: MIT
 * The options of `pushbridge send` and the job that they make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "cli/jobs/send_args.h"

enum { WORDS_MAX = 24 };

/* words: NULL-terminated, without the command's name. */
static enum args_end parse(const char *const *words, struct send_args *args)
{
    static char store[WORDS_MAX][256];
    char *argv[WORDS_MAX + 1];
    int n = 0;
    snprintf(store[n++], sizeof store[0], "send");
    for (; *words; words++)
        snprintf(store[n++], sizeof store[0], "%s", *words);
    assert_true(n <= WORDS_MAX);
    for (int i = 0; i < n; i++)
        argv[i] = store[i];
    argv[n] = NULL;
    struct err e;
    return args_parse(&send_args, n, argv, args, &e);
}

static void assert_job(const struct send_args *args, const char *want)
{
    json_t *wanted = json_loads(want, 0, NULL);
    assert_non_null(wanted);
    if (!json_equal(args->job, wanted)) {
        char *got = json_dumps(args->job, JSON_COMPACT);
        fail_msg("%s, expected %s", got, want);
    }
    json_decref(wanted);
}

static void test_jobs(void **state)
{
    (void)state;
    static const struct {
        const char *words[WORDS_MAX];
        const char *job;
    } rows[] = {
        {{"--code", "I10001", "--school", "s"}, "{\"code\":\"I10001\",\"school\":\"s\"}"},
        {{"--message", "m", "--title", "", "--tag", "a", "--tag", "b", "--tag", "a"},
         "{\"message\":\"m\",\"title\":\"\",\"tags\":[\"a\",\"b\",\"a\"]}"},
        {{"--message=m", "--param", "k=v=w", "--param", "n="},
         "{\"message\":\"m\",\"params\":{\"k\":\"v=w\",\"n\":\"\"}}"},
        {{"--message", "m", "--type", "1"}, "{\"message\":\"m\",\"type\":1}"},
        {{"--message", "m", "--type", "functional"}, "{\"message\":\"m\",\"type\":\"functional\"}"},
        {{"--message", "m", "--type", "2"}, "{\"message\":\"m\",\"type\":\"2\"}"},
        {{"--message", "m", "--delay-s", "5", "--ttl-s", "-1"},
         "{\"message\":\"m\",\"delay_s\":5,\"ttl_s\":-1}"}, /* ranges are the job's check */
        {{"--message", "m", "--push-at", "2026-01-01T00:00:00Z", "--expire-at", "later"},
         "{\"message\":\"m\",\"push_at\":\"2026-01-01T00:00:00Z\",\"expire_at\":\"later\"}"},
        {{"--message", "m", "--target-device", "000000000000000000000000000000d1",
          "--target-device", "000000000000000000000000000000d2"},
         "{\"message\":\"m\",\"target\":{\"device\":[\"000000000000000000000000000000d1\","
         "\"000000000000000000000000000000d2\"]}}"},
        {{"--message", "m", "--target-account", "u", "--target-alias", "a"},
         "{\"message\":\"m\",\"target\":{\"account\":[\"u\"],\"alias\":[\"a\"]}}"},
        {{"--message", "m", "--target-tag", "vip"},
         "{\"message\":\"m\",\"target\":{\"tag\":\"vip\"}}"},
        {{"--message", "m", "--target-tag", "{\"or\":[{\"tag\":\"a\"}]}"},
         "{\"message\":\"m\",\"target\":{\"tag\":{\"or\":[{\"tag\":\"a\"}]}}}"},
        {{"--message", "m", "--target-tag", "{odd"},
         "{\"message\":\"m\",\"target\":{\"tag\":\"{odd\"}}"},
        {{"--message", "m", "--target-all"}, "{\"message\":\"m\",\"target\":{\"all\":true}}"},
        {{"--id", "i", "--app", "shop", "--locale", "zh-CN", "--code", "c"},
         "{\"id\":\"i\",\"app\":\"shop\",\"locale\":\"zh-CN\",\"code\":\"c\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct send_args args;
        assert_int_equal(parse(rows[i].words, &args), ARGS_RUN);
        assert_job(&args, rows[i].job);
        assert_false(args.lines || args.wait);
        assert_int_equal(args.timeout_s, 30);
        args_free(&send_args, &args);
    }
}

/* Values take the type that the provider documents; what cannot be one is left to the check. */
static void test_push_values(void **state)
{
    (void)state;
    static const char *const words[] = {"--message", "m",
                                        "--push",    "iOSBadge=5",
                                        "--push",    "StoreOffline=true",
                                        "--push",    "AndroidMusic=7",
                                        "--push",    "AndroidExtParameters={\"k\":1}",
                                        "--push",    "SendSpeed=fast",
                                        "--push",    "Unknown=1",
                                        "--push",    "iOSRelevanceScore=0.5",
                                        NULL};
    struct send_args args;
    assert_int_equal(parse(words, &args), ARGS_RUN);
    assert_job(&args, "{\"message\":\"m\",\"push\":{\"iOSBadge\":5,\"StoreOffline\":true,"
                      "\"AndroidMusic\":\"7\",\"AndroidExtParameters\":{\"k\":1},"
                      "\"SendSpeed\":\"fast\",\"Unknown\":\"1\",\"iOSRelevanceScore\":0.5}}");
    args_free(&send_args, &args);
}

static void test_own_options(void **state)
{
    (void)state;
    static const char *const words[] = {"-c",     "x.conf",    "--queue",   "q", "--wait",
                                        "--code", "--timeout", "--timeout", "7", NULL};
    struct send_args args;
    assert_int_equal(parse(words, &args), ARGS_RUN);
    assert_string_equal(args.common.config, "x.conf");
    assert_string_equal(args.queue, "q");
    assert_true(args.wait);
    assert_int_equal(args.timeout_s, 7);
    assert_job(&args, "{\"code\":\"--timeout\"}"); /* an option's value, whatever it looks like */
    args_free(&send_args, &args);
}

static void test_lines(void **state)
{
    (void)state;
    static const char *const words[] = {"--wait", "-", NULL};
    struct send_args args;
    assert_int_equal(parse(words, &args), ARGS_RUN);
    assert_true(args.lines && args.wait);
    args_free(&send_args, &args);
}

static void test_help_needs_no_job(void **state)
{
    (void)state;
    static const char *const words[][2] = {{"-h", NULL}, {"--help", NULL}};
    for (size_t i = 0; i < 2; i++) {
        struct send_args args;
        assert_int_equal(parse(words[i], &args), ARGS_HELP);
        args_free(&send_args, &args);
    }
}

static void test_usage_errors(void **state)
{
    (void)state;
    static const char *const rows[][WORDS_MAX] = {
        {NULL},
        {"--wait"},
        {"--nonsense"},
        {"--code"},
        {"--code", "a", "--code", "b"},
        {"--code", "a", "extra"},
        {"--code", "a", "-"},
        {"-", "-"},
        {"--code", "\xff"},
        {"--code", "a", "--tag", "\xff"},
        {"--code", "a", "--param", "novalue"},
        {"--code", "a", "--param", "=v"},
        {"--code", "a", "--param", "\xff=v"},
        {"--code", "a", "--param", "k=1", "--param", "k=2"},
        {"--code", "a", "--push", "iOSBadge"},
        {"--code", "a", "--delay-s", "soon"},
        {"--code", "a", "--delay-s", "5.5"},
        {"--code", "a", "--target-all", "--target-all"},
        {"--code", "a", "--queue", ""},
        {"--code", "a", "--timeout", "5"}, /* without --wait */
        {"--code", "a", "--wait", "--timeout", "0"},
        {"--code", "a", "--wait", "--timeout", "86401"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct send_args args;
        if (parse(rows[i], &args) != ARGS_WRONG)
            fail_msg("row %zu is accepted", i);
        args_free(&send_args, &args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jobs),
        cmocka_unit_test(test_push_values),
        cmocka_unit_test(test_own_options),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_help_needs_no_job),
        cmocka_unit_test(test_usage_errors),
    };
    return cmocka_run_group_tests_name("send_args", tests, NULL, NULL);
}
