/* SPDX-License-Identifier: MIT
 * What one reply of Redis may make us hold: values, lines and whole replies beyond their bounds,
 * cut anywhere by the network. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "redis/redis_reader.h"

enum { VALUE_MAX = 10, REPLY_MAX = 4096, CHUNK = 64 * 1024 };

/* In two pieces; the reply, NULL: refused or not whole. */
static redisReply *read_cut(struct redis_reader *r, const char *text, size_t cut)
{
    redisReply *reply = NULL;
    assert_true(redis_reader_feed(r, text, cut));
    assert_true(redis_reader_next(r, &reply));
    if (!reply) {
        assert_true(redis_reader_feed(r, text + cut, strlen(text) - cut));
        assert_true(redis_reader_next(r, &reply));
    }
    return reply;
}

static void test_values_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] = "*7\r\n$10\r\n0123456789\r\n$11\r\n0123\n\r56789\r\n:5\r\n$-1\r\n"
                               "*1\r\n$20\r\n$5\r\n012345678901$3\r\n\r\n+OK\r\n$0\r\n\r\n";
    for (size_t cut = 0; cut < sizeof text; cut++) {
        struct redis_reader *r = redis_reader_new(VALUE_MAX, REPLY_MAX);
        redisReply *reply = read_cut(r, text, cut);
        assert_non_null(reply);
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        assert_int_equal(reply->elements, 7);
        assert_string_equal(reply->element[0]->str, "0123456789");
        assert_true(redis_reply_is_large(reply->element[1]));
        assert_string_equal(reply->element[1]->str, "LARGE a value of 11 bytes was not read");
        assert_int_equal(reply->element[2]->integer, 5);
        assert_int_equal(reply->element[3]->type, REDIS_REPLY_NIL);
        assert_true(redis_reply_is_large(reply->element[4]->element[0]));
        assert_string_equal(reply->element[5]->str, "OK");
        assert_int_equal(reply->element[6]->len, 0);
        freeReplyObject(reply);
        redis_reader_free(r);
    }
}

static void test_replies_behind_each_other(void **state)
{
    (void)state;
    struct redis_reader *r = redis_reader_new(VALUE_MAX, REPLY_MAX);
    static const char text[] = "+OK\r\n$11\r\n01234567890\r\n-ERR no\r\n$2\r\nhi\r\n";
    redisReply *reply;
    assert_true(redis_reader_feed(r, text, sizeof text - 1));
    for (int i = 0; i < 4; i++) {
        assert_true(redis_reader_next(r, &reply));
        assert_non_null(reply);
        assert_int_equal(redis_reply_is_large(reply), i == 1);
        freeReplyObject(reply);
    }
    assert_true(redis_reader_next(r, &reply));
    assert_null(reply);
    redis_reader_free(r);
}

/* What does not fit into the rest of a reply's room is dropped too; the reply stays whole. */
static void test_room_of_a_reply(void **state)
{
    (void)state;
    struct redis_reader *r = redis_reader_new(REPLY_MAX, REPLY_MAX);
    char value[1600], text[8192];
    redisReply *reply = NULL;
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int round = 0; round < 3; round++) {
        int n =
            snprintf(text, sizeof text, "*4\r\n$1599\r\n%s\r\n$1599\r\n%s\r\n$1599\r\n%s\r\n:1\r\n",
                     value, value, value);
        assert_true(redis_reader_feed(r, text, (size_t)n));
        assert_true(redis_reader_next(r, &reply));
        assert_non_null(reply);
        assert_string_equal(reply->element[1]->str, value);
        assert_true(redis_reply_is_large(reply->element[2]));
        assert_int_equal(reply->element[3]->integer, 1);
        freeReplyObject(reply);
    }
    redis_reader_free(r);
}

static void refuse(const char *text, const char *why)
{
    size_t len = strlen(text);
    for (size_t cut = 0; cut <= len; cut++) {
        struct redis_reader *r = redis_reader_new(VALUE_MAX, REPLY_MAX);
        redisReply *reply = NULL;
        bool ok = redis_reader_feed(r, text, cut) && redis_reader_feed(r, text + cut, len - cut);
        assert_false(ok && redis_reader_next(r, &reply));
        assert_null(reply);
        assert_string_equal(redis_reader_why(r), why);
        redis_reader_free(r);
    }
}

static void test_not_the_protocol(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "HTTP/1.1 200 OK\r\n",
        "=5\r\ntxt:1\r\n",
        "%1\r\n",
        "\r\n",
        "$\r\n",
        "$5\n01234\r\n",
        "$-2\r\n",
        "$ 5\r\n",
        "$5x\r\n",
        "$99999999999999999999\r\n",
        "$9223372036854775806\r\n",
        "*x\r\n",
        ":x\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuse(texts[i], "not the Redis protocol");
}

static void test_too_large(void **state)
{
    (void)state;
    char many[4 + 8 * 60 + 1] = "";
    strcpy(many, "*99\r\n");
    for (int i = 0; i < 60; i++)
        strcat(many, ":1\r\n");
    refuse("*1000000000\r\n:1\r\n", "a reply too large");
    refuse("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "a reply too large");
    refuse(many, "a reply too large"); /* each element costs more than its text */
}

static void test_endless_line(void **state)
{
    (void)state;
    struct redis_reader *r = redis_reader_new(VALUE_MAX, REDIS_REPLY_BYTES);
    char piece[4096];
    memset(piece, 'x', sizeof piece);
    assert_true(redis_reader_feed(r, "+", 1));
    size_t fed = 1;
    while (redis_reader_feed(r, piece, sizeof piece))
        assert_true((fed += sizeof piece) <= REDIS_LINE_BYTES);
    assert_string_equal(redis_reader_why(r), "a reply too large");
    redis_reader_free(r);
}

static size_t held(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

/* Nothing of a value that is dropped is held, however long it is. */
static void test_dropped_is_not_held(void **state)
{
    (void)state;
    static char chunk[CHUNK];
    struct redis_reader *r = redis_reader_new(VALUE_MAX, REPLY_MAX);
    redisReply *reply = NULL;
    memset(chunk, 'x', sizeof chunk);
    assert_true(redis_reader_feed(r, "$1073741824\r\n", 13));
    size_t before = held();
    for (size_t left = (size_t)1 << 30; left; left -= CHUNK) {
        assert_true(redis_reader_feed(r, chunk, CHUNK));
        assert_true(redis_reader_next(r, &reply));
        assert_null(reply);
        assert_true(held() < before + CHUNK);
    }
    assert_true(redis_reader_feed(r, "\r\n+OK\r\n", 7));
    assert_true(redis_reader_next(r, &reply));
    assert_string_equal(reply->str, "LARGE a value of 1073741824 bytes was not read");
    freeReplyObject(reply);
    assert_true(redis_reader_next(r, &reply));
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    redis_reader_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_cut_anywhere),
        cmocka_unit_test(test_replies_behind_each_other),
        cmocka_unit_test(test_room_of_a_reply),
        cmocka_unit_test(test_not_the_protocol),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_dropped_is_not_held),
    };
    return cmocka_run_group_tests_name("redis_reader", tests, NULL, NULL);
}
