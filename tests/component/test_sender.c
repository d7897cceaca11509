/* SPDX-License-Identifier: MIT
 * One call on the wire, and what comes back, against a provider on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "pipeline/flight.h"
#include "pipeline/sender.h"
#include "support/provider.h"
#include "support/pump.h"
#include "support/worker_config.h"

struct fixture {
    struct event_base *base;
    struct provider provider;
    struct config config;
    struct sender *sender;
    struct flight flight;
    int replies;
};

/* The callback has no argument of its own: one fixture at a time. */
static struct fixture *current;
static struct reply last;

static void on_reply(struct call *c, const struct reply *reply)
{
    assert_ptr_equal(c, &current->flight.lone);
    last = *reply;
    current->replies++;
}

static void open_fixture(struct fixture *f, const char *const *vars)
{
    struct err e;
    memset(f, 0, sizeof *f);
    current = f;
    f->base = event_base_new();
    provider_open(&f->provider, f->base);
    worker_config_load(&f->config, f->provider.port, 0, vars, NULL);
    f->sender = sender_new(f->base, &f->config, &e);
    if (!f->sender)
        fail_msg("%s", e.text);
}

static void close_fixture(struct fixture *f)
{
    flight_free(&f->flight);
    sender_free(f->sender);
    provider_close(&f->provider);
    config_free(&f->config);
    event_base_free(f->base);
}

static void take(struct fixture *f, const char *job)
{
    struct err e = {""};
    struct refusal why;
    const struct queue_member m = {.envelope = "", .bytes = job, .len = strlen(job)};
    const struct queue_claim claim = {
        .batch = "BATCHBATCHBATCH1", .t0_ms = clock_wall_ms(), .digest = ""};
    flight_free(&f->flight);
    assert_true(flight_init(&f->flight, &claim, &m, &e));
    f->flight.config = &f->config;
    if (!flight_read(&f->flight, &f->config, &why))
        fail_msg("%s", why.err.text);
}

static void send_one(struct fixture *f)
{
    struct err e = {""};
    int before = f->replies;
    if (!sender_send(f->sender, f->flight.call, &f->flight.app->credentials, on_reply, &e))
        fail_msg("%s", e.text);
    assert_int_equal(f->replies, before); /* never before it returns */
}

static void send_and_wait(struct fixture *f)
{
    int before = f->replies;
    send_one(f);
    pump_until(f->base, f->replies == before + 1);
    assert_int_equal(sender_in_flight(f->sender), 0);
}

#define JOB "{\"id\":\"order-7\",\"code\":\"I10001\",\"school\":\"s1\",\"tags\":[\"a\",\"b\"]}"

static void test_call_on_the_wire(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    take(&f, JOB);
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_SENT);
    assert_string_equal(last.message_id, "1000");
    assert_string_equal(last.request_id, "R0");
    assert_int_equal(f.provider.n, 1);
    const struct provider *p = &f.provider;
    assert_string_equal(provider_param(p, 0, "AppKey"), "23456789");
    assert_string_equal(provider_param(p, 0, "Title"), "I10001");
    assert_string_equal(provider_param(p, 0, "Body"),
                        "{\"type\":0,\"message\":\"Arranging Result Changed. (School: s1)\"}");
    assert_string_equal(provider_param(p, 0, "Target"), "TAG");
    assert_string_equal(provider_param(p, 0, "TargetValue"),
                        "{\"and\":[{\"tag\":\"s1\"},{\"or\":[{\"tag\":\"a\"},{\"tag\":\"b\"}]}]}");
    assert_string_equal(provider_param(p, 0, "JobKey"), "order-7");
    assert_true(p->calls[0].v3);
    close_fixture(&f);
}

