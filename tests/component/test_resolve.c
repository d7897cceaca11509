/* SPDX-License-Identifier: MIT
 * Lookups in threads, over a C library of the test's own: what is slow, what fails, who shares an
 * answer, who is gone when it comes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "host/resolve.h"
#include "support/fake_names.h"
#include "support/pump.h"

/* --- who asks -------------------------------------------------------------------------------- */

static struct event_base *base;
static struct resolver *resolver;

struct asker {
    int answers;
    size_t n;
    char first[INET_ADDRSTRLEN], why[64];
    const char *then; /* is asked for from within the callback */
};

static void on_answer(void *arg, const struct resolve_answer *answer)
{
    struct asker *a = arg;
    a->answers++;
    a->n = answer->n;
    snprintf(a->why, sizeof a->why, "%s", answer->why);
    if (answer->n)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&answer->v[0])->sin_addr, a->first,
                  sizeof a->first);
    const char *then = a->then;
    a->then = NULL;
    if (then)
        resolve_start(resolver, then, on_answer, a);
}

static int set_up(void **state)
{
    (void)state;
    names_let(true, true);
    asked_any = asked_v4 = asked_none_v4 = 0;
    base = event_base_new();
    resolver = resolver_new(base);
    return resolver ? 0 : -1;
}

/* Threads of one test must not answer in the next. */
static int tear_down(void **state)
{
    (void)state;
    resolver_free(resolver);
    names_end(base);
    event_base_free(base);
    return 0;
}

static void test_addresses(void **state)
{
    (void)state;
    struct asker a = {0};
    resolve_start(resolver, "redis.example", on_answer, &a);
    assert_int_equal(a.answers, 0); /* never before it returned */
    pump_until(base, a.answers);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.first, "127.0.0.1");
    assert_string_equal(a.why, "");
}

static void test_more_addresses_than_are_kept(void **state)
{
    (void)state;
    struct asker a = {0};
    resolve_start(resolver, "many.example", on_answer, &a);
    pump_until(base, a.answers);
    assert_int_equal(a.n, RESOLVE_ADDRESSES_MAX);
}

static void test_no_such_name(void **state)
{
    (void)state;
    struct asker a = {0};
    resolve_start(resolver, "none.example", on_answer, &a);
    pump_until(base, a.answers);
    assert_int_equal(a.n, 0);
    assert_string_equal(a.why, gai_strerror(EAI_NONAME));
}

/* A server that drops questions for IPv6 addresses: IPv4 ones come without waiting for it, also for
 * who asks later. */
static void test_ipv4_does_not_wait(void **state)
{
    (void)state;
    struct asker a = {0}, b = {0};
    names_let(false, true);
    resolve_start(resolver, "redis.example", on_answer, &a);
    pump_until(base, a.answers);
    assert_int_equal(a.n, 2);
    assert_int_equal(asked_any, 1);
    assert_int_equal(asked_v4, 1);
    resolve_start(resolver, "redis.example", on_answer, &b);
    pump_until(base, b.answers);
    assert_int_equal(b.n, 2);
    assert_int_equal(asked_any, 1); /* it still waits */
    assert_int_equal(asked_v4, 2);
    assert_int_equal(a.answers, 1);
}

/* On a host without IPv4 its addresses must not win. */
static void test_ipv4_without_a_route(void **state)
{
    (void)state;
    struct asker a = {0}, later = {0};
    names_let(false, true);
    resolve_start(resolver, "far.example", on_answer, &a);
    pump_until(base, asked_v4 == 1);
    resolve_start(resolver, "none.example", on_answer, &later);
    pump_until(base, asked_none_v4 == 1);
    assert_int_equal(a.answers, 0);
    names_let(true, true);
    pump_until(base, a.answers && later.answers);
    assert_int_equal(a.n, 1);
    assert_int_equal(later.n, 0);
    assert_int_equal(asked_v4, 2); /* neither was asked for again and again meanwhile */
}

static void test_one_question_for_all(void **state)
{
    (void)state;
    struct asker v[50] = {{0}};
    names_let(false, false);
    for (int i = 0; i < 50; i++)
        resolve_start(resolver, "redis.example", on_answer, &v[i]);
    pump_until(base, asked_any == 1);
    names_let(true, true);
    for (int i = 0; i < 50; i++)
        pump_until(base, v[i].answers == 1);
    assert_int_equal(asked_any, 1);
}

static void test_who_asks_again_gets_another_answer(void **state)
{
    (void)state;
    struct asker a = {.then = "redis.example"}, b = {.then = "none.example"};
    resolve_start(resolver, "redis.example", on_answer, &a);
    resolve_start(resolver, "redis.example", on_answer, &b);
    pump_until(base, a.answers == 2 && b.answers == 2);
    assert_int_equal(a.n, 2);
    assert_int_equal(b.n, 0);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct asker a = {0}, b = {0};
    names_let(false, false);
    struct lookup *l = resolve_start(resolver, "redis.example", on_answer, &a);
    pump_until(base, asked_any == 1);
    resolve_cancel(l);
    resolve_start(resolver, "redis.example", on_answer, &b); /* joins the thread that asks */
    names_let(true, true);
    pump_until(base, b.answers);
    assert_int_equal(a.answers, 0);
    assert_int_equal(b.answers, 1);
}

/* More names than threads: all are answered, never more threads than allowed. */
static void test_threads_are_bounded(void **state)
{
    (void)state;
    enum { NAMES = 3 * RESOLVE_THREADS_MAX };
    struct asker v[NAMES] = {{0}};
    names_let(false, false);
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        snprintf(name, sizeof name, "n%d.example", i);
        resolve_start(resolver, name, on_answer, &v[i]);
    }
    pump_until(base, inside == RESOLVE_THREADS_MAX);
    assert_int_equal(asked_any + asked_v4, RESOLVE_THREADS_MAX);
    names_let(true, true);
    for (int i = 0; i < NAMES; i++)
        pump_until(base, v[i].answers == 1);
}

static void on_answer_free_all(void *arg, const struct resolve_answer *answer)
{
    on_answer(arg, answer);
    resolver_free(resolver);
    resolver = NULL;
}

/* The second that waits hears nothing any more. */
static void test_resolver_freed_by_who_is_answered(void **state)
{
    (void)state;
    struct asker a = {0}, b = {0}, c = {0};
    resolve_start(resolver, "redis.example", on_answer_free_all, &a);
    resolve_start(resolver, "redis.example", on_answer, &b);
    resolve_start(resolver, "none.example", on_answer, &c);
    pump_until(base, inside == 0);
    pump_until(base, !resolver);
    assert_int_equal(a.answers, 1);
    assert_int_equal(b.answers, 0);
}

/* The answer comes when nobody is there any more. */
static void test_resolver_goes_first(void **state)
{
    (void)state;
    struct asker a = {0};
    names_let(false, false);
    struct resolver *gone = resolver_new(base);
    resolve_start(gone, "redis.example", on_answer, &a);
    pump_until(base, asked_any == 1);
    resolver_free(gone);
    names_let(true, true);
    pump_until(base, inside == 0);
    assert_int_equal(a.answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_more_addresses_than_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_such_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ipv4_does_not_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ipv4_without_a_route, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_question_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_asks_again_gets_another_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resolver_freed_by_who_is_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resolver_goes_first, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
