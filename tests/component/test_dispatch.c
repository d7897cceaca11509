/* SPDX-License-Identifier: MIT
 * The dispatcher whole (dispatch_core, parked, looks, ahead, claims, watchdog, dispatch): its own
 * connections to a real redis-server, a provider on the same loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "support/mono_shift.h"
#include "support/provider.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"
#include "support/time_passes.h"
#include "support/worker_config.h"
#include "worker/worker.h"

enum { VARS_MAX = 16 };

struct stage {
    struct provider provider;
    struct config config;
    struct worker *running;
    struct dispatch *d;
    bool ended;
    enum dispatch_end how;
    char why[160];
};

static void on_end(void *arg, enum dispatch_end how, const char *why)
{
    struct stage *s = arg;
    assert_false(s->ended);
    s->ended = true;
    s->how = how;
    snprintf(s->why, sizeof s->why, "%s", why ? why : "");
}

/* more: what the test sets over the fixture's own short intervals. */
static void prepare(struct stage *s, const char *const *more)
{
    static const char *const own[] = {
        "PUSHBRIDGE_QUEUE_NAMES=jobs",   "PUSHBRIDGE_QUEUE_RESULTS=results",
        "PUSHBRIDGE_QUEUE_DEAD=dead",    "PUSHBRIDGE_QUEUE_REAP_MS=20",
        "PUSHBRIDGE_QUEUE_EXTEND_MS=50", "PUSHBRIDGE_RETRY_BASE_MS=1",
        "PUSHBRIDGE_RETRY_CAP_MS=1",     "PUSHBRIDGE_ALIYUN_SETTLE_MS=0"};
    const char *vars[VARS_MAX + 1];
    size_t n = 0;
    for (; n < sizeof own / sizeof own[0]; n++)
        vars[n] = own[n];
    for (; more && *more; more++)
        vars[n++] = *more;
    assert_true(n <= VARS_MAX);
    vars[n] = NULL;
    memset(s, 0, sizeof *s);
    provider_open(&s->provider, base);
    worker_config_load(&s->config, s->provider.port, server.port, vars, NULL);
}

static void start(struct stage *s, bool until_empty)
{
    struct err e = {""};
    s->running = worker_open(base, &s->config, until_empty, on_end, s, &e);
    if (!s->running)
        fail_msg("%s", e.text);
    s->d = worker_dispatch(s->running);
}

static size_t in_flight(const struct stage *s)
{
    struct dispatch_status status;
    dispatch_status(s->d, &status);
    return status.in_flight;
}

/* Until the server knows that the dispatcher has gone: what is enqueued before that may still be
 * moved for it. */
static long long blocked_clients(void)
{
    char *info = cli_text("INFO clients");
    const char *line = strstr(info, "blocked_clients:");
    long long n = line ? atoll(line + strlen("blocked_clients:")) : 0;
    mem_free(info);
    return n;
}

static void close_stage(struct stage *s)
{
    worker_close(s->running);
    pump_until(base, blocked_clients() == 0);
    provider_close(&s->provider);
    config_free(&s->config);
    mono_shift_ms = 0;
}

static void open_stage(struct stage *s, const char *const *more)
{
    prepare(s, more);
    start(s, false);
}

static void enqueue_to(const char *queue, const char *prefix, int from, int to)
{
    for (int i = from; i < to; i++)
        freeReplyObject(
            cli("RPUSH %s {\"id\":\"%s%d\",\"message\":\"m\",\"school\":\"s\"}", queue, prefix, i));
}

static long long results(void)
{
    return cli_int("LLEN " LIST_RESULTS);
}

/* The dispatcher has spoken to Redis so often again: time to do what it should not. */
static void let_it_work(int times)
{
    long long before = script_stat("calls=");
    pump_until(base, script_stat("calls=") >= before + times);
}

static void hold_all(struct stage *s)
{
    s->provider.otherwise = (struct provider_step){.does = PROVIDER_HOLDS};
}

static void answer_all(struct stage *s)
{
    s->provider.otherwise = (struct provider_step){0};
    provider_release_all(&s->provider);
}

/* --- claiming -------------------------------------------------------------------------------- */

static void test_jobs_flow(void **state)
{
    (void)state;
    struct stage s;
    enqueue_to(QUEUE, "a", 0, 3);
    open_stage(&s, NULL);
    pump_until(base, results() == 3);
    pump_until(base, in_flight(&s) == 0);
    enqueue_to(QUEUE, "b", 0, 1); /* wakes an idle worker */
    pump_until(base, results() == 4);
    assert_false(s.ended);
    close_stage(&s);
}

