/* SPDX-License-Identifier: MIT
 * Parked jobs of apps that nobody has (leftovers, leftover_look), apps
 * that only others have (others): who has them, how long they wait; groups that are another's
 * otherwise (groups_apart).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fleet/others.h"
#include "worker/groups_apart.h"
#include "worker/leftovers.h"

static struct config_app own = {.app = {.name = "default"}};
static const struct config config = {.apps = &own, .napps = 1, .unserved_ms = 1000};

#define HAS "{\"sent\":1,\"apps\":[\"default\",\"shop\"]}"
#define HAS_NOT "{\"sent\":1,\"apps\":[\"default\"]}"
#define OLDER "{\"sent\":1}"

static void see_lengths(struct leftovers *l, const char *const *apps, size_t napps,
                        const char *word, const char *other, int64_t jobs, int64_t now_ms)
{
    const char *const words[] = {word, other};
    struct queue_leftovers found = {
        .apps = apps, .napps = napps, .words = words, .nwords = other ? 2 : 1, .nlengths = l->n};
    for (size_t i = 0; i < l->n; i++)
        found.lengths[i] = jobs;
    leftovers_see(l, &config, &found, now_ms);
}

static void see(struct leftovers *l, const char *word, const char *other, int64_t jobs,
                int64_t now_ms)
{
    static const char *const apps[] = {"default", "shop"};
    see_lengths(l, apps, 2, word, other, jobs, now_ms);
}

static size_t due(const struct leftovers *l, int64_t now_ms)
{
    struct queue_unpark out[QUEUE_LEFTOVERS_MAX];
    size_t n = leftovers_due(l, &config, now_ms, out);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(out[i].app, l->v[i].app);
    return n;
}

/* While a live worker has it they are that worker's; then the wait begins. */
static void test_they_wait_for_another_worker(void **state)
{
    (void)state;
    struct leftovers l = {0};
    see(&l, HAS_NOT, HAS, 5, 0);
    see(&l, HAS_NOT, HAS, 5, 50000);
    assert_int_equal(l.n, 0);
    assert_int_equal(due(&l, 100000), 0);
    see(&l, HAS_NOT, NULL, 5, 60000);
    assert_string_equal(l.v[0].app, "shop");
    assert_int_equal(due(&l, 70000), 0); /* not counted yet */
    see(&l, HAS_NOT, NULL, 5, 60500);
    assert_int_equal(leftovers_jobs(&l), 5);
    assert_int_equal(due(&l, 60999), 0);
    assert_int_equal(due(&l, 61000), 1);
    see(&l, HAS_NOT, HAS, 5, 61000); /* it came back */
    assert_int_equal(due(&l, 70000), 0);
    see(&l, HAS_NOT, HAS_NOT, 5, 62000);
    see(&l, HAS_NOT, HAS_NOT, 5, 62500);
    assert_int_equal(due(&l, 62999), 0);
    assert_int_equal(due(&l, 63000), 1);
}

/* One of an earlier version does not say what it has; nor does one that has just begun. */
static void test_silent_workers_may_have_it(void **state)
{
    (void)state;
    static const char *const silent[] = {OLDER, "", "[", "{\"apps\":7}"};
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        struct leftovers l = {0};
        see(&l, HAS_NOT, silent[i], 5, 0);
        see(&l, HAS_NOT, silent[i], 5, 500);
        assert_int_equal(due(&l, LEFTOVERS_SILENT_MS - 1), 0);
        assert_int_equal(due(&l, LEFTOVERS_SILENT_MS), 1);
        see(&l, HAS_NOT, NULL, 5, 2000); /* it is gone */
        assert_int_equal(due(&l, 2000), 1);
    }
}

/* The wait is that of jobs, not of an empty list's name. */
static void test_an_empty_list_waits_for_nothing(void **state)
{
    (void)state;
    struct leftovers l = {0};
    for (int64_t now = 0; now <= 10000; now += 5000)
        see(&l, HAS_NOT, NULL, 0, now);
    assert_int_equal(due(&l, 10000), 0);
    see(&l, HAS_NOT, NULL, 3, 10500);
    assert_int_equal(due(&l, 10900), 0);
    assert_int_equal(due(&l, 11000), 1);
}

