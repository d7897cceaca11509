/* SPDX-License-Identifier: MIT
 * Groups of apps: their configuration (config_groups) and what a job becomes in each (legs). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "pipeline/legs.h"

#include "support/worker_config.h"

static const int64_t t0 = INT64_C(1780000000000);

#define APPS                                                                                       \
    "apps = ( { name = \"a\"; app_key = \"1\"; push_type = \"NOTICE\"; },\n"                       \
    " { name = \"i\"; app_key = \"2\"; device_type = \"iOS\"; push_type = \"NOTICE\"; push = { "   \
    "iOSApnsEnv = \"DEV\"; }; }, { name = \"h\"; app_key = \"3\"; device_type = \"HARMONY\"; } "   \
    ");\n"
static const char groups[] =
    APPS "groups = ( { name = \"school\"; apps = [ \"i\", \"a\" ]; }, { name = \"all\"; apps = "
         "\"a,h,i\"; } );\n"
         "templates = ( { code = \"T\"; message = \"m\"; sound = \"s\"; platforms = ( { platform = "
         "\"iOS\"; message = \"ios\"; } ); } );\n";

static bool build(const struct config *c, const char *text, struct job *job, struct legs *l,
                  struct refusal *why)
{
    const struct job_limits limits = {10000, 64000, "push:reply:"};
    if (!job_parse(text, strlen(text), &limits, job, why))
        fail_msg("%s: %s", text, why->err.text);
    return legs_build(l, c, &c->limits, job, NULL, t0, why);
}

static void each_app_by_its_own_defaults(void **state)
{
    (void)state;
    struct config c;
    struct job job;
    struct legs l;
    struct refusal why;
    worker_config_load(&c, 0, 0, NULL, groups);
    if (!build(&c, "{\"code\":\"T\",\"school\":\"s\",\"app\":\"school\"}", &job, &l, &why))
        fail_msg("%s", why.err.text);
    assert_string_equal(l.name, "school");
    assert_int_equal(l.n, 2);
    assert_string_equal(l.v[0].app->app.name, "i");
    assert_string_equal(l.v[0].plan.device_type, "iOS");
    assert_string_equal(buf_text(&l.v[0].plan.body), "ios");
    assert_string_equal(l.v[1].app->app.name, "a");
    assert_string_equal(buf_text(&l.v[1].plan.body), "m");
    assert_int_equal(l.v[0].plan.calls[0].part, 0);
    assert_int_equal(l.v[1].plan.calls[0].part, 1);
    assert_string_equal(legs_app_of(&l, 0)->app.name, "i");
    assert_string_equal(legs_app_of(&l, 1)->app.name, "a");
    assert_null(legs_app_of(&l, 2));
    legs_free(&l);
    job_free(&job);
    config_free(&c);
}

static void parts_are_numbered_on(void **state)
{
    (void)state;
    struct config c;
    struct job job;
    struct legs l;
    struct refusal why;
    worker_config_load(&c, 0, 0, (const char *[]){"PUSHBRIDGE_LIMITS_DEVICES=2", NULL}, groups);
    assert_true(build(&c,
                      "{\"code\":\"T\",\"target\":{\"device\":["
                      "\"00000000000000000000000000000001\",\"00000000000000000000000000000002\","
                      "\"00000000000000000000000000000003\"]},\"app\":\"all\"}",
                      &job, &l, &why));
    assert_int_equal(l.n, 3);
    for (unsigned part = 0; part < 6; part++) {
        assert_int_equal(l.v[part / 2].plan.calls[part % 2].part, part);
        assert_ptr_equal(legs_app_of(&l, part), l.v[part / 2].app);
    }
    legs_free(&l);
    job_free(&job);
    config_free(&c);
}

static void refused_whole(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        enum reason why;
        const char *error;
    } rows[] = {
        {"{\"code\":\"T\",\"school\":\"s\",\"app\":\"none\"}", REASON_INVALID_JOB,
         "app: no app \"none\" is configured"},
        {"{\"code\":\"X\",\"school\":\"s\",\"app\":\"school\"}", REASON_UNKNOWN_TEMPLATE,
         "i: template X: unknown"},
        /* good for the first app, not for the second */
        {"{\"code\":\"T\",\"school\":\"s\",\"app\":\"school\",\"push\":{\"iOSBadge\":1}}",
         REASON_INVALID_JOB, "a: iOSBadge: a parameter of iOS, but DeviceType is ANDROID"},
        {"{\"code\":\"T\",\"target\":{\"device\":[\"00000000000000000000000000000001\","
         "\"00000000000000000000000000000002\"]},\"app\":\"all\"}",
         REASON_INVALID_TARGET, "6 parts over the group's apps, at most 5 (plan.max_parts)"},
    };
    struct config c;
    worker_config_load(
        &c, 0, 0,
        (const char *[]){"PUSHBRIDGE_LIMITS_DEVICES=1", "PUSHBRIDGE_PLAN_MAX_PARTS=5", NULL},
        groups);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct job job;
        struct legs l;
        struct refusal why;
        assert_false(build(&c, rows[i].job, &job, &l, &why));
        assert_int_equal(why.reason, rows[i].why);
        if (!strstr(why.err.text, rows[i].error))
            fail_msg("\"%s\" instead of \"%s\"", why.err.text, rows[i].error);
        legs_free(&l);
        job_free(&job);
    }
    config_free(&c);
}

