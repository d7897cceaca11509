/* SPDX-License-Identifier: MIT
 * From a configuration and a job to the parameters of its call: what apps, templates, their parts
 * and variants, and jobs say, and which of them wins (parts, params_override, template_text,
 * template_values, settings_reader, settings_push, settings_template, config_templates). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "aliyun/request.h"
#include "support/api_list.h"
#include "support/worker_config.h"

enum { TEXT_SIZE = 8192, DAY_S = 86400 };
static const int64_t t0 = INT64_C(1780000000000);

/* One job on its way; the parts point into each other. */
struct made {
    struct config config;
    struct job job;
    struct plan plan;
    struct params params;
    struct refusal why;
};

static bool make(struct made *m, const char *file, const char *text)
{
    const struct job_limits limits = {10000, 64000, "push:reply:"};
    memset(m, 0, sizeof *m);
    params_init(&m->params);
    worker_config_load(&m->config, 0, 0, NULL, file);
    if (!job_parse(text, strlen(text), &limits, &m->job, &m->why))
        fail_msg("%s: %s", text, m->why.err.text);
    const struct config_app *app = config_app_find(&m->config, m->job.app ? m->job.app : "default");
    assert_non_null(app);
    if (!plan_build(&m->job, &app->app, m->config.templates, &m->config.limits, t0, &m->plan,
                    &m->why))
        return false;
    m->why.reason = REASON_INVALID_JOB;
    if (!request_params(&m->job, &app->app, &m->plan, &m->plan.calls[0], 1800, &m->params,
                        &m->why.err))
        return false;
    assert_on_list("Push", m->params.v, m->params.n);
    return true;
}

static void unmake(struct made *m)
{
    params_free(&m->params);
    plan_free(&m->plan);
    job_free(&m->job);
    config_free(&m->config);
}

static const char *shown(const char *value)
{
    return value ? value : "(absent)";
}

/* The parameter of the call is want; NULL: it has none. */
static void expect(const char *file, const char *job, const char *name, const char *want)
{
    struct made m;
    if (!make(&m, file, job))
        fail_msg("%s: %s\n%s", job, m.why.err.text, file);
    const char *have = params_get(&m.params, name);
    if (!have != !want || (have && strcmp(have, want) != 0))
        fail_msg("%s: %s is %s, not %s\n%s", job, name, shown(have), shown(want), file);
    unmake(&m);
}

static void expect_refused(const char *file, const char *job, enum reason why, const char *text)
{
    struct made m;
    if (make(&m, file, job))
        fail_msg("%s: not refused\n%s", job, file);
    assert_int_equal(m.why.reason, why);
    if (!strstr(m.why.err.text, text))
        fail_msg("%s: \"%s\" instead of \"%s\"", job, m.why.err.text, text);
    unmake(&m);
}

/* --- every parameter from everywhere --------------------------------------------------------- */

/* What has to stand beside a parameter, in the configuration's words. */
static const struct {
    const char *name, *push_type, *beside;
} company[] = {
    {"AndroidMessageOppoNotifyLevel", "NOTICE", "AndroidMessageOppoCategory = \"IM\";"},
    {"AndroidOpenType", "NOTICE", "AndroidActivity = \"a\"; AndroidOpenUrl = \"u\";"},
    {"AndroidPopupActivity", "NOTICE", "AndroidPopupTitle = \"t\"; AndroidPopupBody = \"b\";"},
    {"AndroidRemind", "MESSAGE", ""},
    {"DeviceType", "MESSAGE", ""},
    {"HarmonyActionType", "NOTICE", "HarmonyAction = \"a\";"},
    {"HarmonyRemind", "MESSAGE", ""},
    {"HarmonyRemindBody", "MESSAGE", "HarmonyRemind = true;"},
    {"HarmonyRemindTitle", "MESSAGE", "HarmonyRemind = true;"},
    {"HarmonyRenderStyle", "NOTICE", "HarmonyInboxContent = ( \"a\" );"},
    {"SmsDelaySecs", "NOTICE", "SmsTemplateName = \"t\"; SmsSignName = \"s\";"},
    {"SmsParams", "NOTICE", "SmsTemplateName = \"t\"; SmsSignName = \"s\"; SmsDelaySecs = 15;"},
    {"SmsSendPolicy", "NOTICE", "SmsTemplateName = \"t\"; SmsSignName = \"s\"; SmsDelaySecs = 15;"},
    {"SmsSignName", "NOTICE", "SmsTemplateName = \"t\"; SmsDelaySecs = 15;"},
    {"SmsTemplateName", "NOTICE", "SmsSignName = \"s\"; SmsDelaySecs = 15;"},
    {"iOSLiveActivityEvent", "NOTICE",
     "iOSLiveActivityAttributes = { a = 1; }; iOSLiveActivityAttributesType = \"t\";"},
    {"iOSRemindBody", "MESSAGE", "iOSRemind = true; iOSApnsEnv = \"PRODUCT\";"},
    {"iOSSilentNotification", "NOTICE", "iOSMutableContent = true;"},
};

