/* SPDX-License-Identifier: MIT
 * What makes ready, and the small figures beside it (rates, gauges): pure tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "admin/gauges.h"
#include "admin/rates.h"
#include "admin/ready.h"

enum { NOW = 100000 };

/* A queue that is well, but for what is given. */
#define LANE(name, is_up, is_open, dropped, wrote, is_writing, is_written, error)                  \
    {                                                                                              \
        .queue = name, .up = is_up, .open = is_open, .claimed_ms = NOW - 100,                      \
        .dropped_ms = dropped, .wrote_ms = wrote, .writing = is_writing, .written = is_written,    \
        .refusal = error                                                                           \
    }
#define WELL LANE("q", true, true, 0, NOW - 10, false, true, "")
#define WROTE(age_ms) LANE("q", true, true, 0, NOW - (age_ms), true, true, "")
#define REFUSED(name, error) LANE(name, true, true, 0, NOW - 10, false, true, error)
#define DROPPED(age_ms) LANE("q", true, true, NOW - (age_ms), NOW - 10, false, true, "")

static void judgements(void **state)
{
    (void)state;
    static const struct {
        struct ready_lane lane;
        bool draining;
        enum ready_check fails; /* READY_CHECKS: none */
        const char *why;
    } rows[] = {
        {WELL, false, READY_CHECKS, ""},
        {WROTE(10), false, READY_CHECKS, ""},
        {WROTE(2000), false, READY_CHECKS, ""},
        {WROTE(2500), false, READY_WRITE, "no answer for 2500 ms queue=q"},
        {LANE("q", true, true, 0, NOW - 10, true, false, ""), false, READY_WRITE,
         "not tried yet queue=q"},
        {REFUSED("q", "OOM full"), false, READY_WRITE, "OOM full queue=q"},
        {REFUSED("q", "READONLY no"), false, READY_WRITE, "READONLY no queue=q"},
        {LANE("q", false, true, 0, NOW - 10, false, true, ""), false, READY_REDIS,
         "no connection queue=q"},
        {{.queue = "q", .down_why = "READONLY replica", .written = true},
         false,
         READY_REDIS,
         "READONLY replica queue=q"},
        {LANE("q", true, false, 0, NOW - 10, false, true, ""), false, READY_SCRIPTS,
         "not run on this connection yet queue=q"},
        {DROPPED(50), false, READY_WATCHDOG,
         "no claim answered since it dropped the connection queue=q"},
        {DROPPED(150), false, READY_CHECKS, ""},
        {{.queue = "q",
          .up = true,
          .open = true,
          .written = true,
          .aside = "claim: WRONGTYPE Operation"},
         false,
         READY_QUEUES,
         "claim: WRONGTYPE Operation queue=q"},
        {WELL, true, READY_DRAINING, "draining"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ready r;
        ready_judge(&rows[i].lane, 1, rows[i].draining, NOW, &r);
        assert_int_equal(ready_first(&r), rows[i].fails);
        assert_int_equal(r.ok, rows[i].fails == READY_CHECKS);
        if (!r.ok)
            assert_string_equal(r.why[rows[i].fails], rows[i].why);
    }
}

static void calls_that_fail_here_alone(void **state)
{
    (void)state;
    static const struct ready_lane well = WELL;
    struct ready r;
    ready_judge(&well, 1, false, NOW, &r);
    ready_note_calls(&r, "shop", "certificate");
    ready_note_calls(&r, "other", "not_sent");
    assert_false(r.ok);
    assert_int_equal(ready_first(&r), READY_CALLS);
    assert_string_equal(r.why[READY_CALLS], "certificate app=shop");
}

static void no_keys_at_all(void **state)
{
    (void)state;
    static const struct ready_lane well = WELL;
    struct ready r;
    ready_judge(&well, 1, false, NOW, &r);
    ready_note_keys(&r, "default", "none have come yet");
    assert_false(r.ok);
    assert_int_equal(ready_first(&r), READY_KEYS);
    assert_string_equal(r.why[READY_KEYS], "none have come yet app=default");
}

static void the_first_failing_queue_is_named(void **state)
{
    (void)state;
    static const struct ready_lane lanes[] = {WELL, REFUSED("second", "OOM \"x\""),
                                              REFUSED("third", "MISCONF")};
    struct ready r;
    struct buf text;
    buf_init(&text, 4096);
    ready_judge(lanes, 3, true, NOW, &r);
    ready_write(&r, &text);
    buf_putc(&text, '}');
    json_t *root = json_loads(buf_text(&text), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    assert_true(json_is_false(json_object_get(root, "ready")));
    const json_t *checks = json_object_get(root, "checks");
    assert_int_equal(json_object_size(checks), READY_CHECKS);
    assert_string_equal(json_string_value(json_object_get(checks, "write")),
                        "OOM \"x\" queue=second");
    assert_string_equal(json_string_value(json_object_get(checks, "redis")), "ok");
    assert_string_equal(json_string_value(json_object_get(checks, "draining")), "draining");
    json_decref(root);
    buf_free(&text);
}

static void rates_over_a_minute(void **state)
{
    (void)state;
    static struct rates r;
    assert_true(rates_per_s(&r, 0) == 0);
    for (int64_t ms = 0; ms <= 100000; ms += 500) {
        if (ms <= 60000)
            metrics_add(METRIC_JOBS_CLAIMED, 5);
        rates_tick(&r, ms);
    }
    /* 20 of the last 60 s had jobs, 10 a second */
    assert_true(rates_per_s(&r, 0) > 3.2 && rates_per_s(&r, 0) < 3.5);
}

static void age_of_the_first_job(void **state)
{
    (void)state;
    static const struct {
        const char *job;
        int64_t age;
    } rows[] = {
        {"{\"code\":\"x\",\"enqueued_at\":40000}", 60000},
        {"{\"enqueued_at\":200000}", 7000}, /* from the future */
        {"{\"enqueued_at\":-1}", 7000},
        {"{\"enqueued_at\":\"40000\"}", 60000},
        {"{\"enqueued_at\":40000.25,\"meta\":{\"id\":18446744073709551615}}", 60000},
        {"{\"enqueued_at\":\"yesterday\"}", 7000},
        {"{\"code\":\"x\"}", 7000},
        {"[1]", 7000},
        {"not json", 7000},
        {"", 7000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(gauges_head_age_ms(rows[i].job, strlen(rows[i].job), NOW - 7000, NOW),
                         rows[i].age);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judgements),          cmocka_unit_test(calls_that_fail_here_alone),
        cmocka_unit_test(no_keys_at_all),      cmocka_unit_test(the_first_failing_queue_is_named),
        cmocka_unit_test(rates_over_a_minute), cmocka_unit_test(age_of_the_first_job),
    };
    return cmocka_run_group_tests_name("ready", tests, NULL, NULL);
}
