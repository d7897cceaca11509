/* SPDX-License-Identifier: MIT
 * Calls that a rule holds, over HTTP (call, call_core, reply): what lets them go on, and what ends
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <string.h>

#include "mock/wire/control.h"
#include "mock/wire/provider.h"

static struct event_base *base;
static struct provider p;
static struct evhttp *control;
static int port, control_port;

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    provider_init(&p, base, 100);
    p.auth.verify = false;
    port = provider_listen(&p, "127.0.0.1", 0);
    control = control_listen(&p, "127.0.0.1", 0, &control_port);
    return port && control ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    provider_free(&p);
    evhttp_free(control);
    event_base_free(base);
    return 0;
}

struct ask {
    struct evhttp_connection *connection;
    int status; /* 0: not answered yet */
    char body[4096];
};

static void on_answer(struct evhttp_request *http, void *arg)
{
    struct ask *a = arg;
    if (!http)
        return;
    a->status = evhttp_request_get_response_code(http);
    int n = evbuffer_remove(evhttp_request_get_input_buffer(http), a->body, sizeof a->body - 1);
    a->body[n > 0 ? n : 0] = '\0';
}

static void ask(struct ask *a, int to, enum evhttp_cmd_type method, const char *uri,
                const char *body)
{
    *a = (struct ask){.connection =
                          evhttp_connection_base_new(base, NULL, "127.0.0.1", (unsigned short)to)};
    struct evhttp_request *http = evhttp_request_new(on_answer, a);
    evhttp_add_header(evhttp_request_get_output_headers(http), "Host", "localhost");
    if (body)
        evbuffer_add(evhttp_request_get_output_buffer(http), body, strlen(body));
    assert_int_equal(evhttp_make_request(a->connection, http, method, uri), 0);
}

static void wait_answer(const struct ask *a, int status)
{
    while (!a->status)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(a->status, status);
}

static void tell(struct ask *a, enum evhttp_cmd_type method, const char *uri, const char *body)
{
    ask(a, control_port, method, uri, body);
    wait_answer(a, 200);
    evhttp_connection_free(a->connection);
}

static void hold(const char *rule)
{
    struct ask a;
    tell(&a, EVHTTP_REQ_POST, "/_mock/faults", rule);
}

#define PUSH                                                                                       \
    "/?Action=Push&Version=2016-08-01&Format=JSON&AppKey=1&PushType=MESSAGE&DeviceType=ALL"        \
    "&Target=ALL&TargetValue=ALL&Title=T&Body=B&JobKey="

/* Starts a call and waits until it is held. */
static void call_held(struct ask *a, const char *uri)
{
    uint64_t held = p.held;
    ask(a, port, EVHTTP_REQ_GET, uri, NULL);
    while (p.held == held)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(a->status, 0);
}

static void start_over(void)
{
    struct ask a;
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/faults", NULL);
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/record", NULL);
    assert_int_equal(p.held, 0);
}

static void the_end_of_its_rule_lets_it_go_on(void **state)
{
    (void)state;
    struct ask one, two, other, a;
    start_over();
    hold("{\"kind\":\"hold\",\"match\":{\"job_key\":\"a\"},\"count\":2}");
    uint64_t id = p.faults.next_id;
    hold("{\"kind\":\"hold\",\"match\":{\"job_key\":\"b\"}}");
    call_held(&one, PUSH "a");
    call_held(&two, PUSH "a");
    call_held(&other, PUSH "b");
    assert_int_equal(p.record.pushes, 3); /* before they are answered */
    tell(&a, EVHTTP_REQ_GET, "/_mock/record?list=1", NULL);
    assert_non_null(strstr(a.body, "\"in_flight\":3,\"held\":3,"));
    assert_non_null(
        strstr(a.body, "\"answered\":false,\"status\":0,\"answered_ms\":0,\"held\":true"));
    char uri[64];
    snprintf(uri, sizeof uri, "/_mock/faults?id=%llu", (unsigned long long)id);
    tell(&a, EVHTTP_REQ_DELETE, uri, NULL);
    wait_answer(&one, 200);
    wait_answer(&two, 200);
    assert_int_equal(other.status, 0);
    assert_int_equal(p.held, 1);
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/faults", NULL);
    wait_answer(&other, 200);
    assert_non_null(strstr(other.body, "\"MessageId\":"));
    assert_int_equal(p.held + p.in_flight, 0);
    evhttp_connection_free(one.connection);
    evhttp_connection_free(two.connection);
    evhttp_connection_free(other.connection);
}

static void another_rule_decides_the_answer(void **state)
{
    (void)state;
    struct ask one, a;
    start_over();
    hold("{\"kind\":\"hold\"}");
    hold("{\"kind\":\"error\",\"status\":503}");
    call_held(&one, PUSH "a");
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/faults", NULL);
    wait_answer(&one, 503);
    assert_int_equal(p.record.pushes, 0);
    evhttp_connection_free(one.connection);
}

/* As a killed worker's: it is no longer in flight, and a late one is never pushed. */
static void a_client_that_leaves_ends_it(void **state)
{
    (void)state;
    struct ask one, two, a;
    start_over();
    hold("{\"kind\":\"hold\",\"match\":{\"job_key\":\"early\"}}");
    hold("{\"kind\":\"hold\",\"late\":true}");
    call_held(&one, PUSH "early");
    call_held(&two, PUSH "late");
    assert_int_equal(p.record.pushes, 1);
    evhttp_connection_free(one.connection);
    evhttp_connection_free(two.connection);
    while (p.held)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(p.in_flight, 0);
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/faults", NULL);
    assert_int_equal(p.record.pushes, 1);
    assert_int_equal(p.record.answered, 0);
}

static void a_late_one_is_pushed_when_it_goes_on(void **state)
{
    (void)state;
    struct ask one, a;
    start_over();
    hold("{\"kind\":\"hold\",\"late\":true}");
    call_held(&one, PUSH "late");
    assert_int_equal(p.record.pushes, 0);
    tell(&a, EVHTTP_REQ_DELETE, "/_mock/faults", NULL);
    wait_answer(&one, 200);
    assert_int_equal(p.record.pushes, 1);
    evhttp_connection_free(one.connection);
}

/* The stand-in ends with a call in hand. */
static void the_end_comes_first(void **state)
{
    (void)state;
    static struct ask one;
    start_over();
    hold("{\"kind\":\"hold\"}");
    call_held(&one, PUSH "a");
    evhttp_connection_free(one.connection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_its_rule_lets_it_go_on),
        cmocka_unit_test(another_rule_decides_the_answer),
        cmocka_unit_test(a_client_that_leaves_ends_it),
        cmocka_unit_test(a_late_one_is_pushed_when_it_goes_on),
        cmocka_unit_test(the_end_comes_first),
    };
    return cmocka_run_group_tests_name("mock hold", tests, setup, teardown);
}
