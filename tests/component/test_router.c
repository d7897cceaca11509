/* SPDX-License-Identifier: MIT
 * Single commands (router, redis_redirect) on their way through a scripted cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "redis/router.h"
#include "support/pump.h"
#include "support/redis_server.h"

#include "support/fake_redis.h"

static struct event_base *base;
static struct fake first, owner;
static struct router *router;
static int oks, errors, nulls;
static char moved[64];

static int set_up(void **state)
{
    (void)state;
    struct redis_opts o;
    base = event_base_new();
    fake_listen(&first, base, FAKE_HELLO);
    fake_listen(&owner, base, FAKE_HELLO);
    snprintf(moved, sizeof moved, "-MOVED 5061 127.0.0.1:%d\r\n", owner.port);
    redis_opts_default(&o);
    o.backoff_cap_ms = 50;
    o.topology = TOPOLOGY_CLUSTER;
    o.nnodes = 1;
    o.nodes[0] = (struct node){"127.0.0.1", first.port};
    router = router_new(base, NULL, &o, NULL);
    oks = errors = nulls = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    router_free(router);
    fake_close(&first);
    fake_close(&owner);
    event_base_free(base);
    return 0;
}

static void on_reply(void *arg, redisReply *reply)
{
    (void)arg;
    if (!reply)
        nulls++;
    else if (reply->type == REDIS_REPLY_ERROR)
        errors++;
    else
        oks++;
}

static void push(const char *key)
{
    router_command(router, 3, (const char *[]){"RPUSH", key, "x"}, NULL, on_reply, NULL);
}

/* first answers this to every command. */
static void first_says(const char *answers)
{
    first.then = answers;
    pump_until(base, strstr(first.got, "RPUSH"));
}

static void test_learns_the_way(void **state)
{
    (void)state;
    owner.then = ":1\r\n";
    push("bar"); /* waits until there is a connection */
    first_says(moved);
    pump_until(base, oks == 1);
    assert_int_equal(owner.accepted, 1);
    first.got[0] = '\0';
    push("{bar}2"); /* the same slot: straight to its owner */
    pump_until(base, oks == 2);
    assert_string_equal(first.got, "");
    first.then = ":1\r\n";
    push("foo");
    pump_until(base, oks == 3);
    assert_non_null(strstr(first.got, "foo"));
}

static void test_owner_is_lost(void **state)
{
    (void)state;
    owner.then = ":1\r\n";
    push("bar");
    first_says(moved);
    pump_until(base, oks == 1);
    fake_close(&owner);
    pump_until(base, (push("bar"), nulls > 0)); /* on its way as the connection broke */
    first.then = ":1\r\n";                      /* it has the slot now */
    int before = oks;
    pump_until(base, (push("bar"), oks > before));
}

static void test_ping_pong_ends(void **state)
{
    (void)state;
    char back[64];
    snprintf(back, sizeof back, "-MOVED 5061 127.0.0.1:%d\r\n", first.port);
    owner.then = back;
    push("bar");
    first_says(moved);
    pump_until(base, errors == 1);
    assert_int_equal(first.accepted, 2);
}

static void test_bound_and_free(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        push("bar");
    assert_true(nulls > 0 && nulls < 1000);
    router_free(router);
    router = NULL;
    assert_int_equal(nulls, 1000);
}

int main(void)
{
    log_threshold = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_learns_the_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_owner_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ping_pong_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bound_and_free, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
