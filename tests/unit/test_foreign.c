/* SPDX-License-Identifier: MIT
 * What other queues and serializers write, and what a refusal calls it. */
#include "job/written/foreign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "job/job.h"

static const struct job_limits limits = {10000, 64000, "push:reply:"};

static void check(const char *bytes, size_t len, enum reason reason, const char *text)
{
    struct job job;
    struct refusal why;
    if (job_parse(bytes, len, &limits, &job, &why))
        fail_msg("%s: accepted", bytes);
    assert_string_equal(why.err.text, text);
    assert_int_equal(why.reason, reason);
    job_free(&job);
}

static void test_envelopes(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"class\":\"Push\",\"args\":[{\"code\":\"c\"}],\"jid\":\"b4a5\",\"retry\":true,"
         "\"queue\":\"d\"}",
         "looks like a Sidekiq job: class: unknown member"},
        {"{\"class\":\"Push\",\"args\":[1]}", "looks like a Resque job: class: unknown member"},
        {"{\"jid\":\"1\",\"jobtype\":\"Push\",\"args\":[]}",
         "looks like a Faktory job: jobtype: unknown member"},
        {"{\"job_class\":\"PushJob\",\"job_id\":\"1\",\"arguments\":[]}",
         "looks like an Active Job: job_class: unknown member"},
        {"{\"body\":\"W1td\",\"content-encoding\":\"utf-8\",\"headers\":{},\"properties\":{}}",
         "looks like a Celery message: body: unknown member"},
        {"{\"id\":\"1\",\"task\":\"push\",\"args\":[],\"kwargs\":{}}",
         "looks like a Celery message: task: unknown member"},
        {"{\"queue_name\":\"q\",\"actor_name\":\"push\",\"args\":[],\"kwargs\":{}}",
         "looks like a Dramatiq message: actor_name: unknown member"},
        {"{\"uuid\":\"1\",\"displayName\":\"Push\",\"job\":\"call\",\"data\":{}}",
         "looks like a Laravel job: displayName: unknown member"},
        {"{\"UUID\":\"1\",\"Name\":\"push\",\"RoutingKey\":\"\",\"Args\":[]}",
         "looks like a Machinery task: UUID: unknown member"},
        {"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\",\"data\":{}}",
         "looks like a CloudEvent: specversion: unknown member"},
        {"{\"messageId\":\"1\",\"messageType\":[],\"message\":{}}",
         "looks like a MassTransit message: messageType: unknown member"},
        {"{\"@class\":\"com.example.Job\",\"code\":\"c\",\"school\":\"s\"}",
         "looks like JSON with Java's class names: @class: unknown member"},
        {"[\"com.example.Job\",{\"code\":\"c\"}]",
         "looks like JSON with Java's class names: job: a list, must be an object"},
        {"[[1],{},{\"callbacks\":null}]",
         "looks like the body of a Celery message: job: a list, must be an object"},
        {"[{\"code\":\"c\",\"school\":\"s\"}]",
         "looks like several jobs in one list: job: a list, must be an object"},
        {"\" {\\\"code\\\":\\\"c\\\"}\"",
         "looks like JSON in JSON text: job: a string, must be an object"},
        {"\"eyJjb2RlIjoiYyJ9\"", "looks like base64 of JSON: job: a string, must be an object"},
        {"\"I10001\"", "job: a string, must be an object"},
        {"[1,2]", "job: a list, must be an object"},
        {"{\"class\":\"c\",\"code\":\"c\",\"school\":\"s\"}", "class: unknown member"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check(rows[i][0], strlen(rows[i][0]), REASON_INVALID_JOB, rows[i][1]);
}

#define BYTES(bytes, name, place)                                                                  \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, name, place                                                      \
    }

static void test_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *name; /* NULL: nothing is known */
        const char *rest;
    } rows[] = {
        BYTES("\xac\xed\x00\x05t\x00\x03", "Java's serialization", "not valid UTF-8"),
        BYTES("\x1f\x8b\x08", "gzip", "syntax error"),
        BYTES("\x80\x04\x95\x10.", "Python's pickle", "not valid UTF-8"),
        BYTES("\x04\x08{\x06", "Ruby's Marshal", "syntax error"),
        BYTES("a:1:{s:4:\"code\";s:1:\"c\";}", "PHP's serialize()", "syntax error"),
        BYTES("O:3:\"Job\":0:{}", "PHP's serialize()", "syntax error"),
        BYTES("a:1:", NULL, "syntax error"),
        BYTES("\x82\xa4"
              "code\xa1"
              "c",
              "MessagePack", "not valid UTF-8"),
        BYTES("eyJjb2RlIjoiYyJ9", "base64 of JSON", "syntax error"),
        BYTES("eyJjb2RlIjoiYyJ9Cg==\n", "base64 of JSON", "syntax error"),
        BYTES("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", NULL, "syntax error"),
        BYTES("{'code': 'c'}", "Python's repr of a dict", "syntax error"),
        BYTES("%7B%22code%22%3A1%7D", "JSON encoded for a URL", "syntax error"),
        BYTES("\xef\xbb\xbf{}", "JSON behind a byte order mark", "syntax error"),
        BYTES("{\0\"\0", "UTF-16", "cut short"),
        BYTES("", NULL, "cut short"),
        BYTES("{", NULL, "cut short"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct job job;
        struct refusal why;
        char want[100];
        assert_false(job_parse(rows[i].bytes, rows[i].len, &limits, &job, &why));
        if (rows[i].name)
            snprintf(want, sizeof want, "looks like %s: not JSON: %s", rows[i].name, rows[i].rest);
        else
            snprintf(want, sizeof want, "not JSON: %s", rows[i].rest);
        if (strncmp(why.err.text, want, strlen(want)) != 0)
            fail_msg("row %zu: \"%s\" instead of \"%s\"", i, why.err.text, want);
        assert_int_equal(why.reason, REASON_INVALID_JSON);
        job_free(&job);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests_name("foreign", tests, NULL, NULL);
}