/* The n-th value that row allows, counted around: as configuration, as JSON, as it is sent. */
struct value {
    char conf[64], json[64], sent[64];
};

static void value_word(const struct param_row *row, size_t n, struct value *v)
{
    const char *word = row->values;
    for (; n; n--) {
        const char *bar = strchr(word, '|');
        word = bar ? bar + 1 : row->values;
    }
    size_t len = strcspn(word, "|");
    assert_true(len < sizeof v->sent);
    memcpy(v->sent, word, len);
    v->sent[len] = '\0';
    const char *quote = row->type == PARAM_STRING ? "\"" : "";
    snprintf(v->conf, sizeof v->conf, "%s%.40s%s", quote, v->sent, quote);
    snprintf(v->json, sizeof v->json, "%s", v->conf);
}

static void value_json(const struct param_row *row, size_t n, struct value *v)
{
    bool list = row->values && strcmp(row->values, "array") == 0;
    snprintf(v->conf, sizeof v->conf, list ? "( \"%zu\" )" : "{ k = %zu; }", n);
    snprintf(v->json, sizeof v->json, list ? "[\"%zu\"]" : "{\"k\":%zu}", n);
    snprintf(v->sent, sizeof v->sent, "%s", v->json);
}

static void value_number(const struct param_row *row, size_t n, struct value *v)
{
    int64_t k = (int64_t)n;
    if (row->min < row->max) {
        /* Unsigned, and without a + 1: a range may be all of int64_t's upper half. */
        uint64_t span = (uint64_t)row->max - (uint64_t)row->min;
        k = row->min + (int64_t)(n <= span ? n : n % (span + 1));
    }
    if (row->type == PARAM_DOUBLE)
        snprintf(v->sent, sizeof v->sent, "0.%zu", n + 1);
    else
        snprintf(v->sent, sizeof v->sent, "%lld", (long long)k);
    snprintf(v->conf, sizeof v->conf, "%s", v->sent);
    snprintf(v->json, sizeof v->json, "%s", v->sent);
}

static struct value value_of(const struct param_row *row, size_t n)
{
    struct value v;
    if (row->type == PARAM_JSON) {
        value_json(row, n, &v);
    } else if (row->values) {
        value_word(row, n, &v);
    } else if (row->type == PARAM_BOOL) {
        snprintf(v.conf, sizeof v.conf, "%s", n % 2 ? "false" : "true");
        memcpy(v.json, v.conf, sizeof v.json);
        memcpy(v.sent, v.conf, sizeof v.sent);
    } else if (row->type != PARAM_STRING) {
        value_number(row, n, &v);
    } else {
        snprintf(v.sent, sizeof v.sent, "https://x/%zu", n);
        snprintf(v.conf, sizeof v.conf, "\"%.40s\"", v.sent);
        memcpy(v.json, v.conf, sizeof v.json);
    }
    return v;
}

static const char *device_type_of(const struct param_row *row)
{
    return row->platforms & PLATFORM_IOS       ? "iOS"
           : row->platforms & PLATFORM_HARMONY ? "HARMONY"
                                               : "ANDROID";
}

/* A configuration whose app says app (NULL: nothing) and whose template T says of. */
static void write_config(const struct param_row *row, const char *app, const char *of,
                         char text[TEXT_SIZE])
{
    const char *beside = "", *push_type = "NOTICE";
    for (size_t i = 0; i < sizeof company / sizeof *company; i++)
        if (strcmp(company[i].name, row->name) == 0) {
            beside = company[i].beside;
            push_type = company[i].push_type;
        }
    bool needs_env = row->platforms == PLATFORM_IOS && strcmp(row->name, "iOSApnsEnv") != 0 &&
                     !strstr(beside, "iOSApnsEnv");
    char set_app[160] = "", set_template[160] = "";
    if (app)
        snprintf(set_app, sizeof set_app, "%s = %s;", row->name, app);
    if (of)
        snprintf(set_template, sizeof set_template, "%s = %s;", row->name, of);
    snprintf(text, TEXT_SIZE,
             "apps = ( { name = \"default\"; device_type = \"%s\"; push_type = \"%s\"; push = { "
             "%s %s %s }; } );\n"
             "templates = ( { code = \"T\"; message = \"m\"; push = { %s }; } );\n",
             device_type_of(row), push_type, needs_env ? "iOSApnsEnv = \"DEV\";" : "", beside,
             set_app, set_template);
}

static void expect_from(const struct param_row *row, const char *app, const char *of,
                        const char *job, const char *want)
{
    char file[TEXT_SIZE], text[512];
    write_config(row, app, of, file);
    if (job)
        snprintf(text, sizeof text, "{\"code\":\"T\",\"school\":\"s\",\"push\":{\"%s\":%s}}",
                 row->name, job);
    else
        snprintf(text, sizeof text, "{\"code\":\"T\",\"school\":\"s\"}");
    expect(file, text, row->name, want);
}

