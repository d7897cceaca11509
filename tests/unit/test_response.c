/* SPDX-License-Identifier: MIT
 * Every sample of the response vectors, then hostile and odd bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/response.h"

/* Thu, 05 Mar 2026 07:38:09 GMT, the Date of the time stamp sample. */
#define SAMPLE_DATE_MS INT64_C(1772696289000)

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* --- samples -------------------------------------------------------------------------------- */

static struct response_in input_of(const json_t *sample)
{
    const json_t *headers = json_object_get(sample, "headers");
    const char *body = text_of(sample, "body");
    return (struct response_in){
        .status = (int)json_integer_value(json_object_get(sample, "http_status")),
        .body = body,
        .len = strlen(body),
        .content_type = text_of(headers, "content-type"),
        .retry_after = text_of(headers, "retry-after"),
        .acs_retry_after = text_of(headers, "x-acs-retry-after"),
        .ratelimit_user = text_of(headers, "x-ratelimit-user"),
        .ratelimit_user_api = text_of(headers, "x-ratelimit-user-api"),
        .date = text_of(headers, "date"),
        .now_wall_ms = SAMPLE_DATE_MS - 1800000,
    };
}

/* Where the label is coarser than our classes, the code says which one it is. */
static enum reply_class class_wanted(const json_t *sample)
{
    const json_t *expect = json_object_get(sample, "expect");
    const char *label = text_of(sample, "class"), *code = text_of(expect, "code");
    if (strcmp(label, "ok") == 0)
        return REPLY_SENT;
    if (strcmp(label, "throttled") == 0)
        return REPLY_THROTTLED;
    if (strcmp(label, "retryable") == 0)
        return code && strcmp(code, "SignatureNonceUsed") == 0 ? REPLY_NONCE_USED : REPLY_TRANSIENT;
    if (strcmp(label, "auth") == 0)
        return code && strcmp(code, "InvalidTimeStamp.Expired") == 0 ? REPLY_CLOCK
               : code && strstr(code, "SecurityToken")               ? REPLY_TOKEN
                                                                     : REPLY_AUTH;
    assert_string_equal(label, "permanent");
    return code && strcmp(code, "SomethingNew.NeverSeen") == 0 ? REPLY_UNKNOWN_4XX
                                                               : REPLY_PERMANENT;
}

static void check_text(const char *name, const json_t *expect, const char *member, const char *got)
{
    const char *want = text_of(expect, member);
    if (want && strcmp(got, want) != 0)
        fail_msg("%s: %s is \"%s\", expected \"%s\"", name, member, got, want);
}

static void check_ids(const char *name, const json_t *want, char ids[][32], size_t nids,
                      const struct reply *reply)
{
    if (json_array_size(want) != nids)
        fail_msg("%s: %zu ids, expected %zu", name, nids, json_array_size(want));
    for (size_t i = 0; i < nids; i++)
        assert_string_equal(ids[i], json_string_value(json_array_get(want, i)));
    assert_string_equal(reply->message_id, nids ? ids[0] : "");
}

static void check_sample(const json_t *sample)
{
    const char *name = text_of(sample, "name");
    const json_t *expect = json_object_get(sample, "expect");
    const json_t *want_ids = json_object_get(expect, "message_ids");
    const struct response_in in = input_of(sample);
    char ids[RESPONSE_IDS_MAX][32];
    size_t nids = 99;
    struct reply reply;
    enum reply_class want = class_wanted(sample);
    bool ambiguous = json_is_true(json_object_get(sample, "ambiguous"));
    if (want == REPLY_SENT && !want_ids) {
        response_read_plain(&in, &reply); /* an action that has no MessageId */
    } else {
        response_read(&in, &reply, ids, &nids);
        check_ids(name, want_ids, ids, nids, &reply);
    }
    if (want_ids && !json_array_size(want_ids)) {
        /* "ok", outcome unknown: without an id it cannot count as sent. */
        want = REPLY_TRANSIENT;
        ambiguous = true;
    }
    if (reply.class != want || reply.ambiguous != ambiguous)
        fail_msg("%s: class %d, ambiguous %d", name, (int)reply.class, reply.ambiguous);
    check_text(name, expect, "code", reply.code);
    check_text(name, expect, "request_id", reply.request_id);
    assert_int_equal(reply.retry_after_ms,
                     json_integer_value(json_object_get(expect, "retry_after_ms")));
    assert_int_equal(reply.http_status, in.status);
    assert_int_equal(reply.clock_offset_ms, want == REPLY_CLOCK ? 1800000 : 0);
    assert_null(strstr(reply.message, "AccessKeyId"));
}