/* More names than are watched at a time: each has its turn. */
static void test_each_name_has_its_turn(void **state)
{
    (void)state;
    enum { NAMES = 3 * QUEUE_LEFTOVERS_MAX };
    static char names[NAMES][16];
    static const char *apps[NAMES];
    bool seen[NAMES] = {0};
    size_t missing = NAMES;
    struct leftovers l = {0};
    for (int i = 0; i < NAMES; i++) {
        snprintf(names[i], sizeof names[i], "a%d", i);
        apps[i] = names[i];
    }
    for (int look = 0; look < 3 * NAMES && missing; look++) {
        see_lengths(&l, apps, NAMES, HAS_NOT, NULL, 0, look);
        assert_true(l.n <= QUEUE_LEFTOVERS_MAX);
        for (size_t i = 0; i < l.n; i++) {
            int k;
            assert_int_equal(sscanf(l.v[i].app, "a%d", &k), 1);
            missing -= !seen[k];
            seen[k] = true;
        }
    }
    assert_int_equal(missing, 0);
}

/* A group that others have is theirs; what is parked under the name of one of ours is taken at
 * once, and is not unserved. */
static void test_groups(void **state)
{
    (void)state;
    static const char *const apps[] = {"both"};
    static struct config_group groups[] = {{.name = "both"}};
    const struct config grouped = {
        .apps = &own, .napps = 1, .groups = groups, .ngroups = 1, .unserved_ms = 1000};
    const char *const words[] = {"{\"apps\":[\"default\"],\"groups\":[\"both\"]}", HAS_NOT};
    struct leftovers l = {0};
    struct others o = {0};
    struct queue_unpark out[QUEUE_LEFTOVERS_MAX];
    struct queue_leftovers found = {.apps = apps, .napps = 1, .words = words, .nwords = 2};
    leftovers_see(&l, &config, &found, 0);
    assert_int_equal(l.n, 0);
    others_see(&o, &config, words[0], 0);
    assert_true(others_have(&o, "both", 1));
    others_see(&o, &grouped, words[0], 0);
    leftovers_see(&l, &grouped, &found, 0);
    assert_int_equal(leftovers_due(&l, &grouped, 0, out), 0); /* not counted yet */
    found.lengths[0] = 3;
    found.nlengths = 1;
    leftovers_see(&l, &grouped, &found, 500);
    assert_int_equal(leftovers_due(&l, &grouped, 500, out), 1);
    assert_string_equal(out[0].app, "both");
    assert_int_equal(leftovers_jobs(&l), 0);
    struct buf b;
    buf_init(&b, 256);
    leftovers_write_apps(&grouped, &b);
    assert_string_equal(buf_text(&b), ",\"apps\":[\"default\"],\"groups\":[\"both\"]");
    buf_free(&b);
}

static unsigned ntold;
static char told[128];

static void on_apart(void *arg, const char *group, const char *own_apps, const char *theirs)
{
    (void)arg;
    ntold++;
    snprintf(told, sizeof told, "%s: %s, %s", group, own_apps, theirs);
}

/* It is said when it begins, for whoever has others, and once. */
static void test_groups_apart(void **state)
{
    (void)state;
    static struct config_app apps[] = {{.app = {.name = "default"}}, {.app = {.name = "shop"}}};
    static struct config_group groups[] = {{.name = "both", .apps = {&apps[0], &apps[1]}, .n = 2},
                                           {.name = "one", .apps = {&apps[0]}, .n = 1}};
    const struct config grouped = {.apps = apps, .napps = 2, .groups = groups, .ngroups = 2};
    const struct config reloaded = grouped;
    struct groups_apart g = {0};
    struct buf b;
    buf_init(&b, 256);
    groups_apart_write(&grouped, &b);
    assert_string_equal(buf_text(&b), ",\"group_apps\":[\"default,shop\",\"default\"]");
    buf_reset(&b);
    groups_apart_write(&config, &b);
    assert_string_equal(buf_text(&b), "");
    buf_free(&b);
    const char *const same[] = {
        "", "{", "{\"groups\":[\"both\"]}", /* of the version before */
        "{\"groups\":[\"other\",\"both\"],\"group_apps\":[\"x\",\"default,shop\"]}"};
    const char *const apart[] = {
        same[3], "{\"groups\":[\"one\",\"both\"],\"group_apps\":[\"default\",\"default,cold\"]}"};
    groups_apart_see(&g, &grouped, same, 4, on_apart, NULL);
    assert_int_equal(ntold, 0);
    for (int i = 0; i < 3; i++)
        groups_apart_see(&g, &grouped, apart, 2, on_apart, NULL);
    assert_int_equal(ntold, 1);
    assert_string_equal(told, "both: default,shop, default,cold");
    groups_apart_see(&g, &grouped, same, 4, on_apart, NULL);
    groups_apart_see(&g, &grouped, apart, 2, on_apart, NULL);
    assert_int_equal(ntold, 2);
    groups_apart_see(&g, &reloaded, apart, 2, on_apart, NULL);
    assert_int_equal(ntold, 3);
    groups_apart_see(&g, &config, apart, 2, on_apart, NULL);
    assert_int_equal(ntold, 3);
}

