/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "job/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(const struct outcome *o, const char *want)
{
    struct buf out;
    buf_init(&out, 4000);
    outcome_write(o, &out);
    assert_true(buf_ok(&out));
    assert_string_equal(buf_text(&out), want);
    json_t *root = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    json_decref(root);
    buf_free(&out);
}

static const struct push_done pushes[] = {{0, "501029", "R-0", NULL}, {1, "501030", "R-1", NULL}};

static struct outcome sample(void)
{
    return (struct outcome){
        .id = "j\"1",
        .app = "default",
        .code = "I10001",
        .worker = "h-1-ab",
        .pushes = pushes,
        .npushes = 2,
        .attempts = 1,
        .enqueued_at_ms = JOB_ABSENT,
        .claimed_at_ms = 2000,
        .done_at_ms = 2500,
        .bytes = "{\"a\":1}\n",
        .len = 8,
    };
}

static void test_sent(void **state)
{
    (void)state;
    struct outcome o = sample();
    check(&o, "{\"id\":\"j\\\"1\",\"app\":\"default\",\"code\":\"I10001\",\"status\":\"sent\","
              "\"pushes\":[{\"message_id\":\"501029\",\"request_id\":\"R-0\",\"part\":0},"
              "{\"message_id\":\"501030\",\"request_id\":\"R-1\",\"part\":1}],\"attempts\":1,"
              "\"crashes\":0,\"claimed_at\":2000,\"done_at\":2500,\"worker\":\"h-1-ab\"}");
    o.overlap = true;
    o.enqueued_at_ms = 1900;
    o.crashes = 2;
    o.npushes = 1;
    o.code = NULL;
    o.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    o.meta = json_pack("{s:s,s:[i,b]}", "k", "号", "l", 1, 1);
    check(&o, "{\"id\":\"j\\\"1\",\"app\":\"default\",\"code\":null,\"status\":\"sent\","
              "\"pushes\":[{\"message_id\":\"501029\",\"request_id\":\"R-0\",\"part\":0}],"
              "\"attempts\":1,\"crashes\":2,\"overlap\":true,\"enqueued_at\":1900,"
              "\"claimed_at\":2000,\"done_at\":2500,\"latency_ms\":600,\"worker\":\"h-1-ab\","
              "\"meta\":{\"k\":\"号\",\"l\":[1,true]},"
              "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}");
    json_decref(o.meta);
}

static void test_duplicate(void **state)
{
    (void)state;
    struct outcome o = sample();
    o.duplicate = true;
    o.enqueued_at_ms = 9000; /* by a clock that is ahead */
    check(&o, "{\"id\":\"j\\\"1\",\"app\":\"default\",\"code\":\"I10001\",\"status\":\"duplicate\","
              "\"pushes\":[],\"attempts\":1,\"crashes\":0,\"enqueued_at\":9000,\"claimed_at\":2000,"
              "\"done_at\":2500,\"latency_ms\":0,\"worker\":\"h-1-ab\"}");
}

#define HEAD "{\"id\":\"j\\\"1\",\"app\":\"default\",\"code\":\"I10001\",\"status\":\"dead\","
#define TAIL                                                                                       \
    "\"attempts\":1,\"crashes\":0,\"claimed_at\":2000,\"done_at\":2500,\"worker\":\"h-1-ab\","
#define JOB "\"job\":\"{\\\"a\\\":1}\\n\"}"

static void test_dead(void **state)
{
    (void)state;
    struct outcome o = sample();
    struct reply reply = {.class = REPLY_PERMANENT,
                          .http_status = 400,
                          .code = "InvalidTitle.Empty",
                          .message = "say \"why\"",
                          .request_id = "R"};
    o.npushes = 0;
    o.reason = REASON_EXPIRED;
    check(&o, HEAD
          "\"reason\":\"expired\",\"maybe_sent\":false,\"error\":{\"code\":null,"
          "\"message\":null,\"http_status\":null,\"request_id\":null},\"pushes\":[]," TAIL JOB);
    o.reason = REASON_PROVIDER_REJECTED;
    o.maybe_sent = true;
    o.error = &reply;
    o.history = "[{\"reason\":\"poison\"}]";
    o.npushes = 1;
    check(&o, HEAD
          "\"reason\":\"provider_rejected\",\"maybe_sent\":true,\"error\":{\"code\":"
          "\"InvalidTitle.Empty\",\"message\":\"say \\\"why\\\"\",\"http_status\":400,"
          "\"request_id\":\"R\"},\"pushes\":[{\"message_id\":\"501029\",\"request_id\":\"R-0\","
          "\"part\":0}]," TAIL "\"history\":[{\"reason\":\"poison\"}]," JOB);
    o.error_message = "our own words";
    o.history = NULL;
    o.npushes = 0;
    check(&o, HEAD "\"reason\":\"provider_rejected\",\"maybe_sent\":true,\"error\":{\"code\":"
                   "\"InvalidTitle.Empty\",\"message\":\"our own words\",\"http_status\":400,"
                   "\"request_id\":\"R\"},\"pushes\":[]," TAIL JOB);
}

