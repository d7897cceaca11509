/* SPDX-License-Identifier: MIT
 * Calls to a name: who waits for its addresses, who goes on with those that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <netdb.h>

#include "base/clock.h"
#include "http/addresses.h"
#include "http/http.h"
#include "support/fake_names.h"
#include "support/mono_shift.h"
#include "support/pump.h"

enum { LIMIT_MS = 300 };

struct fixture {
    struct event_base *base;
    struct evhttp *server;
    int port, requests, done;
    char url[64];
    struct http *http;
    enum http_state state;
    char error[128];
    bool frees; /* the callback frees all */
};

static void on_request(struct evhttp_request *r, void *arg)
{
    ++((struct fixture *)arg)->requests;
    evhttp_send_reply(r, 200, "OK", NULL);
}

static void on_done(void *arg, const struct http_result *r)
{
    struct fixture *f = arg;
    f->done++;
    f->state = r->state;
    snprintf(f->error, sizeof f->error, "%s", r->error);
    if (!f->frees)
        return;
    f->frees = false;
    http_free(f->http);
    f->http = NULL;
}

/* Without libevent's help, which would ask for the address' name. */
static int listen_at(const char *address, int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    inet_pton(AF_INET, address, &at.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void begin(struct fixture *f, const char *name, const char *server)
{
    *f = (struct fixture){.base = event_base_new()};
    f->server = evhttp_new(f->base);
    assert_int_equal(evhttp_accept_socket(f->server, listen_at(server, &f->port)), 0);
    evhttp_set_gencb(f->server, on_request, f);
    snprintf(f->url, sizeof f->url, "http://%s:%d", name, f->port);
    const struct http_opts opts = {.base_url = f->url,
                                   .version = HTTP_1_1,
                                   .max_connections = 4,
                                   .timeout_ms = 60000,
                                   .connect_timeout_ms = LIMIT_MS,
                                   .body_max = 1024};
    struct err e;
    f->http = http_new(f->base, &opts, &e);
    assert_non_null(f->http);
    names_first = "127.0.0.1";
    names_let(true, true);
    asked_any = asked_v4 = asked_by_others = 0;
}

static void end(struct fixture *f)
{
    http_free(f->http);
    names_end(f->base);
    evhttp_free(f->server);
    event_base_free(f->base);
}

static void post(struct fixture *f)
{
    const struct http_request req = {.target = "/", .body = "", .len = 0};
    http_post(f->http, &req, on_done, f);
}

static void post_and_wait(struct fixture *f)
{
    int before = f->done;
    post(f);
    assert_int_equal(f->done, before);
    pump_until(f->base, f->done > before);
}

/* One lookup for many calls, and none by libcurl. */
static void test_calls_share_a_lookup(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.1");
    for (int i = 0; i < 20; i++)
        post(&f);
    pump_until(f.base, f.done == 20);
    post_and_wait(&f);
    assert_int_equal(f.requests, 21);
    assert_int_equal(f.state, HTTP_ANSWERED);
    assert_int_equal(asked_any, 1);
    assert_int_equal(asked_by_others, 0);
    end(&f);
}

static void test_no_such_name(void **state)
{
    (void)state;
    struct fixture f;
    char text[128];
    begin(&f, "none.example", "127.0.0.1");
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    snprintf(text, sizeof text, "name lookup: %s", gai_strerror(EAI_NONAME));
    assert_string_equal(f.error, text);
    end(&f);
}

/* Questions for IPv6 addresses are dropped: calls go out all the same, in less than connecting may
 * take. */
static void test_name_server_that_drops_aaaa(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.1");
    names_let(false, true);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    end(&f);
}

static void test_mute_name_server_and_back(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.1");
    names_let(false, false);
    post(&f);
    post(&f);
    pump_until(f.base, f.done == 2);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    assert_string_equal(f.error, "name lookup: timed out");
    names_let(true, true);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    assert_int_equal(asked_any, 1); /* the question of then, which was still open */
    end(&f);
}

/* A server moves: what fails has the name looked up again, beside the calls. */
static void test_moved(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.9");
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    assert_int_equal(asked_any, 1);
    names_first = "127.0.0.9";
    mono_shift_ms += ADDRESSES_AGAIN_MS;
    post_and_wait(&f);
    pump_until(f.base, asked_any == 2 && inside == 0);
    pump_until(f.base, (post_and_wait(&f), f.state == HTTP_ANSWERED));
    assert_int_equal(asked_by_others, 0);
    end(&f);
}

/* Nobody waits for a renewal, and one that fails takes nothing away. */
static void test_renewal(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.1");
    post_and_wait(&f);
    names_let(false, false);
    mono_shift_ms += ADDRESSES_FRESH_MS;
    post_and_wait(&f);
    pump_until(f.base, asked_any == 2);
    post_and_wait(&f);
    assert_int_equal(f.requests, 3);
    assert_int_equal(f.state, HTTP_ANSWERED);
    end(&f);
}

static void test_freed_while_calls_wait(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "push.example", "127.0.0.1");
    names_let(false, false);
    post(&f);
    post(&f);
    http_free(f.http);
    f.http = NULL;
    assert_int_equal(f.done, 2);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    end(&f);
}

static void test_freed_by_the_first_that_is_told(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, "none.example", "127.0.0.1");
    f.frees = true;
    for (int i = 0; i < 3; i++)
        post(&f);
    pump_until(f.base, f.done == 3);
    assert_null(f.http);
    end(&f);
}

/* These are libcurl's own business. */
static void test_nothing_to_look_up(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:1", "http://[::1]:1", "http://localhost",
                                       "http://LOCALHOST:1", "http://b\xc3\xbc\x63her.example"};
    struct event_base *base = event_base_new();
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_null(addresses_new(base, urls[i], 1, NULL, NULL));
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_share_a_lookup),
        cmocka_unit_test(test_no_such_name),
        cmocka_unit_test(test_name_server_that_drops_aaaa),
        cmocka_unit_test(test_mute_name_server_and_back),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_freed_while_calls_wait),
        cmocka_unit_test(test_freed_by_the_first_that_is_told),
        cmocka_unit_test(test_nothing_to_look_up),
    };
    return cmocka_run_group_tests_name("addresses", tests, NULL, NULL);
}