static void test_calls_and_claims_are_bounded(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_CONCURRENCY=4", NULL};
    struct stage s;
    enqueue_to(QUEUE, "j", 0, 60);
    open_stage(&s, vars);
    hold_all(&s);
    pump_until(base, s.provider.n == 4);
    let_it_work(5); /* no call and few claims more */
    assert_int_equal(s.provider.n, 4);
    assert_in_range(in_flight(&s), 4, 8);      /* the window, and as much claimed ahead */
    assert_true(cli_int("LLEN " QUEUE) >= 51); /* one may be in the inbox */
    answer_all(&s);
    pump_until(base, results() == 60);
    assert_true(s.provider.held_most <= 4);
    close_stage(&s);
}

/* Another timer of the loop, which notes how many jobs had been read by each of its turns. */
struct neighbour {
    struct event *timer;
    int64_t seen;
    int turns; /* in which one more had been */
};

static void on_neighbour(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct neighbour *n = arg;
    const int64_t now = metrics_get(METRIC_RENDER_TIME);
    n->turns += now == n->seen + 1;
    n->seen = now;
    event_add(n->timer, &(const struct timeval){0});
}

/* However long each takes to read, the loop's other events have their turn after each. */
static void test_reading_lets_others_have_their_turn(void **state)
{
    (void)state;
    struct stage s;
    struct neighbour n = {.seen = metrics_get(METRIC_RENDER_TIME)};
    enqueue_to(QUEUE, "r", 0, 8);
    open_stage(&s, NULL);
    n.timer = evtimer_new(base, on_neighbour, &n);
    event_add(n.timer, &(const struct timeval){0});
    mono_step_ms = 20;
    pump_until(base, results() == 8);
    mono_step_ms = 0;
    assert_int_equal(n.turns, 8);
    event_free(n.timer);
    close_stage(&s);
}

static void test_strict_priority(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_NAMES=high,low",
                                       "PUSHBRIDGE_QUEUE_CONCURRENCY=1", NULL};
    struct stage s;
    enqueue_to("low", "low", 0, 3);
    enqueue_to("high", "high", 0, 3);
    open_stage(&s, vars);
    pump_until(base, results() == 6);
    for (size_t i = 0; i < 6; i++)
        assert_memory_equal(provider_param(&s.provider, i, "JobKey"), i < 3 ? "high" : "low",
                            i < 3 ? 4 : 3);
    hold_all(&s); /* one that comes later passes by what is not claimed yet */
    enqueue_to("low", "low", 3, 9);
    pump_until(base, s.provider.n == 7);
    enqueue_to("high", "high", 3, 4);
    answer_all(&s);
    pump_until(base, results() == 13);
    size_t at = 7;
    while (strcmp(provider_param(&s.provider, at, "JobKey"), "high3") != 0)
        at++;
    assert_in_range(at, 7, 9);
    close_stage(&s);
}

static void test_lists_per_queue(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_NAMES=q1,q2",
                                       "PUSHBRIDGE_QUEUE_RESULTS=%q:out",
                                       "PUSHBRIDGE_QUEUE_DEAD=%q:bad", NULL};
    struct stage s;
    enqueue_to("q1", "a", 0, 1);
    enqueue_to("q2", "b", 0, 2);
    freeReplyObject(cli("RPUSH q2 nonsense"));
    open_stage(&s, vars);
    pump_until(base, cli_int("LLEN q1:out") == 1 && cli_int("LLEN q2:out") == 2 &&
                         cli_int("LLEN q2:bad") == 1);
    close_stage(&s);
}

/* --- circuits -------------------------------------------------------------------------------- */

/* The script may have to be loaded first, and then the job is parked sooner. */
static bool fleet_knows(void)
{
    return cli_int("HEXISTS " KEY_CONTROL " circuit:default") == 1;
}

static void test_an_open_circuit_waits_and_resumes(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_CIRCUIT_PROBE_MS=60000", NULL};
    struct stage s;
    prepare(&s, vars);
    provider_script(&s.provider,
                    (struct provider_step){.status = 404, .code = "InvalidAccessKeyId.NotFound"});
    enqueue_to(QUEUE, "j", 0, 1);
    start(&s, false);
    pump_until(base, cli_int("LLEN " KEY_PARKED("default")) == 1 && fleet_knows());
    enqueue_to(QUEUE, "k", 0, 5);
    int64_t drops = metrics_get(METRIC_WATCHDOG_DROPS);
    time_passes(30000); /* not due yet: they are parked, where their deadlines are looked at */
    pump_until(base, cli_int("LLEN " KEY_PARKED("default")) == 6);
    assert_int_equal(s.provider.n, 1);
    time_passes(30000);
    pump_until(base, results() == 6);
    assert_int_equal(metrics_get(METRIC_WATCHDOG_DROPS), drops); /* waiting is no trouble */
    close_stage(&s);
}

