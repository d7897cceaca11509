/* SPDX-License-Identifier: MIT */
#include "job/plan.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const int64_t t0 = INT64_C(1780000000000);
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
static const int64_t day = INT64_C(24) * HOUR;

static const struct app app_plain = {
    .name = "default", .device_type = "ANDROID", .push_type = "MESSAGE", .ttl_s = 86400};

static struct template_set *templates;

static int set_up(void **state)
{
    (void)state;
    templates = template_set_new();
    return !(
        template_set_add(templates, "I10001", NULL, NULL, "Arranging Result Changed. (School: {0})",
                         NULL) &&
        template_set_add(templates, "T1", NULL, "Hello {params.who}", "Dear {params.who}", NULL) &&
        template_set_add(templates, "T1", "zh-CN", "你好", "\"{tags}\"", NULL));
}

static int tear_down(void **state)
{
    (void)state;
    template_set_free(templates);
    return 0;
}

static bool build(const char *text, const struct app *app, const struct target_limits *limits,
                  struct job *job, struct plan *plan, struct refusal *why)
{
    const struct job_limits job_limits = {10000, 64000, "push:reply:"};
    if (!job_parse(text, strlen(text), &job_limits, job, why))
        fail_msg("%s: %s", text, why->err.text);
    return plan_build(job, app, templates, limits ? limits : &target_limits_default, t0, plan, why);
}

static void must_build(const char *text, const struct app *app, struct job *job, struct plan *plan)
{
    struct refusal why;
    if (!build(text, app, NULL, job, plan, &why))
        fail_msg("%s: %s", text, why.err.text);
    assert_int_equal(why.reason, REASON_NONE);
}

/* --- message -------------------------------------------------------------------------------- */