static void test_what_is_said(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 256);
    leftovers_write_apps(&config, &b);
    assert_string_equal(buf_text(&b), ",\"apps\":[\"default\"]");
    buf_free(&b);
}

/* Believed for a while; only what this worker does not have; a bounded number of names. */
static void test_whether_others_rest(void **state)
{
    (void)state;
    static const char rests[] = "{\"apps\":[\"default\"],\"rests\":true}";
    static const struct {
        const char *words[2];
        size_t n;
        bool rest;
    } rows[] = {
        {{rests, rests}, 2, true}, {{rests, HAS}, 2, false}, {{OLDER, rests}, 2, false},
        {{rests, ""}, 2, false},   {{NULL}, 0, true},        {{"{\"rests\":1}"}, 1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct leftovers l = {0};
        const struct queue_leftovers found = {.words = rows[i].words, .nwords = rows[i].n};
        leftovers_see(&l, &config, &found, 1);
        assert_int_equal(l.others_rest, rows[i].rest);
    }
}

/* Whoever has just started may have it, or have heard of nobody. */
static void test_who_has_just_started(void **state)
{
    (void)state;
    struct others o = {0};
    const int64_t since = 5000;
    assert_true(others_may_have(&o, since, since));
    assert_int_equal(o.wanted_till_ms, since + 2 * OTHERS_AGAIN_MS);
    others_looked(&o, since + OTHERS_START_MS - 1);
    others_looked(&o, since - 1);
    assert_true(others_may_have(&o, since, since + OTHERS_AGAIN_MS));
    assert_false(others_may_have(&o, since, since + OTHERS_HOLD_MS)); /* without an answer */
    others_looked(&o, since + OTHERS_START_MS);
    assert_false(others_may_have(&o, since, since + OTHERS_AGAIN_MS));
    assert_true(others_may_have(&o, since + 1, since + OTHERS_AGAIN_MS));
}

static void test_what_only_others_have(void **state)
{
    (void)state;
    struct others o = {0};
    char words[64];
    others_see(&o, &config, HAS, 100);
    others_see(&o, &config, OLDER, 100);
    others_see(&o, &config, "", 100);
    assert_true(others_have(&o, "shop", 100 + OTHERS_HOLD_MS - 1));
    assert_false(others_have(&o, "shop", 100 + OTHERS_HOLD_MS));
    assert_false(others_have(&o, "default", 100));
    assert_false(others_have(&o, NULL, 100));
    for (int i = 0; i < 2 * OTHERS_MAX; i++) {
        snprintf(words, sizeof words, "{\"apps\":[\"a%d\"]}", i);
        others_see(&o, &config, words, 200);
    }
    assert_int_equal(o.n, OTHERS_MAX);
    assert_true(others_have(&o, "shop", 200));
    others_see(&o, &config, "{\"apps\":[\"late\"]}", 200 + OTHERS_HOLD_MS);
    assert_true(others_have(&o, "late", 200 + OTHERS_HOLD_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_wait_for_another_worker),
        cmocka_unit_test(test_silent_workers_may_have_it),
        cmocka_unit_test(test_an_empty_list_waits_for_nothing),
        cmocka_unit_test(test_each_name_has_its_turn),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_groups_apart),
        cmocka_unit_test(test_what_is_said),
        cmocka_unit_test(test_whether_others_rest),
        cmocka_unit_test(test_who_has_just_started),
        cmocka_unit_test(test_what_only_others_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
