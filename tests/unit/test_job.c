/* SPDX-License-Identifier: MIT
 * The schema of a job (job_schema, job_list, job_members, job_json, job_parse), and the corpus. */
#include "job/job.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "base/text.h"

static const struct job_limits limits = {10000, 64000, "push:reply:"};

static void accept(const char *json, struct job *job)
{
    struct refusal why;
    if (!job_parse(json, strlen(json), &limits, job, &why))
        fail_msg("%s: %s", json, why.err.text);
    assert_int_equal(why.reason, REASON_NONE);
}

static void test_defaults(void **state)
{
    (void)state;
    struct job job;
    accept("{\"code\":\"I1\",\"school\":\"s\"}", &job);
    assert_string_equal(job.code, "I1");
    assert_string_equal(job.school, "s");
    assert_null(job.title);
    assert_null(job.message);
    assert_null(job.id);
    assert_null(job.app);
    assert_null(job.locale);
    assert_null(job.reply_to);
    assert_null(job.traceparent);
    assert_null(job.params);
    assert_null(job.push);
    assert_null(job.meta);
    assert_int_equal(job.type, 0);
    assert_int_equal(job.tags.n, 0);
    assert_int_equal(job.target_kind, TARGET_IMPLIED);
    assert_true(job.delay_s == JOB_ABSENT && job.push_at_ms == JOB_ABSENT);
    assert_true(job.ttl_s == JOB_ABSENT && job.expire_at_ms == JOB_ABSENT);
    assert_true(job.enqueued_at_ms == JOB_ABSENT);
    job_free(&job);
    job_free(&job); /* harmless */
}

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void test_every_member(void **state)
{
    (void)state;
    struct job job;
    accept("{\"message\":\"m\",\"title\":\"t\",\"type\":\"functional\",\"school\":\"s\","
           "\"tags\":[\"b\",\"a\",\"b\"],\"id\":\"i\",\"app\":\"x\",\"params\":{\"p\":null},"
           "\"locale\":\"zh-CN\",\"target\":{\"device\":[\"000000000000000000000000000000d1\","
           "\"000000000000000000000000000000d2\",\"000000000000000000000000000000d1\"]},"
           "\"push\":{\"iOSBadge\":1,\"AndroidExtParameters\":{\"a\":[1]}},\"delay_s\":604800,"
           "\"expire_at\":\"2026-01-02T03:04:05+08:00\",\"enqueued_at\":1700000000000,"
           "\"reply_to\":\"push:reply:1\",\"meta\":{\"k\":1},\"traceparent\":\"" TRACE "\"}",
           &job);
    assert_string_equal(job.message, "m");
    assert_string_equal(job.title, "t");
    assert_int_equal(job.type, 1);
    assert_int_equal(job.tags.n, 2);
    assert_string_equal(job.tags.v[0], "b");
    assert_string_equal(job.tags.v[1], "a");
    assert_string_equal(job.id, "i");
    assert_string_equal(job.app, "x");
    assert_non_null(json_object_get(job.params, "p"));
    assert_string_equal(job.locale, "zh-CN");
    assert_int_equal(job.target_kind, TARGET_DEVICE);
    assert_int_equal(job.target_ids.n, 2);
    assert_string_equal(job.target_ids.v[1], "000000000000000000000000000000d2");
    assert_int_equal(json_object_size(job.push), 2);
    assert_int_equal(job.delay_s, 604800);
    assert_true(job.expire_at_ms == INT64_C(1767294245000));
    assert_true(job.enqueued_at_ms == INT64_C(1700000000000));
    assert_string_equal(job.reply_to, "push:reply:1");
    assert_int_equal(json_object_size(job.meta), 1);
    assert_string_equal(job.traceparent, TRACE);
    job_free(&job);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum target_kind kind;
        size_t ids;
    } cases[] = {
        {"{\"device\":[\"0000000000000000000000000000000a\"]}", TARGET_DEVICE, 1},
        {"{\"account\":[\"a\",\"b\"]}", TARGET_ACCOUNT, 2},
        {"{\"alias\":[\"a\",\"a\"]}", TARGET_ALIAS, 1},
        {"{\"tag\":\"a,b\"}", TARGET_TAG, 0},
        {"{\"tag\":{\"or\":[]}}", TARGET_TAG, 0},
        {"{\"all\":true}", TARGET_ALL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[200];
        struct job job;
        snprintf(json, sizeof json, "{\"code\":\"c\",\"target\":%s}", cases[i].target);
        accept(json, &job);
        assert_int_equal(job.target_kind, cases[i].kind);
        assert_int_equal(job.target_ids.n, cases[i].ids);
        assert_int_equal(job.target_tag != NULL, cases[i].kind == TARGET_TAG);
        job_free(&job);
    }
}

