/* SPDX-License-Identifier: MIT
 * memory, room: what jobs may take of the machine's memory, what they take, and what is claimed
 * beside that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/metrics.h"
#include "host/memory.h"
#include "pipeline/pipeline_core.h"
#include "queue/queue_core.h"
#include "worker/room.h"

enum { MB = 1 << 20, JOB_MAX = 65536 };

/* --- the limit ------------------------------------------------------------------------------- */

static char root[] = "/tmp/pb-memory-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

/* A machine's files anew: path and content by turns. */
static void machine(const char *const files[])
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf %s/*", root);
    assert_int_equal(system(command), 0);
    for (size_t i = 0; files[i]; i += 2) {
        snprintf(command, sizeof command, "f=%s%s; mkdir -p ${f%%/*} && echo '%s' >$f", root,
                 files[i], files[i + 1]);
        assert_int_equal(system(command), 0);
    }
}

#define SELF "/proc/self/cgroup"
#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/memory"

static void test_the_limit_is_the_cgroups(void **state)
{
    (void)state;
    const int64_t none = memory_limit("/nonexistent");
    const struct {
        const char *files[12];
        int64_t limit;
    } machines[] = {
        {{SELF, "0::/a/b", V2 "/a/b/memory.max", "67108864"}, 64 * MB},
        {{SELF, "0::/a/b", V2 "/a/b/memory.max", "max", V2 "/a/memory.max", "33554432"}, 32 * MB},
        {{SELF, "0::/a", V2 "/a/memory.max", "67108864", V2 "/memory.max", "16777216"}, 16 * MB},
        {{SELF, "0::/", V2 "/memory.max", "16777216"}, 16 * MB},
        {{SELF, "0::/../host", V2 "/memory.max", "16777216"}, 16 * MB},
        {{SELF, "0::/a", V2 "/a/memory.max", "max"}, none},
        {{SELF, "5:cpu,memory:/d/x", V1 "/d/x/memory.limit_in_bytes", "33554432"}, 32 * MB},
        {{SELF, "5:memory:/d", V1 "/memory.limit_in_bytes", "9223372036854771712"}, none},
        {{SELF, "5:memory:/d", V1 "/memory.limit_in_bytes", "33554432"}, 32 * MB},
        {{SELF, "5:memoryless:/d", V1 "/memory.limit_in_bytes", "33554432"}, none},
        {{SELF, "nonsense"}, none},
        {{SELF, "0::/a", V2 "/a/memory.max", "-5"}, none},
        {{NULL}, none},
    };
    assert_true(none > 64 * MB);
    for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
        machine(machines[i].files);
        if (memory_limit(root) != machines[i].limit)
            fail_msg("machine %zu: %lld", i, (long long)memory_limit(root));
    }
}

static void test_jobs_get_the_half(void **state)
{
    (void)state;
    assert_int_equal(memory_for_jobs(0, 64 * MB), 32 * MB);
    assert_int_equal(memory_for_jobs(5 * MB, 64 * MB), 5 * MB);
}

/* --- jobs ------------------------------------------------------------------------------------ */