/* --- draining -------------------------------------------------------------------------------- */

static void test_drain(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_CONCURRENCY=2", NULL};
    struct stage s;
    prepare(&s, vars);
    hold_all(&s);
    enqueue_to(QUEUE, "j", 0, 8);
    start(&s, false);
    pump_until(base, s.provider.n == 2);
    dispatch_drain(s.d);
    dispatch_drain(s.d); /* harmless */
    pump_until(base, cli_int("LLEN " QUEUE) == 6);
    assert_false(s.ended); /* two calls are out */
    for (int i = 0; i < 6; i++) {
        char want[96], *bytes = cli_text("LINDEX " QUEUE " %d", i);
        snprintf(want, sizeof want, "{\"id\":\"j%d\",\"message\":\"m\",\"school\":\"s\"}", i + 2);
        assert_string_equal(bytes, want);
        mem_free(bytes);
    }
    answer_all(&s);
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_DRAINED);
    assert_int_equal(s.provider.n, 2);
    assert_int_equal(results(), 2);
    assert_int_equal(cli_int("HLEN " KEY_MEMBER), 0);
    assert_int_equal(cli_int("ZCARD " KEY_WORKERS), 0); /* it has left */
    enqueue_to(QUEUE, "k", 0, 1);
    close_stage(&s);
    assert_int_equal(cli_int("LLEN " QUEUE), 7);
}

static void test_drain_of_an_idle_worker(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, NULL);
    pump_until(base, cli_int("ZCARD " KEY_WORKERS) == 1);
    dispatch_drain(s.d);
    assert_false(s.ended); /* never from within */
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_DRAINED);
    close_stage(&s);
}

static void test_drain_time_is_up(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_WORKER_DRAIN_MS=60", NULL};
    struct stage s;
    prepare(&s, vars);
    hold_all(&s);
    enqueue_to(QUEUE, "j", 0, 1);
    start(&s, false);
    pump_until(base, s.provider.n == 1);
    dispatch_drain(s.d);
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_LEFT_OVER);
    assert_string_equal(s.why, "worker.drain_ms is up");
    close_stage(&s);
    assert_int_equal(cli_int("HLEN " KEY_MEMBER), 1); /* its lease runs out by itself */
}

/* --- until empty ----------------------------------------------------------------------------- */

static void test_until_empty(void **state)
{
    (void)state;
    struct stage s;
    prepare(&s, NULL);
    provider_script(&s.provider, (struct provider_step){.status = 503, .code = "InternalError"});
    provider_script(&s.provider, (struct provider_step){.does = PROVIDER_HOLDS});
    enqueue_to(QUEUE, "j", 0, 1);
    start(&s, true);
    pump_until(base, s.provider.n == 2); /* what waits for its retry is not over */
    assert_false(s.ended);
    provider_release_all(&s.provider);
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_DRAINED);
    assert_int_equal(results(), 1);
    close_stage(&s);
}

/* Everybody's: a job that another worker has leased is waited for. */
static void test_until_empty_counts_others(void **state)
{
    (void)state;
    struct stage s;
    struct queue_opts opts = fixture_opts("other");
    opts.lease_ms = 60000;
    enqueue_to(QUEUE, "j", 0, 1);
    struct worker *other = worker_new(&opts);
    assert_int_equal(worker_claim(other, 1), 1);
    prepare(&s, NULL);
    start(&s, true);
    pump_until(base, cli_int("ZCARD " KEY_WORKERS) == 2);
    let_it_work(5);
    assert_false(s.ended);
    worker_sent(other, &other->got[0]);
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_DRAINED);
    worker_free(other);
    close_stage(&s);
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void test_newer_schema(void **state)
{
    (void)state;
    struct stage s;
    freeReplyObject(cli("SET " KEY_VERSION " 99"));
    enqueue_to(QUEUE, "j", 0, 1);
    open_stage(&s, NULL);
    pump_until(base, s.ended);
    assert_int_equal(s.how, DISPATCH_UNSUPPORTED);
    assert_non_null(strstr(s.why, "99"));
    assert_int_equal(cli_int("LLEN " QUEUE), 1);
    close_stage(&s);
}