/* Values at the edge of what is allowed, as members beside code and school. */
static void test_edges(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"type\":0",
        "\"type\":1",
        "\"type\":\"message\"",
        "\"tags\":[]",
        "\"delay_s\":0",
        "\"ttl_s\":1",
        "\"ttl_s\":2592000",
        "\"enqueued_at\":0",
        "\"enqueued_at\":9223372036854775807",
        "\"locale\":\"\"",
        "\"params\":{}",
        "\"push\":{\"appkey\":\"no such name, but not reserved either\"}",
        "\"meta\":{}",
        "\"push_at\":\"2026-01-01T00:00:00.25Z\"",
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char json[200];
        struct job job;
        snprintf(json, sizeof json, "{\"code\":\"c\",\"school\":\"s\",%s}", members[i]);
        accept(json, &job);
        job_free(&job);
    }
}

/* What libraries write for a member that has no value, and PHP for an empty object. */
static void test_null_is_absent(void **state)
{
    (void)state;
    static const char *const names[] = {"title",   "message",  "type",        "tags",       "id",
                                        "app",     "params",   "locale",      "target",     "push",
                                        "delay_s", "push_at",  "ttl_s",       "expire_at",  "meta",
                                        "school",  "reply_to", "enqueued_at", "traceparent"};
    struct job job;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"code\":\"c\",\"%s\":null%s}", names[i],
                 strcmp(names[i], "school") == 0 ? ",\"tags\":[\"t\"]" : ",\"school\":\"s\"");
        accept(json, &job);
        assert_string_equal(job.code, "c");
        job_free(&job);
    }
    accept("{\"code\":null,\"message\":\"m\",\"title\":null,\"delay_s\":null,\"push_at\":"
           "\"2026-01-01T00:00:00Z\",\"push\":{\"PushType\":null,\"Sound\":\"x\"},\"params\":"
           "{\"a\":null},\"target\":{\"device\":null,\"tag\":\"t\",\"all\":null}}",
           &job);
    assert_null(job.code);
    assert_true(job.delay_s == JOB_ABSENT);
    assert_int_equal(job.target_kind, TARGET_TAG);
    assert_int_equal(json_object_size(job.push), 1);
    assert_int_equal(json_object_size(job.params), 1);
    job_free(&job);
}

static void test_empty_list_is_an_empty_object(void **state)
{
    (void)state;
    struct job job;
    accept("{\"code\":\"c\",\"school\":\"s\",\"params\":[],\"push\":[],\"meta\":[]}", &job);
    assert_true(json_is_object(job.params) && json_is_object(job.push));
    assert_true(json_is_object(job.meta) && json_object_get(job.root, "meta") == job.meta);
    job_free(&job);
}

/* Python's time.time() * 1000, and what keeps numbers as texts. */
static void test_enqueued_at(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* JOB_ABSENT: refused */
    } cases[] = {
        {"1780000000000", INT64_C(1780000000000)},
        {"1780000000000.4", INT64_C(1780000000000)},
        {"1780000000000.5", INT64_C(1780000000001)},
        {"1.78e12", INT64_C(1780000000000)},
        {"\"1780000000000\"", INT64_C(1780000000000)},
        {"\"1780000000000.75\"", INT64_C(1780000000001)},
        {"\"0\"", 0},
        {"-0.0", 0},
        {"9223372036854775807", INT64_MAX},
        {"\"999999999999999.5\"", INT64_C(1000000000000000)},
        {"-1", JOB_ABSENT},
        {"-0.5", JOB_ABSENT},
        {"1e19", JOB_ABSENT},
        {"\"1000000000000000\"", JOB_ABSENT},
        {"\"-1\"", JOB_ABSENT},
        {"\"1.\"", JOB_ABSENT},
        {"\".5\"", JOB_ABSENT},
        {"\"1e3\"", JOB_ABSENT},
        {"\" 1\"", JOB_ABSENT},
        {"\"\"", JOB_ABSENT},
        {"true", JOB_ABSENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[200];
        struct job job;
        struct refusal why;
        snprintf(json, sizeof json, "{\"code\":\"c\",\"school\":\"s\",\"enqueued_at\":%s}",
                 cases[i].text);
        bool ok = job_parse(json, strlen(json), &limits, &job, &why);
        if (ok != (cases[i].ms != JOB_ABSENT) || job.enqueued_at_ms != cases[i].ms)
            fail_msg("%s: %lld", cases[i].text, (long long)job.enqueued_at_ms);
        assert_true(ok || text_starts(why.err.text, "enqueued_at: "));
        job_free(&job);
    }
}