static void reads_samples(void **state)
{
    size_t i;
    json_t *sample, *root = json_load_file("tests/vectors/responses.json", JSON_ALLOW_NUL, NULL);
    json_t *samples = json_object_get(root, "responses");
    (void)state;
    assert_int_equal(json_array_size(samples), 86);
    json_array_foreach(samples, i, sample)
    {
        check_sample(sample);
    }
    json_decref(root);
}

/* --- odd and hostile bodies ----------------------------------------------------------------- */

struct body_case {
    const char *body;
    const char *message_id; /* NULL: TRANSIENT and ambiguous, though the status is 200 */
};

static const struct body_case bodies[] = {
    {"{\"MessageId\":\"1\"}", "1"},
    {" \r\n{\"MessageId\":1}", "1"},
    {"{\"MessageId\":9223372036854775807}", "9223372036854775807"},
    {"{\"MessageId\":9223372036854775808}", NULL},
    {"{\"MessageId\":1e3}", NULL},
    {"{\"MessageId\":1.0}", NULL},
    {"{\"MessageId\":\"\"}", NULL},
    {"{\"MessageId\":null}", NULL},
    {"{\"MessageId\":{}}", NULL},
    {"{\"MessageId\":\"1\\u0000\"}", NULL},
    {"{\"MessageId\":\"a b\"}", NULL},
    {"{\"MessageId\":\"0123456789012345678901234567890\"}", "0123456789012345678901234567890"},
    {"{\"MessageId\":\"01234567890123456789012345678901\"}", NULL},
    {"{\"messageId\":\"7\",\"requestId\":\"r\"}", "7"},
    {"{\"Code\":\"OK\",\"MessageId\":\"7\"}", "7"},
    {"{\"Code\":200,\"MessageId\":\"7\"}", "7"},
    {"{\"MessageIds\":{\"MessageId\":[\"1\",2]}}", "1"},
    {"{\"MessageIds\":[\"1\",1.5]}", NULL},
    {"{\"MessageIds\":{\"Other\":1}}", NULL},
    {"{\"MessageIds\":[]}", NULL},
    {"{\"MessageId\":\"1\"}x", NULL},
    {"[\"1\"]", NULL},
    {"\"1\"", NULL},
    {"ok", NULL},
    {"\xff\xfe", NULL},
    {"<PushResponse><MessageId> 1</MessageId></PushResponse>", NULL},
    {"<PushResponse><MessageId>1</MessageId></PushResponse>", "1"},
    {"<PushResponse><MessageId>1<b/>2</MessageId></PushResponse>", NULL},
    {"<PushResponse><A><MessageId>1</MessageId></A></PushResponse>", NULL},
    {"<PushResponse><MessageId>1</MessageId>", NULL},
    {"<Response><MessageId>1</MessageId></Response>", NULL},
    {"<html><MessageId>1</MessageId></html>", NULL},
    {"<!DOCTYPE x><PushResponse><MessageId>1</MessageId></PushResponse>", NULL},
    {"<!DOCTYPE x [<!ENTITY a \"1\"><!ENTITY b \"&a;&a;&a;\">]>"
     "<PushResponse><MessageId>&b;</MessageId></PushResponse>",
     NULL},
    {"<PushResponse><MessageId>&a;</MessageId></PushResponse>", NULL},
    {"<", NULL},
    {"{", NULL},
};