static void test_every_parameter_from_everywhere(void **state)
{
    (void)state;
    size_t tried = 0;
    for (size_t i = 0; i < params_push_count; i++) {
        const struct param_row *row = &params_push[i];
        if (row->reserved)
            continue;
        const struct value a = value_of(row, 0), b = value_of(row, 1), c = value_of(row, 2);
        assert_string_not_equal(a.sent, b.sent);
        assert_string_not_equal(b.sent, c.sent);
        /* A default Body would never be sent: every message has one. It is refused. */
        const char *app = strcmp(row->name, "Body") == 0 ? NULL : a.conf;
        if (app)
            expect_from(row, app, NULL, NULL, a.sent);
        if (strcmp(row->name, "iOSApnsEnv") != 0) /* an iOS notice has to have it */
            expect_from(row, NULL, b.conf, NULL, b.sent);
        expect_from(row, app, b.conf, NULL, b.sent);
        expect_from(row, app, NULL, c.json, c.sent);
        expect_from(row, app, b.conf, c.json, c.sent);
        tried++;
    }
    assert_int_equal(tried, 121 - 7);
}

static void reserved_ones_are_set_by_nobody(void **state)
{
    (void)state;
    size_t tried = 0;
    for (size_t i = 0; i < params_push_count; i++) {
        if (!params_push[i].reserved)
            continue;
        for (int of_app = 0; of_app < 2; of_app++) {
            char file[TEXT_SIZE], path[] = "/tmp/pushbridge-conf-XXXXXX", want[128];
            struct config c;
            struct err e = {""};
            const char *name = params_push[i].name;
            write_config(&params_push[i], of_app ? "\"1\"" : NULL, of_app ? NULL : "\"1\"", file);
            worker_config_write(path, file);
            assert_false(config_load(path, (char *[]){NULL}, &c, &e));
            unlink(path);
            snprintf(want, sizeof want, "%s:%d: push: %s: set by pushbridge", path, 2 - of_app,
                     name);
            if (!strstr(e.text, want))
                fail_msg("\"%s\" instead of \"%s\"", e.text, want);
            tried++;
        }
    }
    assert_int_equal(tried, 2 * 7);
}

/* --- titles and bodies ----------------------------------------------------------------------- */

static const char titles[] =
    "apps = ( { name = \"default\"; title = \"option\"; push = { Title = \"app\"; }; },\n"
    " { name = \"plain\"; app_key = \"1\"; } );\n"
    "templates = ( { code = \"A\"; message = \"m\"; }, { code = \"B\"; title = \"own\"; message = "
    "\"m\"; },\n"
    " { code = \"C\"; title = \"own\"; body = \"b\"; push = { Title = \"{school}\"; }; } );\n";

static void who_gives_the_title(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"code\":\"A\",\"school\":\"s\"}", "app"},
        {"{\"code\":\"A\",\"school\":\"s\",\"app\":\"plain\"}", "A"},
        {"{\"code\":\"B\",\"school\":\"s\"}", "own"},
        {"{\"code\":\"C\",\"school\":\"s\"}", "s"},
        {"{\"code\":\"C\",\"school\":\"s\",\"push\":{\"Title\":\"job\"}}", "job"},
        {"{\"message\":\"m\",\"school\":\"s\"}", "app"},
        {"{\"message\":\"m\",\"title\":\"t\",\"school\":\"s\"}", "t"},
        {"{\"message\":\"m\",\"school\":\"s\",\"app\":\"plain\"}", "plain"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        expect(titles, rows[i][0], "Title", rows[i][1]);
    expect(titles, "{\"code\":\"C\",\"school\":\"s\"}", "Body", "{\"type\":0,\"message\":\"b\"}");
}

/* --- parts ----------------------------------------------------------------------------------- */

#define APPS                                                                                       \
    "apps = ( { name = \"default\"; push_type = \"NOTICE\"; },\n"                                  \
    " { name = \"i\"; app_key = \"2\"; device_type = \"iOS\"; push_type = \"NOTICE\"; push = { "   \
    "iOSApnsEnv = \"DEV\"; AndroidNotifyType = \"NONE\"; }; },\n"                                  \
    " { name = \"h\"; app_key = \"3\"; device_type = \"HARMONY\"; push_type = \"NOTICE\"; },\n"    \
    " { name = \"all\"; app_key = \"4\"; device_type = \"ALL\"; push_type = \"NOTICE\"; push = { " \
    "iOSApnsEnv = \"DEV\"; }; } );\n"

static const char parts_file[] = APPS
    "templates = ( { code = \"P\"; title = \"t\"; message = \"m\"; subtitle = \"of {school}\";\n"
    " sound = \"bell\"; badge = 7; category = \"WORK\"; channel = \"c\"; image = "
    "\"https://x/{params.n}.png\";\n"
    " open = { url = \"https://x/{params.n}\"; }; ext = { who = \"{school}\"; n = ( 1, true, "
    "\"{{\" ); };\n"
    " }, { code = \"E\"; message = \"m\"; ext = \"{\\\"a.b\\\":\\\"{school}\\\"}\"; open = { type "
    "= \"NONE\"; }; },\n"
    " { code = \"F\"; message = \"m\"; open = { activity = \"x.Y\"; }; image = \"https://x\"; ext "
    "= { attachment = \"own\"; }; },\n"
    " { code = \"G\"; message = \"m\"; open = { }; sound = \"a\"; push = { AndroidMusic = \"b\"; "
    "}; } );\n";

