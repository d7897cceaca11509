/* SPDX-License-Identifier: MIT
 * Commands filled in by name (command, scripts): where each word goes, and what was forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/command.h"

static const char *const keys[QUEUE_KEYS_KNOWN] = {
    [QUEUE_KEY_READY] = "ready",     [QUEUE_KEY_INBOX] = "inbox",
    [QUEUE_KEY_DUE] = "due",         [QUEUE_KEY_BATCH] = "batch",
    [QUEUE_KEY_MEMBER] = "member",   [QUEUE_KEY_OVERSIZE] = "oversize",
    [QUEUE_KEY_COUNT] = "count",     [QUEUE_KEY_RUN] = "run",
    [QUEUE_KEY_CONFIG] = "config",   [QUEUE_KEY_WORKERS] = "workers",
    [QUEUE_KEY_STAT] = "stat",       [QUEUE_KEY_RESULTS] = "results",
    [QUEUE_KEY_DEAD] = "dead",       [QUEUE_KEY_APPS] = "apps",
    [QUEUE_KEY_VERSION] = "version", [QUEUE_KEY_CONTROL] = "control",
    [QUEUE_KEY_FLOW] = "flow"};

/* As it goes out, one word after another; a number is known by its place in lens. */
static void expect_words(const struct command *c, const char *expected)
{
    char text[1024];
    size_t len = 0;
    for (size_t i = 0; i < c->n; i++) {
        const char *word = c->v[i] ? c->v[i] : c->lens[i] ? c->numbers[c->lens[i] - 1] : "?";
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", word);
        assert_true(len < sizeof text);
    }
    assert_string_equal(text, expected);
}

static void a_plain_command_is_in_order(void **state)
{
    (void)state;
    struct command c;
    command_begin(&c);
    command_add(&c, "SET");
    command_add_bytes(&c, "key and more", 3);
    command_add_int(&c, INT64_MIN);
    assert_int_equal(c.lens[1], 3);
    assert_int_equal(c.nkeys, 0);
    assert_string_equal(c.numbers[0], "-9223372036854775808");
    command_free(&c);
}

/* The script's head says the order, whatever the order in which C fills in. */
static void names_find_their_places(void **state)
{
    (void)state;
    struct command c;
    command_script(&c, SCRIPT_EXTEND, keys);
    command_set(&c, EXTEND_ARGV_STAT, "{}");
    command_set_int(&c, EXTEND_ARGV_LEASE_MS, 9000);
    command_set(&c, EXTEND_ARGV_WORKER, "w1");
    for (int i = 0; i < 2; i++) {
        command_group(&c);
        command_set(&c, EXTEND_ARGV_FENCE, i ? "f1" : "f0");
        command_set(&c, EXTEND_ARGV_ID, i ? "b1" : "b0");
    }
    expect_words(&c, "due batch workers stat w1 9000 {} b0 f0 b1 f1");
    assert_int_equal(c.nkeys, 4);
    command_free(&c);
}

static void keys_of_a_call_stand_where_they_are_named(void **state)
{
    (void)state;
    struct command c;
    command_script(&c, SCRIPT_ADOPT, keys);
    command_key(&c, QUEUE_KEY_ORPHAN, "inbox of another");
    command_set(&c, ADOPT_ARGV_WORKER, "w2");
    command_set_int(&c, ADOPT_ARGV_FORGET_MS, 1);
    expect_words(&c, "ready workers inbox of another stat w2 1");
    command_free(&c);
    command_script(&c, SCRIPT_COUNT, keys);
    command_more_key(&c, "inbox1");
    command_more_key(&c, "parked1");
    command_set_int(&c, COUNT_ARGV_INBOXES, 1);
    assert_int_equal(c.nkeys, 9);
    expect_words(&c, "ready member count workers apps results dead inbox1 parked1 1 ? ?");
    command_free(&c);
    command_script(&c, SCRIPT_LENGTHS, keys); /* has no key of its own */
    command_more_key(&c, "inbox1");
    expect_words(&c, "inbox1");
    command_free(&c);
}