static struct reply read_ok(const char *body, size_t len)
{
    const struct response_in in = {.status = 200, .body = body, .len = len};
    struct reply reply;
    response_read(&in, &reply, NULL, NULL);
    return reply;
}

static void reads_odd_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        const struct body_case *c = &bodies[i];
        struct reply reply = read_ok(c->body, strlen(c->body));
        bool sent = reply.class == REPLY_SENT;
        if (sent != (c->message_id != NULL))
            fail_msg("%s: class %d", c->body, (int)reply.class);
        assert_string_equal(reply.message_id, c->message_id ? c->message_id : "");
        if (!sent)
            assert_true(reply.class == REPLY_TRANSIENT && reply.ambiguous && reply.goes_on);
    }
}

/* Exactly as many bytes as the body has, so that a sanitizer sees an overrun. */
static void check_unreadable(const char *open, size_t times)
{
    size_t n = strlen(open);
    char *body = malloc(n * times);
    for (size_t i = 0; i < times; i++)
        memcpy(body + i * n, open, n);
    struct reply reply = read_ok(body, n * times);
    assert_int_equal(reply.class, REPLY_TRANSIENT);
    assert_true(reply.ambiguous);
    free(body);
}

static void survives_deep_and_huge_bodies(void **state)
{
    (void)state;
    check_unreadable("{\"a\":", 100000);
    check_unreadable("[", 1 << 20);
    check_unreadable("<a>", 300000);
    check_unreadable("<ErrorResponse>", 60000);
    check_unreadable("{", (1 << 20) + 1);
    check_unreadable(" ", 1000);
    check_unreadable("{", 1);
    check_unreadable("x", 0);
}

static void bounds_fields(void **state)
{
    char body[9000];
    struct reply reply;
    (void)state;
    memset(body, 'c', sizeof body);
    int n = snprintf(body, sizeof body,
                     "{\"Code\":\"%0500d\",\"RequestId\":\"%0500d\",\"Message\":\"x", 0, 0);
    for (size_t i = (size_t)n; i + 3 < 5000; i += 3)
        memcpy(body + i, "杭", 3);
    memcpy(body + n + 3000, "\"}", 3);
    const struct response_in in = {.status = 400, .body = body, .len = strlen(body)};
    response_read(&in, &reply, NULL, NULL);
    assert_int_equal(strlen(reply.code), sizeof reply.code - 1);
    assert_int_equal(strlen(reply.request_id), sizeof reply.request_id - 1);
    assert_int_equal(strlen(reply.message), 1 + 84 * 3); /* no sequence is cut in two */
}

/* How many there were is said all the same: else too many would pass for as many as there are
 * tasks. */
static void keeps_at_most_the_documented_ids(void **state)
{
    char body[4096] = "{\"MessageIds\":[";
    char ids[RESPONSE_IDS_MAX][32];
    size_t nids;
    struct reply reply;
    (void)state;
    for (int i = 0; i < 300; i++)
        snprintf(body + strlen(body), 16, "%s\"%d\"", i ? "," : "", i);
    strcat(body, "]}");
    const struct response_in in = {.status = 200, .body = body, .len = strlen(body)};
    response_read(&in, &reply, ids, &nids);
    assert_int_equal(nids, 300);
    assert_string_equal(ids[RESPONSE_IDS_MAX - 1], "255");
    assert_int_equal(reply.class, REPLY_SENT);
}