static void parts_become_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *app, *code, *name, *want;
    } rows[] = {
        {"default", "P", "iOSSubtitle", NULL},
        {"default", "P", "AndroidMusic", "bell"},
        {"default", "P", "AndroidBadgeSetNum", "7"},
        {"default", "P", "AndroidNotificationChannel", "c"},
        {"default", "P", "AndroidImageUrl", "https://x/5.png"},
        {"default", "P", "AndroidOpenType", "URL"},
        {"default", "P", "AndroidOpenUrl", "https://x/5"},
        {"default", "P", "AndroidExtParameters", "{\"who\":\"s\\\"\",\"n\":[1,true,\"{\"]}"},
        {"default", "P", "HarmonyCategory", NULL},
        {"default", "P", "Body", "m"},
        {"i", "P", "iOSSubtitle", "of s\""},
        {"i", "P", "iOSMusic", "bell"},
        {"i", "P", "iOSBadge", "7"},
        {"i", "P", "iOSNotificationCategory", "WORK"},
        {"i", "P", "iOSExtParameters",
         "{\"who\":\"s\\\"\",\"n\":[1,true,\"{\"],\"attachment\":\"https://x/5.png\"}"},
        {"i", "P", "AndroidMusic", NULL},
        {"i", "P", "AndroidNotifyType", NULL},
        {"h", "P", "HarmonyBadgeSetNum", "7"},
        {"h", "P", "HarmonyCategory", "WORK"},
        {"h", "P", "HarmonyImageUrl", "https://x/5.png"},
        {"h", "P", "HarmonyActionType", "APP_CUSTOM_PAGE"},
        {"h", "P", "HarmonyUri", "https://x/5"},
        {"h", "P", "HarmonyExtParameters", "{\"who\":\"s\\\"\",\"n\":[1,true,\"{\"]}"},
        {"h", "P", "iOSSubtitle", NULL},
        {"all", "P", "iOSSubtitle", "of s\""},
        {"all", "P", "AndroidMusic", "bell"},
        {"all", "P", "HarmonyCategory", NULL},
        {"default", "E", "AndroidExtParameters", "{\"a.b\":\"s\\\"\"}"},
        {"default", "E", "AndroidOpenType", "NONE"},
        {"h", "E", "HarmonyActionType", NULL},
        {"default", "F", "AndroidOpenType", "ACTIVITY"},
        {"default", "F", "AndroidActivity", "x.Y"},
        {"h", "F", "HarmonyActionType", "APP_CUSTOM_PAGE"},
        {"h", "F", "HarmonyAction", "x.Y"},
        {"i", "F", "iOSExtParameters", "{\"attachment\":\"own\"}"},
        {"default", "G", "AndroidOpenType", "APPLICATION"},
        {"h", "G", "HarmonyActionType", "APP_HOME_PAGE"},
        {"default", "G", "AndroidMusic", "b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char job[256];
        snprintf(job, sizeof job,
                 "{\"app\":\"%s\",\"code\":\"%s\",\"school\":\"s\\\"\",\"params\":{\"n\":5}}",
                 rows[i].app, rows[i].code);
        expect(parts_file, job, rows[i].name, rows[i].want);
    }
}

/* A double of 9.9 would be written as 9.9000000000000004. */
static void numbers_stay_as_they_were_written(void **state)
{
    (void)state;
    static const char file[] = APPS
        "templates = ( { code = \"P\"; title = \"t\"; message = \"m\"; ext = { price = 9.9; n = ( "
        "2.0, 7 ); }; }, { code = \"E\"; message = \"m\"; ext = "
        "\"{\\\"price\\\":1e5,\\\"id\\\":18446744073709551615,\\\"s\\\":\\\"{school}\\\"}\"; } "
        ");\n";
    static const char name[] = "AndroidExtParameters";
    expect(file, "{\"code\":\"P\",\"school\":\"s\"}", name, "{\"price\":9.9,\"n\":[2.0,7]}");
    expect(file, "{\"code\":\"E\",\"school\":\"s\"}", name,
           "{\"price\":1e5,\"id\":18446744073709551615,\"s\":\"s\"}");
    expect(file,
           "{\"code\":\"P\",\"school\":\"s\",\"push\":{\"AndroidExtParameters\":{\"a\": "
           "9.9,\"b\":[-0, "
           "0.10,18446744073709551615]}}}",
           name, "{\"a\":9.9,\"b\":[-0,0.10,18446744073709551615]}");
}

static void a_message_has_no_parts(void **state)
{
    (void)state;
    expect(parts_file,
           "{\"code\":\"P\",\"school\":\"s\",\"push\":{\"PushType\":"
           "\"MESSAGE\"}}",
           "AndroidMusic", NULL);
    expect(parts_file, "{\"code\":\"G\",\"school\":\"s\",\"push\":{\"PushType\":\"MESSAGE\"}}",
           "AndroidMusic", "b");
}

