/* SPDX-License-Identifier: MIT
 * Slots, redirections and CLUSTER SLOTS, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "redis/cluster.h"

static const struct node asked = {"10.0.0.9", 7009};

/* Values of CLUSTER KEYSLOT. */
static void test_slot(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int slot;
    } rows[] = {
        {"", 0},
        {"123456789", 12739}, /* CRC16 0x31C3 */
        {"foo", 12182},
        {"push:jobs", 12815},
        {"{push:jobs}:due", 12815},
        {"{user1000}.following", 3443},
        {"{user1000}.followers", 3443},
        {"foo{}{bar}", 8363},
        {"foo{{bar}}zap", 4015},
        {"foo{bar}{zap}", 5061},
        {"bar", 5061},
        {"{bar", 4015},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (cluster_slot(rows[i].key, strlen(rows[i].key)) != rows[i].slot)
            fail_msg("%s: %d instead of %d", rows[i].key,
                     cluster_slot(rows[i].key, strlen(rows[i].key)), rows[i].slot);
}

static void test_redirect(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        enum cluster_redirection kind;
        int slot;
        struct node to;
    } rows[] = {
        {"MOVED 3999 127.0.0.1:6381", true, CLUSTER_MOVED, 3999, {"127.0.0.1", 6381}},
        {"ASK 0 redis-2.example:7000", true, CLUSTER_ASK, 0, {"redis-2.example", 7000}},
        {"MOVED 16383 ::1:6381", true, CLUSTER_MOVED, 16383, {"::1", 6381}},
        {"MOVED 1 :6381", true, CLUSTER_MOVED, 1, {"10.0.0.9", 6381}},
        {"MOVED 1 ?:6381", true, CLUSTER_MOVED, 1, {"10.0.0.9", 6381}},
        {"MOVED 16384 a:1", false, 0, 0, {"", 0}},
        {"MOVED -1 a:1", false, 0, 0, {"", 0}},
        {"MOVED 1 a", false, 0, 0, {"", 0}},
        {"MOVED 1 a:0", false, 0, 0, {"", 0}},
        {"MOVED 1 a:65536", false, 0, 0, {"", 0}},
        {"MOVED 1", false, 0, 0, {"", 0}},
        {"MOVED ", false, 0, 0, {"", 0}},
        {"ASKING", false, 0, 0, {"", 0}},
        {"ERR no", false, 0, 0, {"", 0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum cluster_redirection kind;
        int slot;
        struct node to;
        if (cluster_redirect(rows[i].text, &asked, &kind, &slot, &to) != rows[i].ok)
            fail_msg("%s", rows[i].text);
        if (!rows[i].ok)
            continue;
        assert_int_equal(kind, rows[i].kind);
        assert_int_equal(slot, rows[i].slot);
        if (!node_equal(&to, &rows[i].to))
            fail_msg("%s: %s:%d", rows[i].text, to.host, to.port);
    }
}

static redisReply *parse(const char *text)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

#define NODE(host, port) "*3\r\n" host ":" port "\r\n$2\r\nid\r\n"
#define HOST_A "$1\r\na\r\n"

static void test_slots(void **state)
{
    (void)state;
    redisReply *r = parse("*3\r\n"
                          "*4\r\n:0\r\n:99\r\n" NODE(HOST_A, "1")
                              NODE("$1\r\nb\r\n", "2") "*3\r\n:100\r\n:100\r\n" NODE(
                                  "$-1\r\n", "3") "*3\r\n:101\r\n:16000\r\n" NODE(HOST_A, "1"));
    struct node out, all[8];
    assert_true(cluster_owner(r, 0, &asked, &out));
    assert_string_equal(out.host, "a");
    assert_true(cluster_owner(r, 99, &asked, &out));
    assert_int_equal(out.port, 1);
    assert_true(cluster_owner(r, 100, &asked, &out));
    assert_string_equal(out.host, asked.host);
    assert_int_equal(out.port, 3);
    assert_false(cluster_owner(r, 16001, &asked, &out));
    assert_int_equal(cluster_nodes(r, &asked, all, 8), 3);
    assert_string_equal(all[1].host, "b");
    assert_int_equal(cluster_nodes(r, &asked, all, 2), 2);
    freeReplyObject(r);
}

static void test_slots_hostile(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "*0\r\n",
        ":1\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n:1\r\n:1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
        "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        redisReply *r = parse(rows[i]);
        struct node out, all[4];
        assert_false(cluster_owner(r, 0, &asked, &out));
        assert_int_equal(cluster_nodes(r, &asked, all, 4), 0);
        freeReplyObject(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_slots_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