/* --- configuration --------------------------------------------------------------------------- */

static void mistakes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {APPS "groups = { };", "groups: must be a list"},
        {APPS "groups = ( { name = \"g\"; } );", "apps: must not be empty"},
        {APPS "groups = ( { apps = \"a\"; } );", "name: must not be empty"},
        {APPS "groups = ( { name = \"a\"; apps = \"i\"; } );", "group \"a\": an app has that name"},
        {APPS "groups = ( { name = \"g h\"; apps = \"i\"; } );", "name: letters"},
        {APPS "groups = ( { name = \"g\"; apps = \"x\"; } );", "group \"g\": apps: no app x"},
        {APPS "groups = ( { name = \"g\"; apps = \"a,a\"; } );", "apps: there twice: a"},
        {APPS "groups = ( { name = \"g\"; apps = \"a,i,h,default\"; } );", "apps: at most 3"},
        {APPS "groups = ( { name = \"g\"; apps = \"a\"; push = { }; } );", "push: unknown option"},
        {APPS "groups = ( { name = \"g\"; apps = \"a\"; },\n{ name = \"g\"; apps = \"i\"; } );",
         ":4: group \"g\": is there twice"},
    };
    static char key[] = "PREQ_APP_KEY=1", id[] = "PREQ_ACCESS_KEY_ID=id",
                secret[] = "PREQ_ACCESS_KEY_SECRET=secret";
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[] = "/tmp/pushbridge-conf-XXXXXX";
        struct config c;
        struct err e = {""};
        worker_config_write(path, rows[i][0]);
        bool ok = config_load(path, (char *[]){key, id, secret, NULL}, &c, &e);
        unlink(path);
        if (ok || !strstr(e.text, rows[i][1]))
            fail_msg("\"%s\" instead of \"%s\"", ok ? "accepted" : e.text, rows[i][1]);
    }
}

/* Tools may not know every app's key, and must not fail over it. */
static void a_tool_needs_no_apps(void **state)
{
    (void)state;
    char path[] = "/tmp/pushbridge-conf-XXXXXX";
    struct config c;
    struct err e = {""};
    worker_config_write(path, "groups = ( { name = \"g\"; apps = \"default\"; } );");
    if (!config_load_tool(path, (char *[]){NULL}, &c, &e))
        fail_msg("%s", e.text);
    unlink(path);
    assert_int_equal(config_group_find(&c, "g")->n, 0);
    config_free(&c);
}

static void digest_covers_groups(void **state)
{
    (void)state;
    static const char *const files[] = {
        APPS,
        APPS "groups = ( { name = \"g\"; apps = \"a,i\"; } );",
        APPS "groups = ( { name = \"g\"; apps = \"i,a\"; } );",
        APPS "groups = ( { name = \"h2\"; apps = \"a,i\"; } );",
    };
    enum { N = sizeof files / sizeof *files };
    char digests[N][17];
    for (size_t i = 0; i < N; i++) {
        struct config c;
        worker_config_load(&c, 0, 0, NULL, files[i]);
        memcpy(digests[i], c.digest, sizeof digests[i]);
        config_free(&c);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(digests[i], digests[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_app_by_its_own_defaults),
        cmocka_unit_test(parts_are_numbered_on),
        cmocka_unit_test(refused_whole),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(a_tool_needs_no_apps),
        cmocka_unit_test(digest_covers_groups),
    };
    return cmocka_run_group_tests_name("legs", tests, NULL, NULL);
}