/* What an app or a template says about another platform is not meant; a job means what it says. */
static void only_a_job_is_refused_another_platforms(void **state)
{
    (void)state;
    expect(parts_file, "{\"code\":\"G\",\"school\":\"s\",\"app\":\"i\"}", "AndroidMusic", NULL);
    expect_refused(parts_file,
                   "{\"code\":\"G\",\"school\":\"s\",\"app\":\"i\",\"push\":{\"AndroidMusic\":"
                   "\"x\"}}",
                   REASON_INVALID_JOB,
                   "AndroidMusic: a parameter of ANDROID, but DeviceType is iOS");
    expect(parts_file, "{\"code\":\"G\",\"school\":\"s\",\"push\":{\"DeviceType\":\"HARMONY\"}}",
           "AndroidMusic", NULL);
}

static void a_missing_argument_is_the_jobs_fault(void **state)
{
    (void)state;
    expect_refused(parts_file, "{\"code\":\"P\",\"school\":\"s\"}", REASON_INVALID_JOB,
                   "template P: AndroidImageUrl: argument {params.n} is not in the job");
    expect_refused(titles, "{\"code\":\"C\",\"tags\":[\"a\"]}", REASON_INVALID_JOB,
                   "template C: Title: argument {school} is not in the job");
}

/* --- variants -------------------------------------------------------------------------------- */

static const char variants_file[] = APPS
    "templates = ( { code = \"V\"; title = \"t\"; message = \"any\"; sound = \"s\"; badge = 1;\n"
    " push = { SmsSignName = \"x\"; SmsTemplateName = \"y\"; SmsDelaySecs = 20; };\n"
    " locales = ( { locale = \"zh\"; title = \"zh-t\"; message = \"zh\"; badge = 2; } );\n"
    " platforms = ( { platform = \"iOS\"; message = \"ios\"; badge = 3; push = { SmsDelaySecs = "
    "30; };\n"
    "   locales = ( { locale = \"zh-CN\"; message = \"ios-zh-CN\"; sound = \"p\"; } ); },\n"
    "  { platform = \"HARMONY\"; badge = 4; push = { HarmonyReceiptId = \"r\"; }; } );\n"
    " } );\n";