#define NO_ERROR                                                                                   \
    "\"error\":{\"code\":null,\"message\":null,\"http_status\":null,\"request_id\":null},"

static void test_job_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *want;
    } cases[] = {
        {"", 0, "\"job\":\"\"}"},
        {NULL, 0, "\"job\":\"\"}"},
        {"a\0b\x7f\x01", 5, "\"job_b64\":\"YQBifwE=\"}"},
        {"a\0bcdefghi\xE2\x80\xAE", 13, "\"job\":\"a\\u0000bcdefghi\\u202e\"}"},
        {"\"\\\"\\", 4, "\"job\":\"\\\"\\\\\\\"\\\\\"}"}, /* twice as long: still text */
        {"\xe5\x8f\xb7/\xf0\x9f\x98\x80", 8, "\"job\":\"号/\xf0\x9f\x98\x80\"}"},
        {"\xff", 1, "\"job_b64\":\"/w==\"}"},
        {"{\xed\xa0\x80}", 5, "\"job_b64\":\"e+2ggH0=\"}"},
        {"\xe5\x8f", 2, "\"job_b64\":\"5Y8=\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = sample();
        char want[1000];
        o.reason = REASON_INVALID_JSON;
        o.npushes = 0;
        o.bytes = cases[i].bytes;
        o.len = cases[i].len;
        snprintf(want, sizeof want, "%s%s%s",
                 HEAD "\"reason\":\"invalid_json\",\"maybe_sent\":false," NO_ERROR
                      "\"pushes\":[]," TAIL,
                 cases[i].want, "");
        check(&o, want);
    }
}

/* Whatever a job of that length is made of, and with the longest of everything else. */
static void test_size(void **state)
{
    (void)state;
    static const char *const kinds[] = {"\x01", "\x7F", "\xC2\x85", "\xE2\x80\xAE",
                                        "\"",   "\xFF", "a"};
    enum { LEN = 60000 };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct outcome o = sample();
        struct push_done all[64] = {0};
        struct reply reply = {0};
        struct buf b;
        char *bytes = mem_zalloc(LEN + 1), worst[300];
        for (size_t i = 0, n = strlen(kinds[k]); i + n <= LEN; i += n)
            memcpy(bytes + i, kinds[k], n);
        memset(worst, 0x7F, sizeof worst);
        worst[sizeof worst - 1] = '\0';
        for (size_t i = 0; i < 64; i++) {
            memset(all[i].message_id, 0x7F, sizeof all[i].message_id - 1);
            memset(all[i].request_id, 0x7F, sizeof all[i].request_id - 1);
            all[i].app = "a-name-of-an-app-that-has-sixty-four-bytes-which-are-the-most-xx";
        }
        memset(reply.message, 0x7F, sizeof reply.message - 1);
        memset(reply.code, 0x7F, sizeof reply.code - 1);
        o.reason = REASON_PROVIDER_REJECTED;
        o.error = &reply;
        o.pushes = all;
        o.npushes = 64;
        o.bytes = bytes;
        o.len = strlen(bytes);
        o.app = o.code = bytes;
        o.error_message = worst;
        buf_init(&b, OUTCOME_ROOM + OUTCOME_JOB_FACTOR * o.len);
        outcome_write(&o, &b);
        assert_true(buf_ok(&b));
        buf_free(&b);
        mem_free(bytes);
    }
}

static void test_oversize(void **state)
{
    (void)state;
    struct outcome o = sample();
    o.app = o.code = NULL;
    o.reason = REASON_INVALID_JOB;
    o.npushes = 0;
    o.job_ref = "{push:jobs}:oversize b-0";
    o.bytes = NULL;
    check(&o, "{\"id\":\"j\\\"1\",\"app\":null,\"code\":null,\"status\":\"dead\","
              "\"reason\":\"invalid_job\",\"maybe_sent\":false," NO_ERROR "\"pushes\":[]," TAIL
              "\"job_ref\":\"{push:jobs}:oversize b-0\"}");
}

/* A message that was cut inside a character must not spoil the JSON around it. */
static void test_cut_message(void **state)
{
    (void)state;
    struct outcome o = sample();
    o.reason = REASON_INVALID_JOB;
    o.npushes = 0;
    o.error_message = "tags: \xe5\x8f";
    check(&o, HEAD "\"reason\":\"invalid_job\",\"maybe_sent\":false,\"error\":{\"code\":null,"
                   "\"message\":\"tags: \\ufffd\\ufffd\",\"http_status\":null,\"request_id\":null},"
                   "\"pushes\":[]," TAIL JOB);
}

static void test_bound(void **state)
{
    (void)state;
    struct outcome o = sample();
    struct buf out;
    buf_init(&out, 100);
    outcome_write(&o, &out);
    assert_false(buf_ok(&out));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent),        cmocka_unit_test(test_duplicate),
        cmocka_unit_test(test_dead),        cmocka_unit_test(test_job_bytes),
        cmocka_unit_test(test_size),        cmocka_unit_test(test_oversize),
        cmocka_unit_test(test_cut_message), cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