static void title_and_body(void **state)
{
    static const struct {
        const char *job, *push_type, *title, *body;
    } v[] = {
        {"{\"code\":\"I10001\",\"school\":\"S01\"}", "MESSAGE", "I10001",
         "{\"type\":0,\"message\":\"Arranging Result Changed. (School: S01)\"}"},
        {"{\"code\":\"I10001\",\"school\":\"S01\",\"type\":1}", "MESSAGE", "I10001",
         "{\"type\":1,\"message\":\"Arranging Result Changed. (School: S01)\"}"},
        {"{\"code\":\"I10001\",\"school\":\"S01\",\"push\":{\"PushType\":\"NOTICE\"}}", "NOTICE",
         "I10001", "Arranging Result Changed. (School: S01)"},
        {"{\"code\":\"T1\",\"school\":\"S\",\"params\":{\"who\":\"A\\\"\\\\\\nB\"}}", "MESSAGE",
         "Hello A\"\\\nB", "{\"type\":0,\"message\":\"Dear A\\\"\\\\\\nB\"}"},
        {"{\"code\":\"T1\",\"locale\":\"zh-CN\",\"tags\":[\"甲\",\"b\"]}", "MESSAGE", "你好",
         "{\"type\":0,\"message\":\"\\\"甲,b\\\"\"}"},
        {"{\"message\":\"放学了\",\"school\":\"S\"}", "MESSAGE", "default",
         "{\"type\":0,\"message\":\"放学了\"}"},
        {"{\"message\":\"{0}\",\"title\":\"{x}\",\"school\":\"S\"}", "MESSAGE", "{x}",
         "{\"type\":0,\"message\":\"{0}\"}"},
        {"{\"message\":\"\",\"school\":\"S\",\"push\":{\"PushType\":\"NOTICE\"}}", "NOTICE",
         "default", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct job job;
        struct plan plan;
        must_build(v[i].job, &app_plain, &job, &plan);
        assert_string_equal(plan.push_type, v[i].push_type);
        assert_string_equal(plan.device_type, "ANDROID");
        assert_string_equal(buf_text(&plan.title), v[i].title);
        assert_string_equal(buf_text(&plan.body), v[i].body);
        plan_free(&plan);
        job_free(&job);
    }
}

static void the_app_gives_what_the_job_leaves_open(void **state)
{
    struct app app = app_plain;
    struct job job;
    struct plan plan;
    (void)state;
    app.title = "School App", app.push_type = "NOTICE", app.device_type = "ALL";
    must_build("{\"message\":\"m\",\"school\":\"S\"}", &app, &job, &plan);
    assert_string_equal(buf_text(&plan.title), "School App");
    assert_string_equal(buf_text(&plan.body), "m");
    assert_string_equal(plan.device_type, "ALL");
    plan_free(&plan);
    job_free(&job);
    must_build("{\"message\":\"m\",\"school\":\"S\",\"push\":{\"DeviceType\":\"iOS\","
               "\"PushType\":\"MESSAGE\"}}",
               &app, &job, &plan);
    assert_string_equal(buf_text(&plan.body), "{\"type\":0,\"message\":\"m\"}");
    assert_string_equal(plan.device_type, "iOS");
    plan_free(&plan);
    job_free(&job);
}

/* --- calls ---------------------------------------------------------------------------------- */

static void parts_become_calls(void **state)
{
    struct target_limits limits = target_limits_default;
    struct job job;
    struct plan plan;
    struct refusal why;
    (void)state;
    limits.devices = 2;
    assert_true(
        build("{\"message\":\"m\",\"target\":{\"device\":[\"0000000000000000000000000000000a\","
              "\"0000000000000000000000000000000b\",\"0000000000000000000000000000000c\"]}}",
              &app_plain, &limits, &job, &plan, &why));
    assert_int_equal(plan.n, 2);
    assert_int_equal(plan.calls[0].part, 0);
    assert_int_equal(plan.calls[0].kind, TARGET_DEVICE);
    assert_string_equal(plan.calls[0].target_value,
                        "0000000000000000000000000000000a,0000000000000000000000000000000b");
    assert_int_equal(plan.calls[1].part, 1);
    assert_string_equal(plan.calls[1].target_value, "0000000000000000000000000000000c");
    plan_free(&plan);
    plan_free(&plan); /* may be called again, and on a zeroed plan */
    plan_free(&(struct plan){0});
    job_free(&job);
}

/* --- times ---------------------------------------------------------------------------------- */

static void times_follow_from_t0(void **state)
{
    const struct {
        int64_t delay_s, push_at, ttl_s, expire_at, enqueued_at, app_delay_s;
        int64_t push_time, deadline, expire; /* relative to t0; push_time 0: none */
    } v[] = {
#define NO JOB_ABSENT
        {NO, NO, NO, NO, NO, 0, 0, day, day},
        /* schedule: the job's word, then the app's; what is not ahead means at once */
        {NO, NO, NO, NO, NO, 5, 5 * SECOND, day + 5 * SECOND, day + 5 * SECOND},
        {0, NO, NO, NO, NO, 5, 0, day, day},
        {60, NO, NO, NO, NO, 5, MINUTE, day + MINUTE, day + MINUTE},
        {NO, t0 + HOUR, NO, NO, NO, 5, HOUR, day + HOUR, day + HOUR},
        {NO, t0 - HOUR, NO, NO, NO, 5, 0, day, day},
        {NO, t0, NO, NO, NO, 5, 0, day, day},
        {7 * 86400, NO, NO, NO, NO, 0, 7 * day, 8 * day, 8 * day},
        {NO, t0 + 7 * day, NO, NO, NO, 0, 7 * day, 8 * day, 8 * day},
        /* deadline: the job's, else the app's; the earlier of two; ExpireTime 72 h at most */
        {NO, NO, 60, NO, NO, 0, 0, MINUTE, MINUTE},
        {NO, NO, 2 * 86400, NO, NO, 0, 0, 2 * day, 2 * day},
        {NO, NO, 4 * 86400, NO, NO, 0, 0, 4 * day, 3 * day},
        {NO, NO, NO, t0 + 4 * day, NO, 0, 0, 4 * day, 3 * day},
        {NO, NO, NO, t0 - 1, NO, 0, 0, -1, -1},
        {NO, NO, 60, t0 + HOUR, NO, 0, 0, MINUTE, MINUTE},
        {NO, NO, 7200, t0 + HOUR, NO, 0, 0, HOUR, HOUR},
        {60, NO, 4 * 86400, NO, NO, 0, MINUTE, 4 * day + MINUTE, 3 * day + MINUTE},
        /* base: enqueued_at where it is plausible and nothing is scheduled */
        {NO, NO, NO, NO, t0 - HOUR, 0, 0, day - HOUR, day - HOUR},
        {NO, NO, NO, NO, t0 - 7 * day, 0, 0, -6 * day, -6 * day},
        {NO, NO, NO, NO, t0 - 7 * day - 1, 0, 0, day, day},
        {NO, NO, NO, NO, t0 + MINUTE, 0, 0, day + MINUTE, day + MINUTE},
        {NO, NO, NO, NO, t0 + MINUTE + 1, 0, 0, day, day},
        {60, NO, NO, NO, t0 - HOUR, 0, MINUTE, day + MINUTE, day + MINUTE},
        {NO, NO, INT64_MAX, NO, INT64_MAX, 0, 0, INT64_MAX - t0, 3 * day},
#undef NO
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        const struct job job = {.message = "m",
                                .school = "S",
                                .delay_s = v[i].delay_s,
                                .push_at_ms = v[i].push_at,
                                .ttl_s = v[i].ttl_s,
                                .expire_at_ms = v[i].expire_at,
                                .enqueued_at_ms = v[i].enqueued_at};
        struct app app = app_plain;
        struct plan plan;
        struct refusal why;
        app.push_delay_s = v[i].app_delay_s;
        if (!plan_build(&job, &app, templates, &target_limits_default, t0, &plan, &why))
            fail_msg("row %zu: %s", i, why.err.text);
        const int64_t push_time = plan.push_time_ms ? plan.push_time_ms - t0 : 0;
        if (push_time != v[i].push_time || plan.deadline_ms - t0 != v[i].deadline ||
            plan.expire_time_ms - t0 != v[i].expire)
            fail_msg("row %zu: push %" PRId64 ", deadline %" PRId64 ", expire %" PRId64, i,
                     push_time, plan.deadline_ms - t0, plan.expire_time_ms - t0);
        plan_free(&plan);
    }
}

/* --- refusals ------------------------------------------------------------------------------- */

static void refusals_have_reason_and_text(void **state)
{
    static const struct {
        const char *job;
        enum reason why;
        const char *text;
    } v[] = {
        {"{\"code\":\"I9\",\"school\":\"S\"}", REASON_UNKNOWN_TEMPLATE, "template I9: unknown"},
        {"{\"code\":\"I9\",\"locale\":\"zh\",\"school\":\"S\"}", REASON_UNKNOWN_TEMPLATE,
         "template I9: unknown, also for locale zh"},
        {"{\"code\":\"I10001\",\"tags\":[\"a\"]}", REASON_INVALID_JOB, "template I10001: argument"},
        {"{\"code\":\"T1\",\"school\":\"S\"}", REASON_INVALID_JOB,
         "template T1: argument {params.who} is not in the job"},
        {"{\"message\":\"m\",\"school\":\"S\",\"push\":{\"PushType\":1}}", REASON_INVALID_JOB,
         "push.PushType: takes a string"},
        {"{\"message\":\"m\",\"school\":\"S\",\"push\":{\"DeviceType\":true}}", REASON_INVALID_JOB,
         "push.DeviceType: takes a string"},
        {"{\"message\":\"m\",\"target\":{\"tag\":{\"not\":{\"tag\":\"a\"}}}}",
         REASON_INVALID_TARGET, "target.tag: \"not\" cannot stand alone"},
        {"{\"message\":\"m\",\"school\":\"S\",\"push_at\":\"2027-01-01T00:00:00Z\"}",
         REASON_INVALID_JOB, "s ahead, at most 7 days"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        struct job job;
        struct plan plan;
        struct refusal why;
        assert_false(build(v[i].job, &app_plain, NULL, &job, &plan, &why));
        assert_int_equal(why.reason, v[i].why);
        if (!strstr(why.err.text, v[i].text))
            fail_msg("\"%s\" is not in \"%s\"", v[i].text, why.err.text);
        assert_int_equal(plan.n, 0);
        plan_free(&plan);
        job_free(&job);
    }
}

static void long_texts_are_refused_not_cut(void **state)
{
    static char text[300 << 10];
    struct job job = {.message = text,
                      .school = "S",
                      .delay_s = JOB_ABSENT,
                      .push_at_ms = JOB_ABSENT,
                      .ttl_s = JOB_ABSENT,
                      .expire_at_ms = JOB_ABSENT,
                      .enqueued_at_ms = JOB_ABSENT};
    struct plan plan;
    struct refusal why;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    assert_false(plan_build(&job, &app_plain, templates, &target_limits_default, t0, &plan, &why));
    assert_int_equal(why.reason, REASON_INVALID_JOB);
    assert_non_null(strstr(why.err.text, "message: more than"));
    plan_free(&plan);
    job.message = "m", job.title = text;
    assert_false(plan_build(&job, &app_plain, templates, &target_limits_default, t0, &plan, &why));
    assert_non_null(strstr(why.err.text, "title: more than"));
    plan_free(&plan);
    job.message = NULL, job.title = NULL, job.code = "I10001", job.school = text;
    assert_false(plan_build(&job, &app_plain, templates, &target_limits_default, t0, &plan, &why));
    assert_non_null(strstr(why.err.text, "template I10001: a message of more than"));
    plan_free(&plan);
}

/* --- quiet hours ------------------------------------------------------------------------------ */

static void test_quiet(void **state)
{
    (void)state;
    /* t0 is 20:26:40 UTC */
    struct app app = app_plain;
    assert_true(quiet_parse("20:00-06:00 Z", &app.quiet, NULL));
    const int64_t six = t0 + 9 * HOUR + 33 * MINUTE + 20 * SECOND;
    static const struct {
        const char *job;
        bool shifted;
    } cases[] = {
        {"{\"message\":\"m\",\"school\":\"s\"}", true},
        {"{\"message\":\"m\",\"school\":\"s\",\"type\":1}", false},
        {"{\"message\":\"m\",\"school\":\"s\",\"delay_s\":60}", true},
        {"{\"message\":\"m\",\"school\":\"s\",\"delay_s\":43200}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job job;
        struct plan plan;
        must_build(cases[i].job, &app, &job, &plan);
        if ((plan.push_time_ms == six) != cases[i].shifted)
            fail_msg("%s: PushTime t0 + %" PRId64 " ms", cases[i].job, plan.push_time_ms - t0);
        plan_free(&plan);
        job_free(&job);
    }
}

static void test_quiet_never_past_the_deadline(void **state)
{
    (void)state;
    struct app app = app_plain;
    assert_true(quiet_parse("20:00-06:00 Z", &app.quiet, NULL));
    struct job job;
    struct plan plan;
    struct refusal why;
    assert_false(build("{\"message\":\"m\",\"school\":\"s\",\"ttl_s\":3600}", &app, NULL, &job,
                       &plan, &why));
    assert_int_equal(why.reason, REASON_EXPIRED);
    assert_string_equal(why.err.text, "quiet: its deadline is 30800 s before the quiet hours' end");
    plan_free(&plan);
    job_free(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_quiet_never_past_the_deadline),
        cmocka_unit_test(title_and_body),
        cmocka_unit_test(the_app_gives_what_the_job_leaves_open),
        cmocka_unit_test(parts_become_calls),
        cmocka_unit_test(times_follow_from_t0),
        cmocka_unit_test(refusals_have_reason_and_text),
        cmocka_unit_test(long_texts_are_refused_not_cut),
    };
    return cmocka_run_group_tests_name("plan", tests, set_up, tear_down);
}