static void variants_are_layers(void **state)
{
    (void)state;
    static const struct {
        const char *app, *locale, *name, *want;
    } rows[] = {
        {"default", "en", "Body", "any"},
        {"default", "zh-CN", "Body", "zh"},
        {"default", "zh-CN", "Title", "zh-t"},
        {"default", "zh-CN", "AndroidBadgeSetNum", "2"},
        {"i", "en", "Body", "ios"},
        {"i", "en", "Title", "V"},
        {"i", "en", "iOSBadge", "3"},
        {"i", "en", "iOSMusic", "s"},
        {"i", "zh-TW", "Body", "ios"},
        {"i", "zh-TW", "iOSBadge", "3"},
        {"i", "zh-CN", "Body", "ios-zh-CN"},
        {"i", "zh-CN", "iOSMusic", "p"},
        {"i", "zh-CN", "SmsDelaySecs", "30"},
        {"h", "en", "Body", "any"},
        {"h", "zh-CN", "Body", "zh"},
        {"h", "zh-CN", "Title", "zh-t"},
        {"h", "zh-CN", "HarmonyBadgeSetNum", "4"},
        {"h", "en", "HarmonyReceiptId", "r"},
        {"h", "en", "SmsDelaySecs", "20"},
        {"all", "zh", "Body", "zh"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char job[256];
        snprintf(job, sizeof job,
                 "{\"app\":\"%s\",\"code\":\"V\",\"school\":\"s\",\"locale\":\"%s\"}", rows[i].app,
                 rows[i].locale);
        expect(variants_file, job, rows[i].name, rows[i].want);
    }
    expect(variants_file,
           "{\"code\":\"V\",\"school\":\"s\",\"push\":{\"DeviceType\":\"iOS\",\"iOSApnsEnv\":"
           "\"DEV\"}}",
           "Body", "ios");
}

/* --- the result is checked ------------------------------------------------------------------- */

static void exclusions_hold_across_the_sources(void **state)
{
    (void)state;
    static const char file[] =
        "apps = ( { name = \"default\"; device_type = \"iOS\"; push_type = \"NOTICE\"; push = { "
        "iOSApnsEnv = \"DEV\"; iOSBadgeAutoIncrement = true; }; } );\n"
        "templates = ( { code = \"A\"; message = \"m\"; badge = 1; },\n"
        " { code = \"B\"; message = \"m\"; badge = 1; push = { iOSBadgeAutoIncrement = false; }; "
        "},\n"
        " { code = \"C\"; message = \"m\"; push = { SmsTemplateName = \"t\"; }; } );\n";
    static const struct {
        const char *push, *error;
    } rows[] = {
        {"\"iOSBadge\":3", "iOSBadge: must be absent where iOSBadgeAutoIncrement is true"},
        {"\"iOSSilentNotification\":true",
         "iOSSilentNotification=true: needs iOSMutableContent=true"},
        {"\"iOSRemindBody\":\"x\"", "iOSRemindBody: needs iOSApnsEnv=PRODUCT"},
        {"\"DeviceType\":\"ANDROID\",\"AndroidRemind\":true",
         "AndroidRemind=true: needs PushType=MESSAGE"},
        {"\"DeviceType\":\"ANDROID\",\"AndroidPopupActivity\":\"x\"",
         "AndroidPopupActivity: needs AndroidPopupTitle"},
        {"\"DeviceType\":\"ANDROID\",\"AndroidOpenType\":\"URL\"",
         "AndroidOpenType=URL: needs AndroidOpenUrl"},
        {"\"DeviceType\":\"HARMONY\",\"HarmonyActionType\":\"APP_CUSTOM_PAGE\"",
         "needs HarmonyAction or HarmonyUri"},
        {"\"DeviceType\":\"HARMONY\",\"HarmonyRenderStyle\":\"MULTI_LINE\"",
         "needs HarmonyInboxContent"},
        {"\"SmsParams\":\"a=b\"", "SmsParams: needs SmsTemplateName"},
        {"\"SmsTemplateName\":\"a\",\"SmsSignName\":\"s\"", "SmsTemplateName: needs SmsDelaySecs"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char job[256];
        snprintf(job, sizeof job, "{\"message\":\"m\",\"school\":\"s\",\"push\":{%s}}",
                 rows[i].push);
        expect_refused(file, job, REASON_INVALID_JOB, rows[i].error);
    }
    expect_refused(file, "{\"code\":\"A\",\"school\":\"s\"}", REASON_INVALID_JOB, "iOSBadge: must");
    expect(file, "{\"code\":\"B\",\"school\":\"s\"}", "iOSBadge", "1");
    expect_refused(file, "{\"code\":\"C\",\"school\":\"s\"}", REASON_INVALID_JOB,
                   "SmsTemplateName: needs SmsSignName");
}

/* Each kind of push has its sum; the job's filler makes it 1800 bytes, or one more. */
static void sums_per_kind(void **state)
{
    (void)state;
    static const char file[] =
        APPS "templates = ( { code = \"S\"; title = \"12345\"; message = \"{params.x}\"; sound = "
             "\"1234567890\"; badge = 12;\n"
             " open = { url = \"1234567890\"; }; ext = { a = 1; }; } );\n";
    static const struct {
        const char *app, *push;
        size_t others;
    } rows[] = {
        /* Title, AndroidMusic, URL, AndroidOpenUrl, ext */
        {"default", "", 5 + 10 + 3 + 10 + 7},
        {"default", "\"PushType\":\"MESSAGE\"", 5 + sizeof "{\"type\":0,\"message\":\"\"}" - 1},
        /* iOSMusic, iOSBadge, ext */
        {"i", "", 10 + 2 + 7},
        {"i", "\"iOSSubtitle\":\"not counted\"", 10 + 2 + 7},
        /* Title, HarmonyActionType, HarmonyUri, ext */
        {"h", "", 5 + 15 + 10 + 7},
        {"h", "\"HarmonyNotifyId\":123", 5 + 15 + 10 + 7 + 3},
        {"all", "", 5 + 10 + 3 + 10 + 7},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t over = 0; over < 2; over++) {
            char job[3072], filler[2048] = "";
            memset(filler, 'x', 1800 - rows[i].others + over);
            snprintf(job, sizeof job,
                     "{\"app\":\"%s\",\"code\":\"S\",\"school\":\"s\",\"params\":{\"x\":\"%s\"},"
                     "\"push\":{%s}}",
                     rows[i].app, filler, rows[i].push);
            if (over)
                expect_refused(file, job, REASON_INVALID_JOB, "are 1801 bytes, at most 1800");
            else
                expect(file, job, "Target", "TAG");
        }
    }
}

/* --- times ----------------------------------------------------------------------------------- */

static void times(void **state)
{
    (void)state;
    static const char file[] =
        "apps = ( { name = \"default\"; store_offline = true; push = { Trim = true; SendChannels = "
        "\"accs,huawei\"; }; },\n"
        " { name = \"sms\"; app_key = \"1\"; push = { SmsTemplateName = \"t\"; SmsSignName = "
        "\"s\"; SmsDelaySecs = 15; }; } );\n";
#define JOB(more) "{\"message\":\"m\",\"school\":\"s\"" more "}"
    expect(file, JOB(""), "ExpireTime", "2026-05-29T20:26:40Z");
    expect(file, JOB(",\"app\":\"sms\""), "ExpireTime", NULL);
    expect(file, JOB(",\"app\":\"sms\",\"ttl_s\":2,\"delay_s\":5"), "ExpireTime", NULL);
    expect(file, JOB(",\"push\":{\"StoreOffline\":false}"), "StoreOffline", "false");
    expect(file, JOB(""), "StoreOffline", "true");
    expect(file, JOB(""), "Trim", "true");
    expect(file, JOB(""), "SendChannels", "accs,huawei");
    expect(file, JOB(",\"ttl_s\":300000"), "ExpireTime", "2026-05-31T20:26:40Z"); /* 72 h */
    expect(file, JOB(",\"delay_s\":604800"), "PushTime", "2026-06-04T20:26:40Z");
    expect_refused(file, JOB(",\"push_at\":\"2026-06-05T00:00:00Z\""), REASON_INVALID_JOB,
                   "push_at: ");
    expect(file, JOB(",\"delay_s\":60,\"ttl_s\":4"), "ExpireTime", "2026-05-28T20:27:44Z");
    expect_refused(file, JOB(",\"delay_s\":60,\"ttl_s\":3"), REASON_EXPIRED,
                   "its deadline is not more than 3 s after it would show");
#undef JOB
}

static void expire_time_is_taken_until_3_s_before(void **state)
{
    (void)state;
    struct made m;
    assert_true(make(&m, NULL, "{\"message\":\"m\",\"school\":\"s\",\"ttl_s\":60}"));
    assert_int_equal(m.plan.deadline_ms, t0 + 60000);
    assert_int_equal(m.plan.send_by_ms, t0 + 57000 - 1);
    unmake(&m);
    assert_true(make(&m, NULL,
                     "{\"message\":\"m\",\"school\":\"s\",\"ttl_s\":60,\"push\":{"
                     "\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\",\"SmsDelaySecs\":15}}"));
    assert_int_equal(m.plan.send_by_ms, t0 + 60000);
    assert_int_equal(m.plan.expire_time_ms, 0);
    unmake(&m);
}

/* --- the configuration ----------------------------------------------------------------------- */

static void mistakes_are_found_at_load(void **state)
{
    (void)state;
#define APP(text) "apps = ( { name = \"default\";\n" text " } );"
#define TEMPLATE(text) APPS "templates = (\n{ code = \"T\"; message = \"m\";\n" text " } );"
    static const struct {
        const char *text, *message;
    } rows[] = {
        {APP("push = 1;"), ":2: push: must be a group"},
        {APP("push = { Colour = 1; };"), ":2: push: Colour: not a parameter of Push"},
        {APP("push = { iOSBadge = \"1\"; };"), ":2: push: iOSBadge: a string, must be an integer"},
        {APP("push = {\niOSApnsEnv = \"TEST\"; };"), ":3: push: iOSApnsEnv: must be one of"},
        {APP("push = { AndroidBadgeSetNum = 100; };"), "AndroidBadgeSetNum: 100 is not in 0 … 99"},
        {APP("push = { iOSExtParameters = \"{\"; };"), ":2: iOSExtParameters: not the JSON text"},
        {APP("push = { iOSExtParameters = ( 1 ); };"), "an array, must be an object"},
        {APP("push = { Body = \"x\"; };"), "app \"default\": push: Body: a job or its template"},
        {APP("push = { iOSRelevanceScore = 2; };"), "iOSRelevanceScore: is not in 0 … 1"},
        {TEMPLATE("push = { iOSApnsEnv = \"TEST\"; };"), ":7: push: iOSApnsEnv: must be one of"},
        {TEMPLATE("push = { iOSBadge = \"{params.n}\"; };"),
         "iOSBadge: must be an integer, without arguments"},
        {TEMPLATE("push = { iOSSubtitle = \"{nobody}\"; };"),
         ":6: template T: push: iOSSubtitle: unknown argument {nobody}"},
        {TEMPLATE("subtitle = 5;"), ":6: template T: subtitle: iOSSubtitle: an integer, must be"},
        {TEMPLATE("subtitle = \"{\";"), "template T: iOSSubtitle: '{' without '}'"},
        {TEMPLATE("badge = \"{params.n}\";"), "badge: AndroidBadgeSetNum: must be an integer"},
        {TEMPLATE("badge = 100;"), "badge: AndroidBadgeSetNum: 100 is not in 0 … 99"},
        {TEMPLATE("category = \"ORDER\";"), "category: HarmonyCategory: must be one of"},
        {TEMPLATE("ext = ( 1 );"), "ext: AndroidExtParameters: an array, must be an object"},
        {TEMPLATE("ext = \"x\";"), ":7: ext: not the JSON text"},
        {TEMPLATE("open = \"URL\";"), "open: must be a group of type, url, activity"},
        {TEMPLATE("open = { page = \"x\"; };"), "open.page: unknown"},
        {TEMPLATE("open = { type = \"URL\"; };"), "open.type: URL needs open.url"},
        {TEMPLATE("open = { type = \"PAGE\"; };"), "open.type: AndroidOpenType: must be one of"},
        {TEMPLATE("open = { url = 1; };"), "open.url: must be a string"},
        {TEMPLATE("image = 1;"), "image: AndroidImageUrl: an integer"},
        {TEMPLATE("colour = 1;"), ":7: colour: unknown member of a template"},
        {TEMPLATE("body = \"x\";"), "message and body are the same"},
        {TEMPLATE("platforms = ( { platform = \"Windows\"; } );"), ":7: platform: must be ANDROID"},
        {TEMPLATE("platforms = ( { badge = 1; } );"), ":7: platform: is missing"},
        {TEMPLATE("platforms = ( { platform = \"iOS\"; }, { platform = \"iOS\"; badge = 1; }, { "
                  "platform = \"iOS\"; badge = 2; } );"),
         "template T iOS: defined twice"},
        {TEMPLATE("platforms = ( { platform = \"iOS\"; push = { AndroidMusic = \"x\"; }; } );"),
         "template T: push: AndroidMusic: no parameter of the platform iOS"},
        {TEMPLATE("platforms = ( { platform = \"iOS\"; push = { DeviceType = \"ALL\"; }; } );"),
         "push: DeviceType: the platform says it"},
        {TEMPLATE("platforms = ( { platform = \"iOS\"; platforms = ( ); } );"),
         "platforms: unknown member"},
        {"templates = ( { code = \"x\"; platforms = ( { platform = \"iOS\"; } ); } );",
         "message: is missing"},
        {TEMPLATE("locales = ( { locale = \"zh\"; badge = 2; } );"), "message: is missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[] = "/tmp/pushbridge-conf-XXXXXX";
        static char key[] = "PREQ_APP_KEY=1", id[] = "PREQ_ACCESS_KEY_ID=id",
                    secret[] = "PREQ_ACCESS_KEY_SECRET=secret";
        struct config c;
        struct err e = {""};
        worker_config_write(path, rows[i].text);
        bool ok = config_load(path, (char *[]){key, id, secret, NULL}, &c, &e);
        unlink(path);
        if (ok || !strstr(e.text, rows[i].message))
            fail_msg("\"%s\" instead of \"%s\"", ok ? "accepted" : e.text, rows[i].message);
    }
#undef APP
#undef TEMPLATE
}

/* No app pushes to Harmony, so that the category may be any. */
static void parts_are_checked_for_the_apps_platforms(void **state)
{
    (void)state;
    static const char file[] =
        "apps = ( { name = \"default\"; device_type = \"iOS\"; push_type = \"NOTICE\"; push = { "
        "iOSApnsEnv = \"DEV\"; }; } );\n"
        "templates = ( { code = \"T\"; message = \"m\"; category = \"ORDER\"; badge = 1000; } );\n";
    expect(file, "{\"code\":\"T\",\"school\":\"s\"}", "iOSNotificationCategory", "ORDER");
    expect(file, "{\"code\":\"T\",\"school\":\"s\"}", "iOSBadge", "1000");
    expect_refused(file, "{\"code\":\"T\",\"school\":\"s\",\"push\":{\"DeviceType\":\"HARMONY\"}}",
                   REASON_INVALID_JOB, "HarmonyCategory: must be one of");
}

static void digest_covers_it(void **state)
{
    (void)state;
#define WITH(app, template)                                                                        \
    "apps = ( { name = \"default\"; " app " } ); templates = ( { code = \"T\"; message = "         \
    "\"m\"; " template " } );"
    static const char *const files[] = {
        WITH("", ""),
        WITH("push = { Trim = true; };", ""),
        WITH("push = { Trim = false; };", ""),
        WITH("", "push = { Trim = true; };"),
        WITH("", "badge = 1;"),
        WITH("", "badge = 2;"),
        WITH("", "platforms = ( { platform = \"iOS\"; badge = 2; } );"),
        WITH("", "platforms = ( { platform = \"HARMONY\"; badge = 2; } );"),
        WITH("", "push = { AndroidBadgeSetNum = 1; };"),
    };
#undef WITH
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

static void check_shows_it(void **state)
{
    (void)state;
    struct config c;
    char *text = NULL;
    size_t len = 0;
    worker_config_load(&c, 0, 0, NULL, variants_file);
    FILE *out = open_memstream(&text, &len);
    config_print(&c, out);
    fclose(out);
    assert_non_null(strstr(text, "apps.i.push = {\"iOSApnsEnv\":\"DEV\""));
    assert_non_null(strstr(text, "templates.V.parts = {\"sound\":\"s\",\"badge\":1}"));
    assert_non_null(strstr(text, "templates.V.iOS.zh-CN = \"ios-zh-CN\""));
    assert_non_null(strstr(text, "templates.V.HARMONY.push = {\"HarmonyReceiptId\":\"r\"}"));
    free(text);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_parameter_from_everywhere),
        cmocka_unit_test(reserved_ones_are_set_by_nobody),
        cmocka_unit_test(who_gives_the_title),
        cmocka_unit_test(parts_become_parameters),
        cmocka_unit_test(numbers_stay_as_they_were_written),
        cmocka_unit_test(a_message_has_no_parts),
        cmocka_unit_test(only_a_job_is_refused_another_platforms),
        cmocka_unit_test(a_missing_argument_is_the_jobs_fault),
        cmocka_unit_test(variants_are_layers),
        cmocka_unit_test(exclusions_hold_across_the_sources),
        cmocka_unit_test(sums_per_kind),
        cmocka_unit_test(times),
        cmocka_unit_test(expire_time_is_taken_until_3_s_before),
        cmocka_unit_test(mistakes_are_found_at_load),
        cmocka_unit_test(parts_are_checked_for_the_apps_platforms),
        cmocka_unit_test(digest_covers_it),
        cmocka_unit_test(check_shows_it),
    };
    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