#define DEVICE "0123456789abcdefghijklmnopqrstuv"

static void test_device_ids(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool ok;
    } cases[] = {
        {DEVICE, true},
        {" " DEVICE, true},
        {DEVICE "\\n", true},
        {"\\t" DEVICE " \\r\\n", true},
        {"0" DEVICE, false},
        {"123456789abcdefghijklmnopqrstuv", false},
        {"0123456789ABCDEFGHIJKLMNOPQRSTUV", false},
        {"01234567-9abcdefghijklmnopqrstuv", false},
        {"01234567 9abcdefghijklmnopqrstuv", false},
        {"\\u00a0" DEVICE, false},
        {" ", false},
    };
    struct buf page;
    buf_init(&page, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[200];
        struct job job;
        struct refusal why;
        snprintf(json, sizeof json,
                 "{\"code\":\"c\",\"target\":{\"device\":[\"" DEVICE "\",\"%s\"]}}", cases[i].id);
        assert_int_equal(job_parse(json, strlen(json), &limits, &job, &why), cases[i].ok);
        if (cases[i].ok) {
            assert_int_equal(job.target_ids.n, 1); /* two of one device */
            assert_string_equal(job.target_ids.v[0], DEVICE);
        } else {
            assert_int_equal(why.reason, REASON_INVALID_TARGET);
            assert_true(text_starts(why.err.text, "target.device[1]: not a device id"));
        }
        job_free(&job);
    }
    metrics_render(&page);
    assert_non_null(strstr(buf_text(&page), "pushbridge_ids_trimmed_total 3\n"));
    buf_free(&page);
    struct job job;
    accept("{\"code\":\"c\",\"target\":{\"account\":[\" u \"]}}", &job);
    assert_string_equal(job.target_ids.v[0], " u ");
    job_free(&job);
}

static void check_length(const char *member, const char *head, const char *tail, int64_t n, bool ok)
{
    struct buf b;
    struct job job;
    struct refusal why;
    buf_init(&b, 10000);
    buf_printf(&b, "{\"code\":\"c\",\"school\":\"s\",\"%s\":%s", member, head);
    for (int64_t i = 0; i < n; i++)
        buf_putc(&b, 'x');
    buf_printf(&b, "%s}", tail);
    assert_int_equal(job_parse(b.data, b.len, &limits, &job, &why), ok);
    assert_int_equal(why.reason, ok ? REASON_NONE : REASON_INVALID_JOB);
    assert_true(ok || text_starts(why.err.text, member));
    job_free(&job);
    buf_free(&b);
}