static void test_no_http(void **state)
{
    (void)state;
    struct stage s;
    struct err e = {""};
    prepare(&s, NULL);
    char *endpoint = s.config.endpoint, wrong[] = "https://[";
    s.config.endpoint = wrong;
    assert_null(worker_open(base, &s.config, false, on_end, &s, &e));
    assert_true(e.text[0] != '\0');
    s.config.endpoint = endpoint;
    close_stage(&s);
}

/* It says nothing more, and what it had said is read: an answer still on its way would tell the
 * worker that all was well after the jump of the clock. */
static void stop_server(void)
{
    assert_int_equal(kill(server.pid, SIGSTOP), 0);
    assert_int_equal(waitpid(server.pid, NULL, WUNTRACED), server.pid);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Redis hangs while it looks alive: all connections are dropped, and it goes on afterwards. */
static void test_watchdog(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, NULL);
    enqueue_to(QUEUE, "j", 0, 1);
    pump_until(base, results() == 1);
    int64_t drops = metrics_get(METRIC_WATCHDOG_DROPS);
    stop_server();
    mono_shift_ms += 15000;
    pump_until(base, metrics_get(METRIC_WATCHDOG_DROPS) == drops + 1);
    struct dispatch_lane lane;
    dispatch_lane(s.d, 0, &lane);
    assert_true(lane.dropped_ms > lane.claimed_ms);
    kill(server.pid, SIGCONT);
    enqueue_to(QUEUE, "k", 0, 1);
    pump_until(base, results() == 2);
    dispatch_lane(s.d, 0, &lane);
    assert_int_equal(lane.dropped_ms, 0);
    assert_int_equal(metrics_get(METRIC_WATCHDOG_DROPS), drops + 1);
    close_stage(&s);
}

static int ticks;

static void on_test_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    ticks++;
}

/* Calls are out, too few credits are free for a claim, and another queue is not asked at all: no
 * reason to reconnect. */
static void test_watchdog_knows_why_nothing_is_claimed(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_NAMES=high,low",
                                       "PUSHBRIDGE_QUEUE_CONCURRENCY=4", NULL};
    struct stage s;
    struct event *timer = event_new(base, -1, EV_PERSIST, on_test_tick, NULL);
    const struct timeval interval = {.tv_usec = 25000}; /* each holds a tick of the dispatcher */
    event_add(timer, &interval);
    int64_t drops = metrics_get(METRIC_WATCHDOG_DROPS);
    enqueue_to("low", "low", 0, 1);
    enqueue_to("high", "high", 0, 30);
    prepare(&s, vars);
    hold_all(&s);
    start(&s, false);
    pump_until(base, s.provider.n == 4 && in_flight(&s) == 8);
    provider_release(&s.provider, 0, (struct provider_step){0});
    pump_until(base, s.provider.n == 5 && in_flight(&s) == 7);
    for (int i = 0; i < 3; i++) {
        int seen = ticks;
        mono_shift_ms += 6000;
        pump_until(base, ticks > seen);
    }
    assert_int_equal(in_flight(&s), 7);
    assert_int_equal(metrics_get(METRIC_WATCHDOG_DROPS), drops);
    answer_all(&s);
    pump_until(base, results() == 31);
    event_free(timer);
    close_stage(&s);
}

/* Claims are answered, but held back by full lists. */
static void test_watchdog_lets_a_full_list_be(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_PARKED_ALL_MAX=1", NULL};
    struct stage s;
    struct event *timer = event_new(base, -1, EV_PERSIST, on_test_tick, NULL);
    const struct timeval interval = {.tv_usec = 25000};
    event_add(timer, &interval);
    int64_t drops = metrics_get(METRIC_WATCHDOG_DROPS);
    int64_t held_back = metrics_get(METRIC_PARKED_STOP);
    freeReplyObject(cli("SADD " KEY_APPS " shop"));
    freeReplyObject(cli("RPUSH " KEY_PARKED("shop") " {}"));
    enqueue_to(QUEUE, "j", 0, 2);
    open_stage(&s, vars);
    pump_until(base, metrics_get(METRIC_PARKED_STOP) > held_back);
    for (int i = 0; i < 4; i++) {
        int seen = ticks;
        mono_shift_ms += 5000;
        pump_until(base, ticks > seen + 1);
    }
    assert_int_equal(s.provider.n, 0);
    assert_int_equal(metrics_get(METRIC_WATCHDOG_DROPS), drops);
    freeReplyObject(cli("DEL " KEY_PARKED("shop")));
    pump_until(base, results() == 2);
    event_free(timer);
    close_stage(&s);
}

