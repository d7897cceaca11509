/* SPDX-License-Identifier: MIT
 * What jobs follow from in a configuration, and whether another one has the same. */
#include "config/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/worker_config.h"

#define APPS                                                                                       \
    "apps = ( { name = \"default\"; }, { name = \"shop\"; app_key = \"2\"; } );\n"                 \
    "groups = ( { name = \"both\"; apps = \"default,shop\"; } );\n"
#define TEMPLATES                                                                                  \
    "templates = ( { code = \"A\"; message = \"a\"; locales = ( { locale = \"de\"; message = "     \
    "\"b\"; } ); }, { code = \"B\"; message = \"b\"; } );\n"

static void load(struct config *c, const char *file, const char *const *vars)
{
    static const char *const none[] = {NULL};
    worker_config_load(c, 0, 0, vars ? vars : none, file);
}

static const struct marks_of plain = {.apps = {"default"}, .napps = 1},
                             with_a = {.apps = {"default"}, .napps = 1, .code = "A"},
                             to_shop = {.apps = {"shop"}, .napps = 1, .code = "B"},
                             to_both = {.group = "both", .apps = {"default", "shop"}, .napps = 2};

static void expect_lacking(const struct config *here, const struct marks_of *job,
                           const struct config *there, const char *wanted)
{
    struct buf out;
    buf_init(&out, 1024);
    marks_write_lacking(here, job, there->marks, &out);
    assert_string_equal(buf_text(&out), wanted);
    buf_free(&out);
}

static void test_what_differs(void **state)
{
    (void)state;
    static const struct {
        const char *file, *var;              /* of the other configuration */
        const char *plain, *a, *shop, *both; /* what each job lacks there */
    } rows[] = {
        {APPS TEMPLATES, NULL, "", "", "", ""},
        {"log: { level = \"debug\"; };\n" APPS TEMPLATES, NULL, "", "", "", ""},
        /* PushTime and ExpireTime only */
        {"apps = ( { name = \"default\"; ttl_s = 60; push_delay_s = 5; quiet = \"22:00-07:00 "
         "+00:00\"; }, { name = \"shop\"; app_key = \"2\"; ambiguous = \"resend\"; } );\n"
         "groups = ( { name = \"both\"; apps = \"default,shop\"; } );\n" TEMPLATES,
         NULL, "", "", "", ""},
        {"apps = ( { name = \"default\"; }, { name = \"shop\"; app_key = \"2\"; title = \"x\"; } "
         ");\ngroups = ( { name = \"both\"; apps = \"default,shop\"; } );\n" TEMPLATES,
         NULL, "", "", "app shop", "app shop"},
        {"apps = ( { name = \"default\"; }, { name = \"shop\"; app_key = \"2\"; } );\n"
         "groups = ( { name = \"both\"; apps = \"shop,default\"; } );\n" TEMPLATES,
         NULL, "", "", "", "group both"},
        {APPS "templates = ( { code = \"A\"; message = \"a\"; locales = ( { locale = \"de\"; "
              "message = \"x\"; } ); }, { code = \"B\"; message = \"b\"; } );\n",
         NULL, "", "template A", "", ""},
        {APPS TEMPLATES, "PREQ_APP_KEY=77", "app default", "app default", "", "app default"},
        {APPS TEMPLATES, "PUSHBRIDGE_LIMITS_ACCOUNTS=7", "limits", "limits", "limits", "limits"},
        {APPS TEMPLATES, "PUSHBRIDGE_LIMITS_PAYLOAD_MAX_BYTES=900", "", "", "", ""},
    };
    struct config here;
    load(&here, APPS TEMPLATES, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config there;
        const char *const vars[] = {rows[i].var, NULL};
        load(&there, rows[i].file, vars);
        expect_lacking(&here, &plain, &there, rows[i].plain);
        expect_lacking(&here, &with_a, &there, rows[i].a);
        expect_lacking(&here, &to_shop, &there, rows[i].shop);
        expect_lacking(&here, &to_both, &there, rows[i].both);
        config_free(&there);
    }
    config_free(&here);
}

/* The most templates that a file may have. */
static void test_bound(void **state)
{
    (void)state;
    struct config c;
    struct buf file;
    buf_init(&file, 1 << 20);
    buf_puts(&file, APPS "templates = (");
    for (int i = 0; i < 2000; i++)
        buf_printf(&file, "%s{ code = \"T%05d\"; message = \"m\"; }", i ? "," : "", i);
    buf_puts(&file, ");\n");
    load(&c, buf_text(&file), NULL);
    assert_int_equal(strlen(c.marks), 8 * (1 + 2 + 1 + 2000));
    const struct marks_of last = {.code = "T01999"};
    expect_lacking(&c, &last, &c, "");
    config_free(&c);
    buf_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_differs),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("marks", tests, NULL, NULL);
}