/* An attempt more is the same call, under a nonce and a signature of its own. */
static void test_a_repeat_differs_in_nonce_alone(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    take(&f, JOB);
    send_and_wait(&f);
    send_and_wait(&f);
    const struct provider *p = &f.provider;
    assert_int_equal(p->calls[0].params.n, p->calls[1].params.n);
    for (size_t i = 0; i < p->calls[0].params.n; i++)
        assert_string_equal(p->calls[0].params.v[i].value,
                            provider_param(p, 1, p->calls[0].params.v[i].name));
    assert_int_equal(strlen(provider_param(p, 0, "IdempotentToken")), 36);
    assert_string_not_equal(p->calls[0].nonce, p->calls[1].nonce);
    f.flight.env.gen++; /* a new token is another push */
    send_and_wait(&f);
    assert_string_not_equal(provider_param(p, 0, "IdempotentToken"),
                            provider_param(p, 2, "IdempotentToken"));
    close_fixture(&f);
}

static void test_v1(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_ALIYUN_SIGNATURE=v1", NULL};
    struct fixture f;
    open_fixture(&f, vars);
    take(&f, JOB);
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_SENT);
    assert_false(f.provider.calls[0].v3);
    assert_string_equal(provider_param(&f.provider, 0, "JobKey"), "order-7");
    close_fixture(&f);
}

static int64_t calls_of(enum reply_class class)
{
    return metrics_get_at(METRIC_CALLS, metrics_find(SET_API, "Push"), class);
}

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        struct provider_step step;
        enum reply_class class;
        bool ambiguous;
        int throttled; /* counted */
    } rows[] = {
        {{.status = 400, .code = "InvalidTitle.LengthExceed"}, REPLY_PERMANENT, false, 0},
        {{.status = 503, .code = "ServiceUnavailable"}, REPLY_TRANSIENT, true, 0},
        {{.status = 400, .code = "Throttling.User", .header = "x-acs-retry-after", .value = "250"},
         REPLY_THROTTLED,
         false,
         1},
        {{.status = 404, .code = "InvalidAccessKeyId.NotFound"}, REPLY_AUTH, false, 0},
        {{.body = "{\"MessageId\":\"11"}, REPLY_TRANSIENT, true, 0},
        {{.status = 502, .body = "<html>"}, REPLY_TRANSIENT, true, 0},
        {{.does = PROVIDER_CLOSES}, REPLY_UNANSWERED, true, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        open_fixture(&f, NULL);
        take(&f, JOB);
        int64_t throttled = metrics_get(METRIC_CALLS_THROTTLED);
        int64_t of_class = calls_of(rows[i].class);
        provider_script(&f.provider, rows[i].step);
        send_and_wait(&f);
        if (last.class != rows[i].class || last.ambiguous != rows[i].ambiguous)
            fail_msg("row %zu: %s %s, ambiguous %d: %s", i, reply_class_name(last.class), last.code,
                     last.ambiguous, last.message);
        assert_string_equal(last.code, rows[i].step.code ? rows[i].step.code : "");
        assert_int_equal(metrics_get(METRIC_CALLS_THROTTLED) - throttled, rows[i].throttled);
        assert_int_equal(calls_of(rows[i].class) - of_class, 1);
        assert_int_equal(last.retry_after_ms, rows[i].step.header ? 250 : 0);
        close_fixture(&f);
    }
}

static void test_hang_is_unanswered(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_ALIYUN_TIMEOUT_MS=150",
                                       "PUSHBRIDGE_ALIYUN_CONNECT_TIMEOUT_MS=150", NULL};
    struct fixture f;
    open_fixture(&f, vars);
    take(&f, JOB);
    provider_script(&f.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_UNANSWERED);
    assert_true(last.ambiguous);
    assert_true(last.message[0] != '\0');
    close_fixture(&f);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    evhttp_free(f.provider.http);
    f.provider.http = evhttp_new(f.base);
    take(&f, JOB);
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_NOT_SENT);
    assert_false(last.ambiguous);
    close_fixture(&f);
}

/* A moment in the past, from which a call has had more than its whole time: nothing leaves. */
static void test_too_late_is_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    take(&f, JOB);
    f.flight.call->checked_boot_ms = clock_boot_ms() - f.config.timeout_ms - 1;
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_NOT_SENT);
    assert_int_equal(f.provider.n, 0);
    close_fixture(&f);
}

