/* SPDX-License-Identifier: MIT
 * What stays of a job's parsed JSON while it is held: flight_read() and job_trim(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <string.h>

#include "base/mem.h"
#include "pipeline/flight.h"
#include "support/worker_config.h"

enum { JOB_SIZE = 65 * 1024, KEPT_MAX = 4096 };

static struct config config;
static size_t parsed_bytes;

static void *count_alloc(size_t size)
{
    void *p = mem_alloc(size);
    parsed_bytes += malloc_usable_size(p);
    return p;
}

static void count_free(void *p)
{
    parsed_bytes -= malloc_usable_size(p);
    mem_free(p);
}

static int load(void **state)
{
    (void)state;
    static const char *const vars[] = {NULL};
    json_set_alloc_funcs(count_alloc, count_free);
    worker_config_load(&config, 0, 0, vars, "");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_free(&config);
    return 0;
}

/* A job of many small items: each is its number between two texts. */
struct shape {
    const char *begin, *before, *after, *end;
    unsigned count;
    bool good;
};

static char *write_job(const struct shape *s)
{
    char *text = mem_alloc(JOB_SIZE), *p = text + snprintf(text, JOB_SIZE, "%s", s->begin);
    for (unsigned i = 0; i < s->count && p < text + JOB_SIZE - 128; i++)
        p += snprintf(p, 64, "%s%s%u%s", i ? "," : "", s->before, i, s->after);
    snprintf(p, 64, "%s", s->end);
    return text;
}

/* The bytes of parsed JSON that a job takes once it has been read. */
static size_t kept_of(const struct shape *s)
{
    struct err e;
    struct refusal why;
    struct flight f;
    char *text = write_job(s);
    const struct queue_claim claim = {.batch = "BATCHBATCHBATCH1", .digest = "0123456789abcdef"};
    const struct queue_member m = {.envelope = "", .bytes = text, .len = strlen(text)};
    size_t before = parsed_bytes;
    assert_true(flight_init(&f, &claim, &m, &e));
    f.config = &config;
    assert_int_equal(flight_read(&f, &config, &why), s->good);
    size_t kept = parsed_bytes - before;
    flight_free(&f);
    assert_int_equal(parsed_bytes, before);
    mem_free(text);
    return kept;
}

static void test_little_stays_of_what_was_parsed(void **state)
{
    (void)state;
    enum { ALL = JOB_SIZE };
    const struct shape shapes[] = {
        {"{\"school\":\"s\",\"message\":\"m\",\"params\":{", "\"", "\":0", "}}", ALL, true},
        {"{\"message\":\"m\",\"target\":{\"tag\":\"x\"},\"tags\":[", "\"", "\"", "]}", 9999, true},
        {"{\"message\":\"m\",\"tags\":[", "\"", "\"", "]}", 440, true},
        {"{\"message\":\"m\",\"target\":{\"account\":[", "\"", "\"", "]}}", 9999, true},
        {"{\"message\":\"m\",\"target\":{\"tag\":{\"or\":[", "{\"tag\":\"", "\"}", "]}}}", ALL,
         false},
        {"{\"message\":\"m\",\"school\":\"s\",\"other\":[", "", "", "]}", ALL, false},
        {"[", "", "", "]", ALL, false},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t kept = kept_of(&shapes[i]);
        if (kept > KEPT_MAX)
            fail_msg("shape %zu: %zu bytes", i, kept);
    }
}

/* What calls that are shared are made of stays, and what outcomes say. */
static void test_what_is_needed_later_stays(void **state)
{
    (void)state;
    struct refusal why;
    struct job job;
    const char *text = "{\"id\":\"i\",\"code\":\"I10001\",\"school\":\"s\",\"tags\":[\"a\",\"b\"],"
                       "\"meta\":{\"k\":1},"
                       "\"push\":{\"iOSBadge\":1},\"reply_to\":\"push:reply:1\",\"enqueued_at\":5}";
    assert_true(job_parse(text, strlen(text), &config.job_limits, &job, &why));
    job_trim(&job, true);
    assert_string_equal(job.id, "i");
    assert_string_equal(job.code, "I10001");
    assert_string_equal(job.school, "s");
    assert_string_equal(job.reply_to, "push:reply:1");
    assert_int_equal(job.tags.n, 2);
    assert_string_equal(job.tags.v[1], "b");
    assert_int_equal(json_object_size(job.meta), 1);
    assert_int_equal(json_object_size(job.push), 1);
    assert_int_equal(job.enqueued_at_ms, 5);
    job_trim(&job, false);
    assert_int_equal(job.tags.n, 0);
    job_free(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_little_stays_of_what_was_parsed),
        cmocka_unit_test(test_what_is_needed_later_stays),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
