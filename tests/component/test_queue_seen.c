// SPDX-License-Identifier: MIT
// Markers of ids: two queues that keep them in one place, and workers of the version before, which
// know only those of a queue itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"

enum { WINDOW_MS = 3600 * 1000 };

static char told[QUEUE_SEEN_MAX + 1]; /* a letter each */
static size_t places[QUEUE_SEEN_MAX], answered;

static void on_seen(void *arg, enum queue_seen_answer answer)
{
    told[(size_t *)arg - places] = "ndu"[answer]; /* new, duplicate, unanswered */
    answered++;
}

/* What each of the ids is told, asked for at once: "id=holder id=holder …". */
static const char *look(struct worker *w, const char *text)
{
    struct queue_seen ids[QUEUE_SEEN_MAX];
    char words[512], *rest = words, *word;
    size_t n = 0;
    snprintf(words, sizeof words, "%s", text);
    while ((word = strsep(&rest, " "))) {
        char *holder = strchr(word, '=');
        *holder++ = '\0';
        ids[n] =
            (struct queue_seen){.app = "default", .id = word, .holder = holder, .arg = &places[n]};
        n++;
    }
    memset(told, 0, sizeof told);
    answered = 0;
    queue_seen(w->q, ids, n, WINDOW_MS, on_seen);
    assert_int_equal(answered, 0); /* never before it returns */
    pump_until(base, answered == n);
    return told;
}

static struct worker *open_queue(const char *worker, const char *name, const char *ids)
{
    struct queue_opts opts = fixture_opts(worker);
    opts.name = name;
    opts.ids = ids;
    return worker_new(&opts);
}

static void two_queues_know_each_others(void **state)
{
    (void)state;
    struct worker *a = open_queue("w1", "jobs", "jobs"), *b = open_queue("w2", "other", "jobs");
    assert_string_equal(look(a, "x=1 y=2"), "nn");
    assert_string_equal(look(b, "x=3 y=4 z=5"), "ddn");
    assert_string_equal(look(a, "z=6 x=7"), "dd");
    assert_string_equal(look(a, "x=1 y=2 w=8"), "nnn"); /* the same jobs, come back */
    assert_string_equal(look(b, "z=5"), "n");
    assert_string_equal(look(b, "v=1 v=2"), "nd"); /* both in one look */
    worker_free(a);
    worker_free(b);
}

/* What is found held is not marked as the asker's, in neither place. */
static void a_duplicate_leaves_no_marker(void **state)
{
    (void)state;
    struct worker *a = open_queue("w1", "jobs", "jobs"), *b = open_queue("w2", "other", "jobs");
    assert_string_equal(look(a, "x=1"), "n");
    assert_int_equal(cli_int("EXISTS " KEY_SEEN("default", "x")), 1);
    assert_string_equal(look(b, "x=2"), "d");
    assert_int_equal(cli_int("EXISTS {other}:seen:default:x"), 0);
    freeReplyObject(cli("DEL " KEY_SEEN("default", "x"))); /* its time is up */
    assert_string_equal(look(b, "x=2"), "n");
    assert_int_equal(cli_int("EXISTS {other}:seen:default:x"), 1);
    assert_true(cli_int("PTTL " KEY_SEEN("default", "x")) > WINDOW_MS / 2);
    worker_free(a);
    worker_free(b);
}

/* Of one queue each version honours what the other has seen; between queues the old one knows
 * nothing, but the new one knows what the old one took from the first. */
static void the_version_before(void **state)
{
    (void)state;
    struct worker *old_a = open_queue("w1", "jobs", NULL), *old_b = open_queue("w2", "other", NULL);
    struct worker *a = open_queue("w3", "jobs", "jobs"), *b = open_queue("w4", "other", "jobs");
    assert_string_equal(look(old_b, "x=1 y=2"), "nn");
    assert_string_equal(look(b, "x=3 y=2"), "dn"); /* y: taken over from a killed one */
    assert_string_equal(look(a, "y=4"), "d");
    assert_string_equal(look(b, "z=5"), "n");
    assert_string_equal(look(old_b, "z=6"), "d");
    assert_string_equal(look(old_a, "v=7"), "n");
    assert_string_equal(look(b, "v=8"), "d");
    assert_string_equal(look(old_b, "v=9"), "n");
    worker_free(old_a);
    worker_free(old_b);
    worker_free(a);
    worker_free(b);
}

/* As many as fit, in both places. */
static void the_most_at_once(void **state)
{
    (void)state;
    struct worker *b = open_queue("w1", "other", "jobs");
    struct queue_seen ids[QUEUE_SEEN_MAX];
    char names[QUEUE_SEEN_MAX][129];
    for (size_t i = 0; i < QUEUE_SEEN_MAX; i++) {
        memset(names[i], 'i', 128);
        snprintf(names[i] + 120, 9, "%08zu", i);
        ids[i] = (struct queue_seen){
            .app = "0123456789012345678901234567890123456789012345678901234567890123",
            .id = names[i],
            .holder = "h",
            .arg = &places[i]};
    }
    answered = 0;
    queue_seen(b->q, ids, QUEUE_SEEN_MAX, WINDOW_MS, on_seen);
    pump_until(base, answered == QUEUE_SEEN_MAX);
    for (size_t i = 0; i < QUEUE_SEEN_MAX; i++)
        assert_int_equal(told[i], 'n');
    worker_free(b);
}

/* It is no marker: its id is new, once, and others are told what they would be without it. */
static void a_marker_of_a_wrong_type(void **state)
{
    (void)state;
    struct worker *a = open_queue("w1", "jobs", "jobs"), *b = open_queue("w2", "other", "jobs");
    freeReplyObject(cli("SADD " KEY_SEEN("default", "common") " x"));
    freeReplyObject(cli("SADD {other}:seen:default:own x"));
    assert_string_equal(look(b, "good=1 common=2 own=3 common=4 own=5"), "nnndd");
    assert_string_equal(look(a, "good=6 common=7 own=8"), "ddd");
    assert_string_equal(look(b, "common=2 own=3"), "nn");
    assert_true(cli_int("PTTL " KEY_SEEN("default", "common")) > WINDOW_MS / 2);
    assert_true(cli_int("PTTL {other}:seen:default:own") > WINDOW_MS / 2);
    worker_free(a);
    worker_free(b);
}

int main(void)
{
    log_threshold = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(two_queues_know_each_others, fixture_flush),
        cmocka_unit_test_setup(a_duplicate_leaves_no_marker, fixture_flush),
        cmocka_unit_test_setup(the_version_before, fixture_flush),
        cmocka_unit_test_setup(the_most_at_once, fixture_flush),
        cmocka_unit_test_setup(a_marker_of_a_wrong_type, fixture_flush),
    };
    return cmocka_run_group_tests_name("queue_seen", tests, fixture_start, fixture_stop);
}