static void plain_answers(void **state)
{
    static const struct {
        const char *body;
        enum reply_class class;
    } cases[] = {
        {"{}", REPLY_SENT},
        {"{\"RequestId\":\"r\"}", REPLY_SENT},
        {"<BindTagResponse><RequestId>r</RequestId></BindTagResponse>", REPLY_SENT},
        {"{\"Code\":\"Throttling\"}", REPLY_THROTTLED},
        {"<Error><Code>MissingTitle</Code></Error>", REPLY_PERMANENT},
        {"", REPLY_TRANSIENT},
        {"<html/>", REPLY_TRANSIENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct response_in in = {
            .status = 200, .body = cases[i].body, .len = strlen(cases[i].body)};
        struct reply reply;
        response_read_plain(&in, &reply);
        assert_int_equal(reply.class, cases[i].class);
    }
}

/* --- hints, clock, quoted text -------------------------------------------------------------- */

struct hint_case {
    const char *acs, *user, *user_api, *plain;
    int64_t want_ms;
};

static const struct hint_case hints[] = {
    {NULL, NULL, NULL, NULL, 0},
    {"2000", NULL, NULL, NULL, 2000},
    {" 2000", NULL, NULL, NULL, 2000},
    {"-5", NULL, NULL, NULL, 0},
    {"soon", NULL, NULL, NULL, 0},
    {"99999999999999999999999", NULL, NULL, NULL, 3600000},
    {NULL, "Limit:1,Remain:0,TimeLeft:300,Reset:1", "TimeLeft:700", NULL, 700},
    {NULL, "TimeLeft:900", "Limit:1,Remain:0,TimeLeft:700,Reset:1", NULL, 900},
    {NULL, "TimeLeft:", "nothing", NULL, 0},
    {NULL, NULL, NULL, "3", 3000},
    {NULL, NULL, NULL, "86400", 3600000},
    {NULL, NULL, NULL, "Thu, 05 Mar 2026 07:38:09 GMT", 0},
    {"100", "TimeLeft:200", NULL, "1", 1000},
};

static void bounds_hints(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        const struct response_in in = {.status = 429,
                                       .acs_retry_after = hints[i].acs,
                                       .ratelimit_user = hints[i].user,
                                       .ratelimit_user_api = hints[i].user_api,
                                       .retry_after = hints[i].plain};
        struct reply reply;
        response_read(&in, &reply, NULL, NULL);
        assert_int_equal(reply.class, REPLY_THROTTLED);
        assert_int_equal(reply.retry_after_ms, hints[i].want_ms);
    }
}

static void clock_offset_needs_a_date(void **state)
{
    static const char body[] = "{\"Code\":\"InvalidTimeStamp.Expired\"}";
    static const char *const dates[] = {NULL, "", "yesterday"};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct response_in in = {
            .status = 400, .body = body, .len = strlen(body), .date = dates[i], .now_wall_ms = 7};
        struct reply reply;
        response_read(&in, &reply, NULL, NULL);
        assert_int_equal(reply.class, REPLY_CLOCK);
        assert_int_equal(reply.clock_offset_ms, 0);
    }
}

static void drops_quoted_string_to_sign(void **state)
{
    static const char body[] = "{\"Code\":\"SignatureDoesNotMatch\",\"Message\":\"No match. server "
                               "string to sign is:POST&%2F&Body%3Dsecret\"}";
    const struct response_in in = {.status = 400, .body = body, .len = strlen(body)};
    struct reply reply;
    (void)state;
    response_read(&in, &reply, NULL, NULL);
    assert_string_equal(reply.message, "No match. server …");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_samples),
        cmocka_unit_test(reads_odd_bodies),
        cmocka_unit_test(survives_deep_and_huge_bodies),
        cmocka_unit_test(bounds_fields),
        cmocka_unit_test(keeps_at_most_the_documented_ids),
        cmocka_unit_test(plain_answers),
        cmocka_unit_test(bounds_hints),
        cmocka_unit_test(clock_offset_needs_a_date),
        cmocka_unit_test(drops_quoted_string_to_sign),
    };
    return cmocka_run_group_tests_name("response", tests, NULL, NULL);
}
