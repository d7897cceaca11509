/* SPDX-License-Identifier: MIT
 * Which jobs may share a call, and what is compared of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shareable.h"
#include "support/worker_config.h"

#define TO_ONE "\"target\":{\"device\":[\"0123456789abcdef0123456789abcdef\"]}"
#define UNICAST "{\"message\":\"m\"," TO_ONE "}"
#define WITH_ID "{\"id\":\"i\",\"message\":\"m\"," TO_ONE "}"
#define TAGS "{\"message\":\"m\",\"school\":\"S\",\"tags\":[\"a\",\"b\"]}"
enum { NOW = 1000000 };

static void read_job(struct flight *f, const struct config *c, const char *bytes)
{
    struct err e = {""};
    struct refusal why;
    const struct queue_claim claim = {
        .batch = "B", .t0_ms = NOW, .now_ms = NOW, .digest = c->digest};
    const struct queue_member m = {.envelope = "", .bytes = bytes, .len = strlen(bytes)};
    assert_true(flight_init(f, &claim, &m, &e));
    f->config = c;
    if (!flight_read(f, c, &why))
        fail_msg("%s: %s", bytes, why.err.text);
}

static bool allowed(const struct config *c, const char *bytes)
{
    struct flight f;
    read_job(&f, c, bytes);
    bool ok = shareable_allows(&f, NOW);
    flight_free(&f);
    return ok;
}

static void test_options_and_audiences(void **state)
{
    (void)state;
    static const struct {
        const char *option, *job;
        bool allowed;
    } cases[] = {
        {NULL, UNICAST, true},
        {NULL, "{\"message\":\"m\",\"target\":{\"account\":[\"u\"]}}", true},
        {NULL, "{\"message\":\"m\",\"target\":{\"alias\":[\"u\"]}}", true},
        {NULL, "{\"message\":\"m\",\"target\":{\"all\":true}}", false},
        {NULL, "{\"message\":\"m\",\"target\":{\"tag\":\"t\"}}", false},
        {"PUSHBRIDGE_PLAN_COALESCE=false", UNICAST, false},
        {"PUSHBRIDGE_LIMITS_ACCOUNTS=1",
         "{\"message\":\"m\",\"target\":{\"account\":[\"u\",\"v\"]}}", false},
        {NULL, WITH_ID, false},
        {"PUSHBRIDGE_QUEUE_DEDUP_S=899", WITH_ID, false},
        {"PUSHBRIDGE_QUEUE_DEDUP_S=900", WITH_ID, true},
        {"PUSHBRIDGE_PLAN_COALESCE_IDS=true", WITH_ID, true},
        {NULL, TAGS, false},
        {"PUSHBRIDGE_PLAN_MERGE_TAGS=true", TAGS, true},
        {"PUSHBRIDGE_PLAN_MERGE_TAGS=true", "{\"message\":\"m\",\"target\":{\"tag\":\"t\"}}",
         false},
        {"PUSHBRIDGE_PLAN_MERGE_TAGS=true", "{\"message\":\"m\",\"school\":\"S\"}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config c;
        const char *vars[] = {cases[i].option, NULL};
        worker_config_load(&c, 0, 0, vars, NULL);
        if (allowed(&c, cases[i].job) != cases[i].allowed)
            fail_msg("%s with %s", cases[i].job, cases[i].option ? cases[i].option : "defaults");
        config_free(&c);
    }
}

/* An id of another slot is not looked up: there the token of a call of its own must do. */
static void test_ids_of_several_slots(void **state)
{
    (void)state;
    static const struct {
        const char *url, *queues;
        bool by_queue;
    } cases[] = {
        {"PUSHBRIDGE_REDIS_URL=redis://h", "PUSHBRIDGE_QUEUE_NAMES=a,b", false},
        {"PUSHBRIDGE_REDIS_URL=redis+sentinel://h/m", "PUSHBRIDGE_QUEUE_NAMES=a,b", false},
        {"PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_NAMES=a,b", true},
        {"PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_NAMES={p}:a,{p}:b", false},
        {"PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_NAMES={p}:a,{p}:b,c", true},
        {"PUSHBRIDGE_REDIS_URL=redis+cluster://h", "PUSHBRIDGE_QUEUE_NAMES=a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config c;
        const char *vars[] = {cases[i].url, cases[i].queues, "PUSHBRIDGE_QUEUE_DEDUP_S=900",
                              cases[i].by_queue ? "PUSHBRIDGE_QUEUE_RESULTS={%q}:r" : NULL, NULL};
        worker_config_load(&c, 0, 0, vars, NULL);
        assert_int_equal(cases[i].by_queue, c.ids_by_queue);
        if (allowed(&c, WITH_ID) == cases[i].by_queue)
            fail_msg("%s %s", cases[i].url, cases[i].queues);
        c.coalesce_ids = true;
        assert_true(allowed(&c, WITH_ID));
        config_free(&c);
    }
}

static void test_only_what_was_never_tried(void **state)
{
    (void)state;
    struct config c;
    struct flight f;
    worker_config_load(&c, 0, 0, NULL, NULL);
    read_job(&f, &c, UNICAST);
    const struct envelope clean = f.env;
    assert_true(shareable_allows(&f, NOW));
    f.env.attempts = 1;
    assert_false(shareable_allows(&f, NOW));
    f.env = clean;
    f.env.unanswered = 1;
    assert_false(shareable_allows(&f, NOW));
    f.env = clean;
    f.env.gen = 1;
    assert_false(shareable_allows(&f, NOW));
    f.env = clean;
    f.crashes = 1;
    assert_false(shareable_allows(&f, NOW));
    flight_free(&f);
    config_free(&c);
}

static void test_not_in_quiet_hours(void **state)
{
    (void)state;
    struct config c;
    struct flight f;
    worker_config_load(&c, 0, 0, NULL,
                       "apps = ( { name = \"default\"; quiet = \"00:00-23:59 +00:00\"; } );");
    read_job(&f, &c, UNICAST);
    assert_true(f.plan.push_time_ms > NOW);
    assert_true(shareable_allows(&f, NOW)); /* it shows at their end, as the plan says */
    assert_false(
        shareable_allows(&f, f.plan.push_time_ms + 120000)); /* it would show in the next ones */
    flight_free(&f);
    config_free(&c);
}

static void describe(const struct config *c, const char *bytes, struct coalesce_item *item)
{
    struct flight f;
    struct params params;
    struct err e;
    read_job(&f, c, bytes);
    assert_true(call_params(&f.lone, &params, &e));
    shareable_describe(&f, 7, &params, item);
    item->values = NULL; /* gone with the flight */
    params_free(&params);
    flight_free(&f);
}

static void test_the_content_leaves_the_audience_out(void **state)
{
    (void)state;
    struct config c;
    struct coalesce_item one, other, another;
    worker_config_load(&c, 0, 0, NULL, NULL);
    describe(&c, UNICAST, &one);
    describe(&c,
             "{\"message\":\"m\",\"target\":{\"device\":[\"1123456789abcdef0123456789abcdef\"]}}",
             &other);
    describe(&c, "{\"message\":\"n\"," TO_ONE "}", &another);
    assert_memory_equal(one.content, other.content, sizeof one.content);
    assert_memory_not_equal(one.content, another.content, sizeof one.content);
    assert_true(one.app == 7 && one.kind == TARGET_DEVICE && one.taskable && one.bytes > 0);
    describe(&c, TAGS, &one);
    describe(&c, "{\"message\":\"m\",\"school\":\"S\",\"tags\":[\"c\",\"d\"]}", &other);
    describe(&c, "{\"message\":\"m\",\"school\":\"T\",\"tags\":[\"a\",\"b\"]}", &another);
    assert_memory_equal(one.content, other.content, sizeof one.content);
    assert_memory_not_equal(one.content, another.content, sizeof one.content);
    assert_false(one.taskable);
    config_free(&c);
}

/* What MassPush takes in another form than Push, or not at all, keeps a job out of it. */
static void test_who_is_a_task(void **state)
{
    (void)state;
    static const struct {
        const char *push;
        bool taskable;
    } cases[] = {
        {"\"AndroidRemind\":true", true},
        {"\"AndroidOppoPrivateMsgTemplateId\":\"t\"", true},
        {"\"AndroidOppoPrivateTitleParameters\":{\"k\":\"v\"}", false},
        {"\"AndroidXiaomiTemplateId\":\"t\"", false},
        {"\"SmsTemplateName\":\"t\",\"SmsSignName\":\"s\",\"SmsDelaySecs\":60", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config c;
        struct coalesce_item item;
        char job[256];
        worker_config_load(&c, 0, 0, NULL, NULL);
        snprintf(job, sizeof job, "{\"message\":\"m\"," TO_ONE ",\"push\":{%s}}", cases[i].push);
        assert_true(allowed(&c, job)); /* to several ids all the same */
        describe(&c, job, &item);
        if (item.taskable != cases[i].taskable)
            fail_msg("%s", cases[i].push);
        config_free(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_audiences),
        cmocka_unit_test(test_ids_of_several_slots),
        cmocka_unit_test(test_only_what_was_never_tried),
        cmocka_unit_test(test_not_in_quiet_hours),
        cmocka_unit_test(test_the_content_leaves_the_audience_out),
        cmocka_unit_test(test_who_is_a_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