static void test_lengths(void **state)
{
    (void)state;
    check_length("id", "\"", "\"", 128, true);
    check_length("id", "\"", "\"", 129, false);
    check_length("reply_to", "\"push:reply:", "\"", 256 - 11, true);
    check_length("reply_to", "\"push:reply:", "\"", 257 - 11, false);
    check_length("meta", "{ \"a\" : \"", "\" }", 1024 - 8, true); /* as compact JSON */
    check_length("meta", "{ \"a\" : \"", "\" }", 1025 - 8, false);
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum reason why;
        const char *text;
    } cases[] = {
        {"{\"code\":", REASON_INVALID_JSON, "not JSON: cut short at byte 8"},
        {"{\"code\":\"secret\" \"x\"}", REASON_INVALID_JSON, "not JSON: syntax error at byte 20"},
        {"[]", REASON_INVALID_JOB, "job: a list, must be an object"},
        {"7", REASON_INVALID_JOB, "job: an integer, must be an object"},
        {"{\"code\":1,\"x\":2}", REASON_INVALID_JOB, "code: an integer, must be a string"},
        {"{\"x\":2,\"code\":1}", REASON_INVALID_JOB, "x: unknown member"},
        {"{\"id\":\"a\",\"id\" :\"b\"}", REASON_INVALID_JOB, "id: member given twice"},
        {"{\"i\\\"d\":1,\"i\\\"d\":2}", REASON_INVALID_JOB, "i\\\"d: member given twice"},
        {"{\"\":1,\"\":2}", REASON_INVALID_JOB, ": member given twice"},
        {"{\"params\":{\"a\\\\\":1,\"a\\\\\":2}}", REASON_INVALID_JOB, "a\\\\: member given twice"},
        {"{\"code\":\"c\",\"delay_s\":1.5}", REASON_INVALID_JOB,
         "delay_s: a number with a fraction or exponent, must be an integer"},
        {"{\"code\":\"c\",\"delay_s\":604801}", REASON_INVALID_JOB,
         "delay_s: 604801, must be 0 to 604800"},
        {"{\"code\":\"c\",\"params\":{\"a\":[]}}", REASON_INVALID_JOB,
         "params.a: a list, must be a string, a number, a boolean or null"},
        {"{\"code\":\"c\",\"push\":{\"JobKey\":1}}", REASON_INVALID_JOB,
         "push.JobKey: not for a job to set"},
        {"{\"code\":\"c\",\"tags\":[\"a\",2]}", REASON_INVALID_JOB,
         "tags[1]: an integer, must be a string"},
        {"{\"code\":\"c\",\"target\":{\"x\":1}}", REASON_INVALID_JOB, "target.x: unknown member"},
        {"{\"code\":\"c\",\"target\":{\"alias\":[\"a,b\"]}}", REASON_INVALID_TARGET,
         "target.alias[0]: has a comma"},
        {"{\"code\":\"c\",\"target\":{\"alias\":[\"a\"],\"device\":["
         "\"0000000000000000000000000000000b\"]}}",
         REASON_INVALID_TARGET,
         "target: 2 members, must be one of device, account, alias, tag, all"},
        {"{\"code\":null}", REASON_INVALID_JOB, "code or message: one of them is required"},
        {"{\"colour\":null}", REASON_INVALID_JOB, "colour: unknown member"},
        {"{\"code\":\"c\",\"meta\":[1]}", REASON_INVALID_JOB, "meta: a list, must be an object"},
        {"{\"code\":\"c\",\"push\":{\"JobKey\":null}}", REASON_INVALID_JOB,
         "push.JobKey: not for a job to set"},
        {"{\"code\":\"c\",\"target\":[]}", REASON_INVALID_TARGET,
         "target: 0 members, must be one of device, account, alias, tag, all"},
        {"{\"code\":\"c\",\"target\":{\"tag\":null}}", REASON_INVALID_TARGET,
         "target: 0 members, must be one of device, account, alias, tag, all"},
        {"{\"code\":\"c\"}", REASON_INVALID_TARGET,
         "no audience: school, tags or target is required"},
        {"{}", REASON_INVALID_JOB, "code or message: one of them is required"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct job job;
        struct refusal why;
        assert_false(job_parse(cases[i].json, strlen(cases[i].json), &limits, &job, &why));
        assert_string_equal(why.err.text, cases[i].text);
        assert_int_equal(why.reason, cases[i].why);
        job_free(&job);
    }
}

/* A long name is cut between characters, so that the outcome stays valid UTF-8. */
static void test_long_name(void **state)
{
    (void)state;
    for (size_t pad = 0; pad < 3; pad++) {
        struct buf b;
        struct job job;
        struct refusal why;
        buf_init(&b, 10000);
        buf_puts(&b, "{\"");
        buf_add(&b, "xx", pad);
        for (int i = 0; i < 100; i++)
            buf_puts(&b, "\xe5\x8f\xb7");
        buf_puts(&b, "\":1}");
        assert_false(job_parse(b.data, b.len, &limits, &job, &why));
        assert_true(text_is_utf8(why.err.text, strlen(why.err.text)));
        assert_true(strlen(why.err.text) < 100);
        job_free(&job);
        buf_free(&b);
    }
}

static void test_what_a_refused_job_says(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"bad\":1,\"id\":\"i\",\"app\":\"a\",\"code\":\"c\",\"meta\":{},\"enqueued_at\":5,"
        "\"reply_to\":\"push:reply:1\",\"traceparent\":\"" TRACE "\"}",
        "{\"id\":\"i\",\"app\":\"a\",\"code\":\"c\",\"meta\":{},\"enqueued_at\":5,"
        "\"reply_to\":\"push:reply:1\",\"traceparent\":\"" TRACE "\",\"tags\":\"x\"}",
        "{\"id\":\"i\",\"app\":\"a\",\"code\":\"c\",\"meta\":{},\"enqueued_at\":5,"
        "\"reply_to\":\"push:reply:1\",\"traceparent\":\"" TRACE "\",\"school\":\"s\","
        "\"school\":\"s\"}",
    };
    struct job job;
    struct refusal why;
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        assert_false(job_parse(jobs[i], strlen(jobs[i]), &limits, &job, &why));
        assert_int_equal(why.reason, REASON_INVALID_JOB);
        assert_string_equal(job.id, "i");
        assert_string_equal(job.app, "a");
        assert_string_equal(job.code, "c");
        assert_string_equal(job.reply_to, "push:reply:1");
        assert_string_equal(job.traceparent, TRACE);
        assert_non_null(job.meta);
        assert_int_equal(job.enqueued_at_ms, 5);
        job_free(&job);
    }
    static const char twice[] = "{\"id\":\"a\",\"id\":\"b\",\"app\":\"x\"}";
    assert_false(job_parse(twice, sizeof twice - 1, &limits, &job, &why));
    assert_null(job.id);
    assert_string_equal(job.app, "x");
    job_free(&job);
    static const char bad[] = "{\"id\":\"\",\"app\":3,\"meta\":[1],\"reply_to\":\"push:jobs\"}";
    assert_false(job_parse(bad, sizeof bad - 1, &limits, &job, &why));
    assert_null(job.id);
    assert_null(job.app);
    assert_null(job.meta);
    assert_null(job.reply_to);
    job_free(&job);
}

