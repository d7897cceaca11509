/* SPDX-License-Identifier: MIT
 * Metrics and their list (metrics_list). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static struct buf page;

static const char *render(void)
{
    buf_free(&page);
    buf_init(&page, 1024 * 1024);
    metrics_render(&page);
    assert_true(buf_ok(&page));
    return buf_text(&page);
}

static void assert_shows(const char *text)
{
    if (!strstr(render(), text))
        fail_msg("the page lacks: %s", text);
}

static void assert_hides(const char *text)
{
    if (strstr(render(), text))
        fail_msg("the page shows: %s", text);
}

static void plain_counter(void **state)
{
    (void)state;
    assert_shows("# TYPE pushbridge_jobs_returned_total counter\n"
                 "pushbridge_jobs_returned_total 0\n");
    metrics_add(METRIC_JOBS_RETURNED, 3);
    assert_shows("\npushbridge_jobs_returned_total 3\n");
    assert_int_equal(metrics_get(METRIC_JOBS_RETURNED), 3);
    assert_hides("(null)");
}

static void labels_are_bounded(void **state)
{
    (void)state;
    char name[16];
    unsigned first = metrics_label(SET_APP, "app0"), last = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "app%d", i);
        last = metrics_label(SET_APP, name);
        metrics_add_at(METRIC_JOBS_SENT, last, 1);
    }
    assert_int_equal(last, METRIC_OTHER);
    assert_int_equal(metrics_find(SET_APP, "app0"), first);
    assert_int_equal(metrics_find(SET_APP, "app99"), METRIC_OTHER);
    assert_shows("pushbridge_jobs_succeeded_total{app=\"app63\"} 1\n"
                 "pushbridge_jobs_succeeded_total{app=\"other\"} 36\n");
    assert_int_equal(metrics_get(METRIC_JOBS_SENT), 100);
    assert_null(metrics_value(SET_APP, 64));
    metrics_add_at(METRIC_JOBS_SENT, 1u << 30, 1);
    assert_shows("pushbridge_jobs_succeeded_total{app=\"other\"} 37\n");
}

static void what_has_no_name_is_other(void **state)
{
    (void)state;
    metrics_add_at(METRIC_JOBS_RETRIED, 7, 2);
    assert_shows("pushbridge_jobs_retried_total{reason=\"other\"} 2\n");
    metrics_name(SET_RETRY, 7, "seventh");
    metrics_add_at(METRIC_JOBS_RETRIED, 7, 1);
    assert_shows("pushbridge_jobs_retried_total{reason=\"seventh\"} 1\n");
    assert_int_equal(metrics_get(METRIC_JOBS_RETRIED), 3);
}

static void words_are_indexes(void **state)
{
    (void)state;
    assert_int_equal(metrics_find(SET_KIND, "connection"), 0);
    metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "OOM"), 1);
    metrics_add_at(METRIC_REDIS_ERRORS, metrics_find(SET_KIND, "NEVERHEARD"), 1);
    assert_shows("pushbridge_redis_errors_total{kind=\"OOM\"} 1\n");
    assert_shows("pushbridge_redis_errors_total{kind=\"ERR\"} 0\n");
    assert_shows("pushbridge_redis_errors_total{kind=\"other\"} 1\n");
}

static void pairs_and_sparse_series(void **state)
{
    (void)state;
    metrics_name(SET_CLASS, 0, "sent");
    assert_hides("pushbridge_provider_requests_total");
    metrics_add_pair(METRIC_CALLS, metrics_find(SET_API, "Push"), 0, 5);
    assert_shows("pushbridge_provider_requests_total{api=\"Push\",code_class=\"sent\"} 5\n");
    assert_hides("pushbridge_provider_requests_total{api=\"MassPush\"");
    assert_int_equal(metrics_get_at(METRIC_CALLS, 0, 0), 5);
}

static void what_the_program_is(void **state)
{
    (void)state;
    metrics_name(SET_VERSION, 0, "v1");
    metrics_name(SET_COMMIT, 0, "abc1234");
    for (int i = 0; i < 2; i++)
        metrics_set_pair(METRIC_BUILD, 0, 0, 1);
    assert_shows("# TYPE pushbridge_build_info gauge\n"
                 "pushbridge_build_info{version=\"v1\",commit=\"abc1234\"} 1\n");
    assert_hides("pushbridge_build_info{version=\"v1\",commit=\"other\"}");
}

static void gauges_may_be_absent(void **state)
{
    (void)state;
    unsigned q = metrics_label(SET_QUEUE, "a\"b\\c\nd\xff");
    assert_hides("pushbridge_queue_ready_jobs");
    metrics_set_at(METRIC_QUEUE_READY, q, 7);
    assert_shows("# TYPE pushbridge_queue_ready_jobs gauge\n"
                 "pushbridge_queue_ready_jobs{queue=\"a\\\"b\\\\c\\nd?\"} 7\n");
    metrics_set_at(METRIC_QUEUE_READY, q, METRIC_ABSENT);
    assert_hides("pushbridge_queue_ready_jobs");
    assert_int_equal(metrics_get(METRIC_QUEUE_READY), 0);
}

static void units_are_divided(void **state)
{
    (void)state;
    const struct {
        int64_t ms;
        const char *shown;
    } rows[] = {{0, "0\n"},
                {1, "0.001\n"},
                {1500, "1.5\n"},
                {60000, "60\n"},
                {-20, "-0.02\n"},
                {12010, "12.01\n"},
                {1790000000123, "1790000000.123\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[96];
        metrics_set(METRIC_PROCESS_START, rows[i].ms);
        snprintf(want, sizeof want, "\nprocess_start_time_seconds %s", rows[i].shown);
        assert_shows(want);
    }
}

static void histograms(void **state)
{
    (void)state;
    metrics_observe(METRIC_REDIS_TIME, 0, 100);
    metrics_observe(METRIC_REDIS_TIME, 0, 101);
    metrics_observe(METRIC_REDIS_TIME, 0, 7000000);
    assert_shows("# TYPE pushbridge_redis_command_duration_seconds histogram\n"
                 "pushbridge_redis_command_duration_seconds_bucket{le=\"0.0001\"} 1\n"
                 "pushbridge_redis_command_duration_seconds_bucket{le=\"0.00025\"} 2\n");
    assert_shows("pushbridge_redis_command_duration_seconds_bucket{le=\"5\"} 2\n"
                 "pushbridge_redis_command_duration_seconds_bucket{le=\"+Inf\"} 3\n"
                 "pushbridge_redis_command_duration_seconds_sum 7.000201\n"
                 "pushbridge_redis_command_duration_seconds_count 3\n");
    assert_int_equal(metrics_get(METRIC_REDIS_TIME), 3);
    unsigned api = metrics_find(SET_API, "CancelPush");
    metrics_observe(METRIC_CALL_TIME, api, 20000);
    assert_shows("_duration_seconds_bucket{api=\"CancelPush\",le=\"0.025\"} 1\n");
    assert_hides("_duration_seconds_bucket{api=\"MassPush\"");
}

/* Every set at its fullest: the page keeps its bound. */
static void the_fullest_page(void **state)
{
    (void)state;
    for (unsigned s = SET_NONE + 1; s < SET_COUNT; s++)
        for (unsigned i = 0; i < 64; i++) {
            char name[65];
            snprintf(name, sizeof name, "%060u-%02u", s, i);
            metrics_label((enum metric_set)s, name);
        }
    for (unsigned m = 0; m < METRIC_COUNT; m++)
        for (unsigned i = 0; i < 70; i++)
            metrics_add_pair((enum metric)m, i, i, 1);
    render();
    assert_true(page.len < 512 * 1024);
}

static int done(void **state)
{
    (void)state;
    buf_free(&page);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_counter),
        cmocka_unit_test(labels_are_bounded),
        cmocka_unit_test(what_has_no_name_is_other),
        cmocka_unit_test(words_are_indexes),
        cmocka_unit_test(pairs_and_sparse_series),
        cmocka_unit_test(what_the_program_is),
        cmocka_unit_test(gauges_may_be_absent),
        cmocka_unit_test(units_are_divided),
        cmocka_unit_test(histograms),
        cmocka_unit_test(the_fullest_page),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, done);
}
