/* SPDX-License-Identifier: MIT */
#include "keys/http_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_has_no_answer(void **state)
{
    (void)state;
    static const struct {
        enum http_state state;
        enum reply_class class;
        bool ambiguous;
    } rows[] = {{HTTP_NOT_SENT, REPLY_NOT_SENT, false},
                {HTTP_CERTIFICATE, REPLY_CERTIFICATE, false},
                {HTTP_UNANSWERED, REPLY_UNANSWERED, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct http_result r = {.state = rows[i].state, .error = "why", .body = ""};
        struct reply reply;
        http_answer_plain(&r, &reply);
        assert_int_equal(reply.class, rows[i].class);
        assert_int_equal(reply.ambiguous, rows[i].ambiguous);
        assert_int_equal(reply.goes_on, rows[i].ambiguous);
        assert_string_equal(reply.message, "why");
    }
}

static void headers_are_handed_on(void **state)
{
    (void)state;
    static const char body[] = "{\"Code\":\"Throttling.User\",\"RequestId\":\"r\"}";
    struct http_result r = {.state = HTTP_ANSWERED,
                            .status = 400,
                            .body = body,
                            .len = strlen(body),
                            .content_type = "application/json",
                            .error = ""};
    struct reply reply;
    http_answer_plain(&r, &reply);
    assert_int_equal(reply.class, REPLY_THROTTLED);
    assert_int_equal(reply.retry_after_ms, 0);
    r.acs_retry_after = "1500";
    http_answer_plain(&r, &reply);
    assert_int_equal(reply.retry_after_ms, 1500);
    r.ratelimit_user = "Limit:1,Remain:0,TimeLeft:2000,Reset:1";
    http_answer_plain(&r, &reply);
    assert_int_equal(reply.retry_after_ms, 2000);
    r.retry_after = "3";
    http_answer_plain(&r, &reply);
    assert_int_equal(reply.retry_after_ms, 3000);
    assert_string_equal(reply.request_id, "r");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_answer),
        cmocka_unit_test(headers_are_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