static void test_an_endless_answer_is_unanswered(void **state)
{
    (void)state;
    struct fixture f;
    size_t n = 300 * 1024;
    char *body = malloc(n + 1);
    memset(body, ' ', n);
    body[n] = '\0';
    open_fixture(&f, NULL);
    take(&f, JOB);
    provider_script(&f.provider, (struct provider_step){.body = body});
    send_and_wait(&f);
    assert_int_equal(last.class, REPLY_UNANSWERED);
    close_fixture(&f);
    free(body);
}

/* --- the clock ------------------------------------------------------------------------------- */

static void expired_at(struct fixture *f, int64_t offset_ms)
{
    char date[64];
    time_t at = (time_t)((clock_wall_ms() + offset_ms) / 1000);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    provider_script(&f->provider, (struct provider_step){.status = 400,
                                                         .code = "InvalidTimeStamp.Expired",
                                                         .header = "Date",
                                                         .value = date});
    send_and_wait(f);
    assert_int_equal(last.class, REPLY_CLOCK);
}

static int64_t offset_of_stamp(const struct fixture *f, size_t call)
{
    int64_t ms;
    assert_true(clock_parse_rfc3339(f->provider.calls[call].stamp, &ms));
    return ms - clock_wall_ms();
}

static void test_learns_the_providers_clock(void **state)
{
    (void)state;
    enum { HOUR_MS = 3600 * 1000, DAY_MS = 24 * HOUR_MS };
    struct fixture f;
    open_fixture(&f, NULL);
    take(&f, JOB);
    expired_at(&f, HOUR_MS);
    assert_in_range(offset_of_stamp(&f, 0) + 60000, 0, 120000);
    send_and_wait(&f);
    assert_in_range(offset_of_stamp(&f, 1), HOUR_MS - 60000, HOUR_MS + 60000);
    expired_at(&f, 2 * (int64_t)DAY_MS); /* no clock is that wrong: not believed */
    send_and_wait(&f);
    assert_in_range(offset_of_stamp(&f, 3), HOUR_MS - 60000, HOUR_MS + 60000);
    close_fixture(&f);
}

/* --- no call --------------------------------------------------------------------------------- */

static void test_a_call_that_cannot_be_made(void **state)
{
    (void)state;
    struct fixture f;
    struct err e = {""};
    open_fixture(&f, NULL);
    take(&f, "{\"message\":\"m\",\"school\":\"s\",\"push\":{\"Colour\":\"red\"}}");
    int64_t sent = metrics_get(METRIC_CALLS_SENT);
    assert_false(sender_send(f.sender, f.flight.call, &f.flight.app->credentials, on_reply, &e));
    assert_string_equal(e.text, "push: Colour: not a parameter of Push");
    assert_int_equal(sender_in_flight(f.sender), 0);
    assert_int_equal(metrics_get(METRIC_CALLS_SENT), sent);
    take(&f, JOB);
    send_and_wait(&f); /* the sender is as good as new */
    assert_int_equal(f.replies, 1);
    close_fixture(&f);
}

static void test_free_answers_what_is_open(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    take(&f, JOB);
    provider_script(&f.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    send_one(&f);
    pump_until(f.base, f.provider.n == 1);
    assert_int_equal(sender_in_flight(f.sender), 1);
    sender_free(f.sender);
    f.sender = NULL;
    assert_int_equal(f.replies, 1);
    assert_int_equal(last.class, REPLY_UNANSWERED);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_on_the_wire),
        cmocka_unit_test(test_a_repeat_differs_in_nonce_alone),
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_hang_is_unanswered),
        cmocka_unit_test(test_nobody_listens),
        cmocka_unit_test(test_too_late_is_not_sent),
        cmocka_unit_test(test_an_endless_answer_is_unanswered),
        cmocka_unit_test(test_learns_the_providers_clock),
        cmocka_unit_test(test_a_call_that_cannot_be_made),
        cmocka_unit_test(test_free_answers_what_is_open),
    };
    return cmocka_run_group_tests_name("sender", tests, NULL, NULL);
}
