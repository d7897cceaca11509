/* SPDX-License-Identifier: MIT
 * The way to the master (locate, sentinel, ask), with scripted sentinels and cluster nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "redis/locate.h"
#include "support/pump.h"
#include "support/redis_server.h"

#include "support/fake_redis.h"

enum { FAKES = 3 };

static struct event_base *base;
static struct fake fakes[FAKES];
static struct node nodes[FAKES];
static int answered;
static struct node found;
static char why_not[512];

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    for (int i = 0; i < FAKES; i++) {
        fake_listen(&fakes[i], base, "");
        nodes[i] = (struct node){"127.0.0.1", fakes[i].port};
    }
    answered = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < FAKES; i++)
        fake_close(&fakes[i]);
    event_base_free(base);
    return 0;
}

static void on_where(void *arg, const struct node *where, const char *why)
{
    (void)arg;
    answered++;
    found = where ? *where : (struct node){.port = 0};
    snprintf(why_not, sizeof why_not, "%s", why);
}

static void ask(struct locate *l)
{
    int before = answered;
    locate_start(l, on_where, NULL);
    assert_int_equal(answered, before);
    pump_until(base, answered == before + 1);
}

static struct locate *sentinels(const char *user, const char *password)
{
    const struct locate_opts o = {.topology = TOPOLOGY_SENTINEL,
                                  .nodes = nodes,
                                  .n = FAKES,
                                  .master = "mymaster",
                                  .user = user,
                                  .password = password,
                                  .timeout_ms = 1000};
    return locate_new(base, NULL, &o);
}

#define MASTER "*2\r\n$5\r\nredis\r\n$4\r\n6380\r\n"

static void test_sentinels_in_turn(void **state)
{
    (void)state;
    struct locate *l = sentinels("", "");
    fake_close(&fakes[0]);
    fakes[1].answers = "*-1\r\n"; /* knows no such master */
    fakes[2].answers = MASTER;
    ask(l);
    assert_string_equal(found.host, "redis");
    assert_int_equal(found.port, 6380);
    assert_non_null(strstr(fakes[2].got, "get-master-addr-by-name\r\n$8\r\nmymaster"));
    assert_null(strstr(fakes[2].got, "AUTH"));
    ask(l); /* who answered is asked first */
    assert_int_equal(fakes[1].accepted, 1);
    assert_int_equal(fakes[2].accepted, 2);
    fakes[2].answers = "-ERR no\r\n";
    ask(l);
    assert_int_equal(found.port, 0);
    assert_non_null(strstr(why_not, "knows no master \"mymaster\"")); /* of the last one */
    locate_free(l);
}

static void test_sentinel_auth(void **state)
{
    (void)state;
    struct locate *l = sentinels("u", "pw");
    for (int i = 0; i < FAKES; i++)
        fakes[i].answers = "-WRONGPASS no\r\n" MASTER;
    ask(l);
    assert_non_null(strstr(why_not, "WRONGPASS"));
    for (int i = 0; i < FAKES; i++)
        assert_int_equal(fakes[i].accepted, 1);
    fakes[0].answers = "+OK\r\n" MASTER;
    ask(l);
    assert_int_equal(found.port, 6380);
    assert_non_null(strstr(fakes[0].got, "AUTH\r\n$1\r\nu\r\n$2\r\npw"));
    locate_free(l);
}

static void test_bad_answers(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "HTTP/1.1 400\r\n",
        "+OK\r\n",
        "*0\r\n",
        "*2\r\n:1\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\na\r\n$1\r\n0\r\n",
        ":1\r\n",
        "*2\r\n$0\r\n\r\n$1\r\n1\r\n",
        "*2\r\n$1\r\na\r\n$5\r\n65536\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct locate *l = sentinels("", "");
        for (int k = 0; k < FAKES; k++)
            fakes[k].answers = rows[i];
        ask(l);
        assert_int_equal(found.port, 0);
        assert_true(why_not[0] != '\0');
        locate_free(l);
    }
}

static void test_cancel(void **state)
{
    (void)state;
    struct locate *l = sentinels("", "");
    locate_start(l, on_where, NULL);
    locate_cancel(l);
    locate_start(l, on_where, NULL);
    pump_until(base, fakes[0].accepted == 1);
    locate_cancel(l);
    fakes[0].answers = MASTER;
    ask(l);
    assert_int_equal(answered, 1);
    locate_start(l, on_where, NULL);
    locate_free(l);
}

static struct locate *cluster(int slot)
{
    const struct locate_opts o = {.topology = TOPOLOGY_CLUSTER,
                                  .nodes = nodes,
                                  .n = 1,
                                  .slot = slot,
                                  .user = "",
                                  .password = "",
                                  .timeout_ms = 1000};
    return locate_new(base, NULL, &o);
}

static void test_cluster(void **state)
{
    (void)state;
    char slots[256];
    struct locate *l = cluster(7);
    snprintf(slots, sizeof slots,
             "*2\r\n*3\r\n:0\r\n:9\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n"
             "*3\r\n:10\r\n:99\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n",
             nodes[1].port, nodes[2].port);
    fakes[0].answers = slots;
    ask(l);
    assert_true(node_equal(&found, &nodes[1]));
    fake_close(&fakes[0]); /* the configured node is gone, but it named others */
    fakes[1].answers = "-LOADING\r\n";
    snprintf(slots, sizeof slots, "*1\r\n*3\r\n:0\r\n:9\r\n*2\r\n$-1\r\n:%d\r\n", nodes[2].port);
    fakes[2].answers = slots;
    ask(l);
    assert_true(node_equal(&found, &nodes[2]));
    locate_hint(l, &nodes[1]);
    ask(l);
    assert_true(node_equal(&found, &nodes[1]));
    ask(l); /* good for once */
    assert_true(node_equal(&found, &nodes[2]));
    locate_free(l);
    l = cluster(11);
    ask(l);
    assert_int_equal(found.port, 0);
    locate_free(l);
}

static void test_any_node(void **state)
{
    (void)state;
    const struct locate_opts o = {.topology = TOPOLOGY_CLUSTER,
                                  .nodes = nodes,
                                  .n = 2,
                                  .slot = SLOT_ANY,
                                  .user = "",
                                  .password = ""};
    struct locate *l = locate_new(base, NULL, &o);
    for (int i = 0; i < 4; i++) {
        ask(l);
        assert_true(node_equal(&found, &nodes[i % 2]));
    }
    assert_int_equal(fakes[0].accepted + fakes[1].accepted, 0);
    locate_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sentinels_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sentinel_auth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cluster, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_any_node, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