static void test_room(void **state)
{
    (void)state;
    const size_t each = memory_of_job(JOB_MAX, 0), parsing = (size_t)MEMORY_PARSING * JOB_MAX;
    const struct {
        int64_t all;
        size_t taken, room;
    } cases[] = {
        {(int64_t)(parsing + 10 * each), 0, 10},
        {(int64_t)(parsing + 10 * each), 1, 9},
        {(int64_t)(parsing + 10 * each), 9 * each, 1},
        {(int64_t)(parsing + 10 * each), 10 * each, 0},
        {(int64_t)(parsing + 10 * each), 99 * each, 0},
        {1, 0, 1},
        {1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(memory_room(cases[i].all, cases[i].taken, JOB_MAX), cases[i].room);
}

static void test_parsed_json_is_counted(void **state)
{
    (void)state;
    memory_count_parsed();
    size_t before = memory_parsed();
    json_t *list = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(list, json_integer(i));
    assert_in_range(memory_parsed() - before, 1000 * 24, 1000 * 64);
    json_decref(list);
    assert_int_equal(memory_parsed(), before);
}

/* The worst that there is: three bytes make an object. */
static void test_parsing_is_allowed_for(void **state)
{
    (void)state;
    char *text = malloc(JOB_MAX);
    size_t len = 1;
    text[0] = '[';
    for (; len < JOB_MAX - 3; len += 3)
        memcpy(text + len, len > 1 ? ",{}" : " {}", 3);
    text[len++] = ']';
    size_t before = memory_parsed();
    json_t *list = json_loadb(text, len, 0, NULL);
    assert_int_equal(json_array_size(list), (len - 2) / 3);
    assert_in_range(memory_parsed() - before, 60 * len, MEMORY_PARSING * len);
    json_decref(list);
    free(text);
}

/* --- claims ---------------------------------------------------------------------------------- */

static struct config config = {.job_max_bytes = JOB_MAX, .nqueues = 2};
static struct queue queues[2];
static struct pipeline pipeline;
static struct lane lanes[2];
static struct dispatch d = {.config = &config, .lanes = lanes, .pipeline = &pipeline};

static int reset(void **state)
{
    (void)state;
    memset(queues, 0, sizeof queues);
    pipeline = (struct pipeline){0};
    for (size_t i = 0; i < 2; i++)
        lanes[i] = (struct lane){.d = &d, .queue = &queues[i]};
    d.memory_full = false;
    d.memory_bytes = (int64_t)(MEMORY_PARSING * (size_t)JOB_MAX + 40 * memory_of_job(JOB_MAX, 0));
    return 0;
}

static void hold(size_t jobs, size_t len)
{
    pipeline.count = jobs;
    pipeline.bytes = jobs * memory_of_job(len, 0);
}

static void test_claims_keep_to_it(void **state)
{
    (void)state;
    struct queue_ask ask = {.n = 64};
    assert_int_equal(room_jobs(&d), 40);
    room_reserve(&lanes[0], &ask);
    assert_int_equal(ask.n, 40);
    assert_int_equal(ask.most, 40);
    assert_int_equal(ask.whole, 0); /* any: nothing is held */
    queues[0].claiming = true;
    assert_int_equal(room_jobs(&d), 0);
    queues[0].claiming = false; /* it brought ten small ones */
    hold(10, 100);
    assert_int_equal(room_jobs(&d), 39);
    ask = (struct queue_ask){.n = 8};
    room_reserve(&lanes[0], &ask);
    assert_int_equal(ask.n, 8);
    assert_int_equal(ask.whole, 39);
    queues[0].claiming = true;
    assert_int_equal(room_jobs(&d), 31); /* another queue's claim beside it */
}

/* Its jobs fill everything and stay; another queue's come one by one. */
static void test_a_queue_set_aside_leaves_room_for_one(void **state)
{
    (void)state;
    struct flight f = {.queue = &queues[0],
                       .call = &f.lone,
                       .lone = {.members = &f.lone.only, .only = {.flight = &f}, .n = 1}};
    struct queue_ask ask = {.n = 64};
    TAILQ_INIT(&pipeline.flights);
    TAILQ_INSERT_TAIL(&pipeline.flights, &f, link);
    pipeline.count = 1;
    pipeline.bytes = 41 * memory_of_job(JOB_MAX, 0);
    assert_int_equal(room_jobs(&d), 0);
    lanes[0].aside.on = true;
    assert_int_equal(room_jobs(&d), 1);
    room_reserve(&lanes[1], &ask);
    assert_int_equal(ask.n, 1);
    assert_int_equal(ask.whole, 0); /* nothing smaller would ever come */
    queues[1].claiming = true;
    assert_int_equal(room_jobs(&d), 0);
    queues[1].claiming = false;
    pipeline.count = 2;
    assert_int_equal(room_jobs(&d), 0);
}

/* Parked jobs beside those that are asked for count, too. */
static void test_looks_keep_to_it(void **state)
{
    (void)state;
    const struct queue_unpark unparks[] = {{"a", 10}, {"b", 12}};
    struct queue_ask ask = {.n = 4, .unparks = unparks, .nunparks = 2, .order = QUEUE_BESIDE};
    room_reserve(&lanes[1], &ask);
    assert_int_equal(ask.n, 4);
    queues[1].claiming = true;
    assert_int_equal(room_jobs(&d), 40 - 26);
}

static void test_it_is_said_once(void **state)
{
    (void)state;
    room_look(&d);
    assert_int_equal(metrics_get(METRIC_MEMORY_FULL), 0);
    hold(40, JOB_MAX);
    room_look(&d);
    assert_int_equal(metrics_get(METRIC_MEMORY_FULL), 1);
    hold(35, JOB_MAX);
    room_look(&d); /* hardly less: not over yet */
    assert_int_equal(metrics_get(METRIC_MEMORY_FULL), 1);
    hold(30, JOB_MAX);
    room_look(&d);
    assert_int_equal(metrics_get(METRIC_MEMORY_FULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_limit_is_the_cgroups),
        cmocka_unit_test(test_jobs_get_the_half),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_parsed_json_is_counted),
        cmocka_unit_test(test_parsing_is_allowed_for),
        cmocka_unit_test_setup(test_claims_keep_to_it, reset),
        cmocka_unit_test_setup(test_a_queue_set_aside_leaves_room_for_one, reset),
        cmocka_unit_test_setup(test_looks_keep_to_it, reset),
        cmocka_unit_test_setup(test_it_is_said_once, reset),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