/* Items of the finish script have as many arguments as their kind. */
static void groups_of_several_lengths(void **state)
{
    (void)state;
    struct command c;
    command_script(&c, SCRIPT_FINISH, keys);
    command_set_int(&c, FINISH_ARGV_RESULTS_MAX, 5);
    command_group_of(&c, FINISH_ENDED_FIXED);
    command_set(&c, FINISH_ARGV_ITEM, "S0");
    command_set(&c, FINISH_ARGV_ITEM + FINISH_ENDED_OUTCOME, "sent");
    command_group_of(&c, FINISH_RETURN_FIXED);
    command_set(&c, FINISH_ARGV_ITEM, "B1");
    command_set(&c, FINISH_ARGV_ITEM + FINISH_RETURN_REF, "");
    command_set_bytes(&c, FINISH_ARGV_ITEM + FINISH_RETURN_BYTES, "raw", 3);
    expect_words(&c, "ready due batch member count results dead oversize apps 5 S0 sent B1 raw ");
    command_free(&c);
}

/* More numbers than there is room for at first stay what they are. */
static void many_numbers(void **state)
{
    (void)state;
    struct command c;
    command_script(&c, SCRIPT_SENT, keys);
    for (int i = 0; i < 200; i++) {
        command_group(&c);
        command_set(&c, SENT_ARGV_APP, "app");
        command_set_int(&c, SENT_ARGV_LAST, i);
    }
    assert_int_equal(c.n, 1 + 2 * 200);
    for (size_t i = 0; i < 200; i++) {
        char text[8];
        snprintf(text, sizeof text, "%zu", i);
        assert_string_equal(c.numbers[c.lens[2 + 2 * i] - 1], text);
    }
    command_free(&c);
}

static void forget_an_argument(void)
{
    struct command c;
    command_script(&c, SCRIPT_OPEN, keys);
    command_set(&c, OPEN_ARGV_WORKER, "w1");
    command_set_int(&c, OPEN_ARGV_LEASE_MS, 9000);
    command_send(&c, NULL, NULL, NULL);
}

static void forget_a_key(void)
{
    struct command c;
    command_script(&c, SCRIPT_ADOPT, keys);
    command_set(&c, ADOPT_ARGV_WORKER, "w2");
    command_set_int(&c, ADOPT_ARGV_FORGET_MS, 1);
    command_send(&c, NULL, NULL, NULL);
}

static void say_one_twice(void)
{
    struct command c;
    command_script(&c, SCRIPT_OPEN, keys);
    command_set(&c, OPEN_ARGV_WORKER, "w1");
    command_set(&c, OPEN_ARGV_WORKER, "w2");
}

static void take_one_of_another_script(void)
{
    struct command c;
    command_script(&c, SCRIPT_OPEN, keys);
    command_set_int(&c, CLAIM_ARGV_MOST, 1);
}

static void what_is_forgotten_is_found(void **state)
{
    (void)state;
    void (*const faults[])(void) = {forget_an_argument, forget_a_key, say_one_twice,
                                    take_one_of_another_script};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            setrlimit(RLIMIT_CORE, &(const struct rlimit){0});
            signal(SIGABRT, SIG_DFL);
            fclose(stderr);
            faults[i]();
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

static void every_script_has_a_name_and_a_shape(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SCRIPTS_N; i++) {
        const struct redis_script *s = script_get((enum script)i);
        const struct script_shape *shape = script_shape((enum script)i);
        assert_true(s->name[0] && strlen(s->sha) == 40);
        assert_true(shape->nkeys || shape->more_keys);
        assert_true(shape->nkeys <= SCRIPT_KEYS_MAX);
        assert_null(strstr(s->source, "KEYS.")); /* all names have become places */
        assert_null(strstr(s->source, "ARGV."));
        assert_null(strstr(s->source, "REPLY."));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_plain_command_is_in_order),
                                       cmocka_unit_test(names_find_their_places),
                                       cmocka_unit_test(keys_of_a_call_stand_where_they_are_named),
                                       cmocka_unit_test(groups_of_several_lengths),
                                       cmocka_unit_test(many_numbers),
                                       cmocka_unit_test(what_is_forgotten_is_found),
                                       cmocka_unit_test(every_script_has_a_name_and_a_shape)};
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