static void put_tags(struct buf *b, size_t n, size_t different)
{
    buf_puts(b, "{\"code\":\"c\",\"tags\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(b, "%s\"tag-%zu\"", i ? "," : "", i % different);
    buf_puts(b, "]}");
}

static void test_many_tags(void **state)
{
    (void)state;
    static const struct {
        size_t n, different;
        bool ok;
    } cases[] = {{16, 5, true},       {17, 5, true},    {17, 17, true},
                 {10000, 7777, true}, {10000, 1, true}, {10001, 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct job job;
        struct refusal why;
        buf_init(&b, 1 << 20);
        put_tags(&b, cases[i].n, cases[i].different);
        assert_int_equal(job_parse(b.data, b.len, &limits, &job, &why), cases[i].ok);
        assert_int_equal(why.reason, cases[i].ok ? REASON_NONE : REASON_INVALID_TARGET);
        assert_int_equal(job.tags.n, cases[i].ok ? cases[i].different : 0);
        for (size_t k = 0; k < job.tags.n; k++) {
            char want[32];
            snprintf(want, sizeof want, "tag-%zu", k);
            assert_string_equal(job.tags.v[k], want);
        }
        job_free(&job);
        buf_free(&b);
    }
}

/* --- the corpus ------------------------------------------------------------------------------ */

#define CORPUS "tests/hostile"

static void read_file(const char *name, struct buf *out)
{
    char path[512], chunk[4096];
    snprintf(path, sizeof path, CORPUS "/%s", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(out, chunk, n);
    assert_false(ferror(f));
    fclose(f);
}

/* NN-what.reason.json; NN-later-… passes the schema and is refused by a later stage. */
static void replay(const char *name)
{
    struct buf b;
    struct job job;
    struct refusal why = {0};
    char reason[64];
    buf_init(&b, 1 << 20);
    read_file(name, &b);
    bool ok = job_parse(buf_text(&b), b.len, &limits, &job, &why);
    assert_true(text_is_utf8(why.err.text, strlen(why.err.text)));
    if (strstr(name, "-later-")) {
        if (!ok)
            fail_msg("%s: %s", name, why.err.text);
    } else {
        snprintf(reason, sizeof reason, ".%s.json", reason_name(why.reason));
        if (ok || !text_ends(name, reason) || !why.err.text[0])
            fail_msg("%s: %s: %s", name, reason_name(why.reason), why.err.text);
    }
    job_free(&job);
    buf_free(&b);
}

static void test_corpus(void **state)
{
    (void)state;
    size_t n = 0;
    DIR *dir = opendir(CORPUS);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (text_ends(entry->d_name, ".json")) {
            replay(entry->d_name);
            n++;
        }
    closedir(dir);
    assert_true(n >= 60);
}

static void test_names(void **state)
{
    (void)state;
    for (int r = REASON_NONE; r <= REASON_AMBIGUOUS; r++)
        assert_string_not_equal(reason_name((enum reason)r), "?");
    assert_string_equal(target_kind_name(TARGET_IMPLIED), "TAG");
    assert_string_equal(target_kind_name(TARGET_TAG), "TAG");
    assert_string_equal(target_kind_name(TARGET_DEVICE), "DEVICE");
    assert_string_equal(target_kind_name(TARGET_ACCOUNT), "ACCOUNT");
    assert_string_equal(target_kind_name(TARGET_ALIAS), "ALIAS");
    assert_string_equal(target_kind_name(TARGET_ALL), "ALL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_member),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_long_name),
        cmocka_unit_test(test_what_a_refused_job_says),
        cmocka_unit_test(test_many_tags),
        cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_null_is_absent),
        cmocka_unit_test(test_enqueued_at),
        cmocka_unit_test(test_device_ids),
        cmocka_unit_test(test_empty_list_is_an_empty_object),
    };
    return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