/* What the log says between the two calls. */
static FILE *log_file;
static int log_keep;

static void log_catch(void)
{
    log_file = tmpfile();
    assert_non_null(log_file);
    log_keep = dup(STDERR_FILENO);
    dup2(fileno(log_file), STDERR_FILENO);
}

static int log_count(const char *event)
{
    char line[1024];
    int n = 0;
    dup2(log_keep, STDERR_FILENO);
    close(log_keep);
    rewind(log_file);
    while (fgets(line, sizeof line, log_file))
        n += strstr(line, event) != NULL;
    fclose(log_file);
    return n;
}

static void test_dead_letters_raise_an_alarm(void **state)
{
    (void)state;
    static const struct {
        const char *limit;
        int alarms;
    } rows[] = {{"PUSHBRIDGE_QUEUE_DEAD_WARN=3", 1},
                {"PUSHBRIDGE_QUEUE_DEAD_WARN=4", 0},
                {"PUSHBRIDGE_QUEUE_DEAD_WARN=0", 0}}; /* never */
    freeReplyObject(cli("RPUSH " LIST_DEAD " 1 2 3"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const vars[] = {rows[i].limit, NULL};
        struct stage s;
        log_catch();
        open_stage(&s, vars);
        pump_until(base, cli_int("ZCARD " KEY_WORKERS) > 0);
        for (int k = 0; k < 3; k++) { /* looked at every 30 s, said once */
            let_it_work(10);
            mono_shift_ms += 30000;
        }
        close_stage(&s);
        assert_int_equal(log_count("event=dead_letters_many"), rows[i].alarms);
    }
}

/* Beyond the bound of all parked lists nothing more is claimed. */
static void test_parked_is_bounded(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_QUEUE_PARKED_ALL_MAX=1",
                                       "PUSHBRIDGE_QUEUE_CONCURRENCY=1", NULL};
    struct stage s;
    prepare(&s, vars);
    s.provider.otherwise =
        (struct provider_step){.status = 404, .code = "InvalidAccessKeyId.NotFound"};
    enqueue_to(QUEUE, "j", 0, 1);
    start(&s, false);
    pump_until(base, cli_int("LLEN " KEY_PARKED("default")) == 1 && fleet_knows());
    enqueue_to(QUEUE, "k", 0, 3);
    for (int i = 0; i < 3; i++) { /* probes fail: one job at a time, none more is parked */
        size_t calls = s.provider.n;
        time_passes(30000);
        pump_until(base, s.provider.n > calls);
        pump_until(base, in_flight(&s) == 0);
    }
    assert_int_equal(cli_int("LLEN " KEY_PARKED("default")), 1);
    assert_int_equal(cli_int("LLEN " QUEUE), 3);
    s.provider.otherwise = (struct provider_step){0};
    time_passes(30000);
    pump_until(base, results() == 4);
    close_stage(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_jobs_flow, fixture_flush),
        cmocka_unit_test_setup(test_calls_and_claims_are_bounded, fixture_flush),
        cmocka_unit_test_setup(test_reading_lets_others_have_their_turn, fixture_flush),
        cmocka_unit_test_setup(test_strict_priority, fixture_flush),
        cmocka_unit_test_setup(test_lists_per_queue, fixture_flush),
        cmocka_unit_test_setup(test_an_open_circuit_waits_and_resumes, fixture_flush),
        cmocka_unit_test_setup(test_drain, fixture_flush),
        cmocka_unit_test_setup(test_drain_of_an_idle_worker, fixture_flush),
        cmocka_unit_test_setup(test_drain_time_is_up, fixture_flush),
        cmocka_unit_test_setup(test_until_empty, fixture_flush),
        cmocka_unit_test_setup(test_until_empty_counts_others, fixture_flush),
        cmocka_unit_test_setup(test_newer_schema, fixture_flush),
        cmocka_unit_test_setup(test_no_http, fixture_flush),
        cmocka_unit_test_setup(test_watchdog, fixture_flush),
        cmocka_unit_test_setup(test_watchdog_knows_why_nothing_is_claimed, fixture_flush),
        cmocka_unit_test_setup(test_watchdog_lets_a_full_list_be, fixture_flush),
        cmocka_unit_test_setup(test_dead_letters_raise_an_alarm, fixture_flush),
        cmocka_unit_test_setup(test_parked_is_bounded, fixture_flush),
    };
    return cmocka_run_group_tests_name("dispatch", tests, fixture_start, fixture_stop);
}
