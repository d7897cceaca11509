/* SPDX-License-Identifier: MIT
 * One attempt to connect: a name server that never answers, and what a socket is set to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "redis/dial.h"
#include "support/fake_names.h"
#include "support/pump.h"

enum { LOOKUP_MS = 800, TICK_MS = 5, COARSE_MS = 20 /* the loop's clock is cached */ };

static struct event_base *base;
static struct resolver *resolver;
static int ended;
static struct bufferevent *connection;
static char why_not[256];

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    resolver = resolver_new(base);
    asked_any = asked_v4 = 0;
    names_let(true, true);
    ended = 0;
    connection = NULL;
    why_not[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resolver_free(resolver);
    names_end(base);
    event_base_free(base);
    return 0;
}

static void on_end(void *arg, struct bufferevent *bev, const char *why)
{
    (void)arg;
    ended++;
    connection = bev;
    snprintf(why_not, sizeof why_not, "%s", why);
}

/* --- a name server that never answers -------------------------------------------------------- */

static const struct dial_opts by_name = {.unix_path = "",
                                         .host = "redis.example",
                                         .port = 6379,
                                         .timeout_ms = 60000,
                                         .lookup_ms = LOOKUP_MS};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    ++*(int *)arg;
}

/* The loop goes on meanwhile, and the bound is the lookup's own, not that of connecting. */
static void test_mute_name_server(void **state)
{
    (void)state;
    int ticks = 0;
    const struct timeval every = {.tv_usec = TICK_MS * 1000};
    struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, &ticks);
    event_add(tick, &every);
    names_let(false, false);
    int64_t began = clock_mono_ms();
    assert_non_null(dial_start(base, resolver, &by_name, on_end, NULL));
    pump_until(base, asked_any == 1);
    int before = ticks;
    pump_until(base, ended || ticks >= before + 5);
    assert_int_equal(ended, 0);
    pump_until(base, ended);
    int64_t took = clock_mono_ms() - began;
    assert_true(took >= LOOKUP_MS - COARSE_MS && took < PUMP_MAX_MS);
    assert_null(connection);
    assert_string_equal(why_not, "name lookup timed out");
    event_free(tick);
    assert_int_equal(ended, 1);
}

/* The answer comes when the dial is long gone. */
static void test_cancel_while_it_looks(void **state)
{
    (void)state;
    names_let(false, false);
    struct dial *d = dial_start(base, resolver, &by_name, on_end, NULL);
    pump_until(base, asked_any == 1);
    dial_cancel(d);
    names_let(true, true);
    pump_until(base, inside == 0);
    assert_int_equal(ended, 0);
}

/* --- a socket's options ---------------------------------------------------------------------- */

static int option(int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(bufferevent_getfd(connection), level, name, &value, &len), 0);
    return value;
}

static void test_keepalive(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE, 8, (struct sockaddr *)&at, (int)len);
    assert_non_null(listener);
    getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&at, &len);
    static const int idle_s[] = {15, 0};
    for (int i = 0; i < 2; i++) {
        const struct dial_opts opts = {.unix_path = "",
                                       .host = "127.0.0.1",
                                       .port = ntohs(at.sin_port),
                                       .timeout_ms = 5000,
                                       .keepalive_s = idle_s[i]};
        dial_start(base, NULL, &opts, on_end, NULL);
        pump_until(base, ended == i + 1);
        assert_non_null(connection);
        assert_true(option(IPPROTO_TCP, TCP_NODELAY) != 0);
        assert_int_equal(option(SOL_SOCKET, SO_KEEPALIVE), idle_s[i] != 0);
        if (idle_s[i]) {
            assert_int_equal(option(IPPROTO_TCP, TCP_KEEPIDLE), idle_s[i]);
            assert_int_equal(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
            assert_int_equal(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
        }
        bufferevent_free(connection);
    }
    evconnlistener_free(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_mute_name_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_while_it_looks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keepalive, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("dial", tests, NULL, NULL);
}
