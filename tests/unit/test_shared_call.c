/* SPDX-License-Identifier: MIT
 * Jobs that go out in one call (call, call_params): its parameters, names and times, where it is
 * cut, and that it is put together again as the same call. No I/O. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shared_call.h"
#include "queue/queue_core.h"
#include "support/worker_config.h"

enum { T0 = 1700000000, CREW_MAX = GROUPING_MEMBERS_MAX };
#define T0_MS (INT64_C(1000) * T0)

static struct config config;

/* As much of a queue as a flight needs. */
static char queue_name_text[] = "jobs", prefix_text[] = "{jobs}";
static struct queue queue = {.name = queue_name_text, .prefix = prefix_text};
static struct queue_lease lease = {.queue = &queue};

static int load(void **state)
{
    (void)state;
    static const char *const vars[] = {"PUSHBRIDGE_LIMITS_OPERANDS=6", NULL};
    worker_config_load(&config, 0, 0, vars, NULL);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    config_free(&config);
    return 0;
}

/* --- flights --------------------------------------------------------------------------------- */

/* The flights of one claim, by position, and what has been put together from them. */
struct crew {
    struct flight flights[CREW_MAX];
    size_t n;
    struct call *calls[GROUPING_CALLS_MAX];
    size_t ncalls;
};

/* Half of the runs: the crew's parameters are those kept from gathering; the other crew's are made
 * for the call, as after a takeover. */
static bool keep;
static struct crew crew, other;

static struct flight *board(struct crew *c, const char *job)
{
    struct err e = {""};
    struct refusal why;
    const struct queue_claim claim = {.lease = &lease,
                                      .batch = "BATCHBATCHBATCH1",
                                      .t0_ms = T0_MS,
                                      .now_ms = T0_MS + 7,
                                      .digest = config.digest};
    const struct queue_member m = {
        .pos = (unsigned)c->n, .envelope = "", .bytes = job, .len = strlen(job)};
    assert_true(c->n < CREW_MAX);
    struct flight *f = &c->flights[c->n++];
    assert_true(flight_init(f, &claim, &m, &e));
    f->config = &config;
    if (!flight_read(f, &config, &why))
        fail_msg("%s", why.err.text);
    if (keep && c == &crew)
        assert_true(call_keep_params(&f->lone));
    return f;
}

static void board_all(struct crew *c, const char *const *jobs, size_t n)
{
    c->n = c->ncalls = 0;
    for (size_t i = 0; i < n; i++)
        board(c, jobs[i]);
}

static void put_together(struct crew *c, const struct grouping *g)
{
    for (size_t i = 0; i < g->ncalls; i++) {
        const struct grouping_call *call = &g->calls[i];
        struct call *shared = c->calls[c->ncalls++] = shared_call_new(call);
        for (size_t k = call->first; k < call->first + call->n; k++)
            shared_add(shared, &c->flights[g->members[k].pos], g->members[k].task);
    }
}

static void group(struct crew *c, const char *text)
{
    struct err e = {""};
    struct grouping *g = malloc(sizeof *g);
    if (!grouping_read(text, strlen(text), g, &e))
        fail_msg("%s", e.text);
    put_together(c, g);
    free(g);
}

static void disperse(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct flight *f = &c->flights[i];
        if (f->call != &f->lone)
            shared_leave(f->call);
        flight_free(f);
    }
}

static void params_of(const struct flight *f, struct params *p)
{
    struct err e = {""};
    if (!call_params(f->call, p, &e))
        fail_msg("%s", e.text);
}

static const char *param(const struct params *p, const char *name)
{
    const char *value = params_get(p, name);
    return value ? value : "";
}

static void name(const struct flight *f, struct params *p, char digits[TOKEN_SIZE])
{
    call_params_name(f->call, p);
    request_job_key(NULL, params_get(p, "IdempotentToken"), digits);
}

static void token_of(const struct flight *f, char token[TOKEN_SIZE])
{
    struct params p;
    params_of(f, &p);
    request_token(&p, f->call->id, f->env.gen, 0, token);
    params_free(&p);
}

#define LEN(a) (sizeof(a) / sizeof(a)[0])

/* --- the call -------------------------------------------------------------------------------- */

static void test_push_of_ids(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"message\":\"m\",\"target\":{\"account\":[\"a\",\"b\"]}}",
        "{\"message\":\"other\",\"target\":{\"account\":[\"x\"]}}",
        "{\"id\":\"j3\",\"message\":\"m\",\"target\":{\"account\":[\"c\"]}}",
    };
    struct params p;
    board_all(&crew, jobs, LEN(jobs));
    group(&crew, "1 2 P:call.0:2,0");
    const struct flight *leader = &crew.flights[2];
    assert_ptr_equal(call_leader(leader->call), leader);
    assert_int_equal(call_action(leader->call), LIMIT_PUSH);
    assert_int_equal(call_action(crew.flights[1].call), LIMIT_PUSH);
    params_of(leader, &p);
    assert_string_equal(param(&p, "TargetValue"), "c,a,b");
    assert_string_equal(param(&p, "Target"), "ACCOUNT");
    assert_string_equal(param(&p, "AppKey"), "23456789");
    assert_string_equal(param(&p, "Body"), "{\"type\":0,\"message\":\"m\"}");
    assert_null(params_get(&p, "JobKey"));
    char digits[TOKEN_SIZE];
    name(leader, &p, digits);
    assert_string_equal(param(&p, "JobKey"), digits);
    params_free(&p);
    params_of(&crew.flights[1], &p); /* one by itself */
    assert_string_equal(param(&p, "TargetValue"), "x");
    params_free(&p);
    disperse(&crew);
}

static void test_mass_push(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"message\":\"m\",\"target\":{\"account\":[\"a\"]}}",
        ("{\"id\":\"j1\",\"message\":\"n\",\"target\":{\"device\":["
         "\"0000000000000000000000000000000d\"]}}"),
        "{\"id\":\"j2\",\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
        "{\"id\":\"not fit\",\"message\":\"o\",\"target\":{\"alias\":[\"l\",\"k\"]}}",
        "{\"message\":\"p\",\"target\":{\"alias\":[\"l\"]}}",
    };
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"AppKey", "23456789"},
        {"TargetValue", ""},
        {"PushTask.1.AppKey", ""},
        {"PushTask.1.Target", "ACCOUNT"},
        {"PushTask.1.TargetValue", "a,b"},
        {"PushTask.1.JobKey", "#0000"}, /* two jobs */
        {"PushTask.2.Target", "DEVICE"},
        {"PushTask.2.TargetValue", "0000000000000000000000000000000d"},
        {"PushTask.2.Body", "{\"type\":0,\"message\":\"n\"}"},
        {"PushTask.2.JobKey", "j1"},
        {"PushTask.3.TargetValue", "l,k"},
        {"PushTask.3.JobKey", "#0002"}, /* the id does not fit */
        {"PushTask.4.JobKey", "BATCHBATCHBATCH1-4"},
        {"PushTask.0.Target", ""},
        {"PushTask.5.Target", ""},
    };
    struct params p;
    board_all(&crew, jobs, LEN(jobs));
    group(&crew, "1 5 M:call.0:0,2/1/3/4");
    for (size_t i = 0; i < LEN(jobs); i++)
        assert_int_equal(call_action(crew.flights[i].call), LIMIT_MASSPUSH);
    params_of(&crew.flights[0], &p);
    char digits[TOKEN_SIZE], key[TOKEN_SIZE];
    name(&crew.flights[0], &p, digits);
    for (size_t i = 0; i < LEN(rows); i++) {
        bool made = rows[i].value[0] == '#'; /* the token's digits and the task's number */
        snprintf(key, sizeof key, "%.28s%s", digits, rows[i].value + made);
        assert_string_equal(param(&p, rows[i].name), made ? key : rows[i].value);
    }
    params_free(&p);
    disperse(&crew);
}

static void test_tags(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"a\",\"b\"]}",
        "{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"b\",\"c\"]}",
        "{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"a\"]}",
    };
    struct params p;
    board_all(&crew, jobs, LEN(jobs));
    group(&crew, "1 3 P:call.0:0,1,2");
    params_of(&crew.flights[0], &p);
    assert_string_equal(param(&p, "Target"), "TAG");
    assert_string_equal(param(&p, "TargetValue"),
                        "{\"and\":[{\"tag\":\"s\"},{\"or\":[{\"tag\":\"a\"},{\"tag\":\"b\"},"
                        "{\"tag\":\"c\"}]}]}");
    params_free(&p);
    disperse(&crew);
}

/* As many tags as the rules allow make one call; more are refused, not cut. */
static void test_many_tags(void **state)
{
    (void)state;
    size_t most = target_tags_max(&config.limits);
    struct params p;
    struct err e;
    for (size_t n = most; n <= most + 1; n++) {
        struct buf text;
        buf_init(&text, GROUPING_TEXT_MAX);
        buf_printf(&text, "1 %zu P:call.0:0", n);
        crew.n = crew.ncalls = 0;
        for (size_t i = 0; i < n; i++) {
            char job[128];
            snprintf(job, sizeof job, "{\"message\":\"m\",\"school\":\"s\",\"tags\":[\"t%zu\"]}",
                     i);
            board(&crew, job);
            if (i)
                buf_printf(&text, ",%zu", i);
        }
        group(&crew, buf_text(&text));
        buf_free(&text);
        assert_int_equal(call_params(crew.flights[0].call, &p, &e), n == most);
        params_free(&p);
        disperse(&crew);
    }
}

/* A task's ExpireTime is the earliest of its jobs', the call is not sent after the earliest of all.
 */
static void test_times(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"message\":\"m\",\"ttl_s\":100,\"target\":{\"device\":["
        "\"0000000000000000000000000000000a\"]}}",
        "{\"message\":\"m\",\"ttl_s\":90,\"target\":{\"device\":["
        "\"0000000000000000000000000000000b\"]}}",
        "{\"message\":\"n\",\"ttl_s\":120,\"target\":{\"device\":["
        "\"0000000000000000000000000000000a\"]}}",
        "{\"message\":\"n\",\"ttl_s\":110,\"target\":{\"device\":["
        "\"0000000000000000000000000000000b\"]}}",
        "{\"message\":\"o\",\"ttl_s\":80,\"target\":{\"device\":["
        "\"0000000000000000000000000000000b\"]}}",
    };
    struct params p;
    board_all(&crew, jobs, LEN(jobs));
    group(&crew, "1 5 M:call.0:0,1/2,3/4");
    shared_close(crew.calls[0]);
    int64_t base_ms = crew.flights[1].plan.deadline_ms - 90000;
    assert_int_equal(crew.flights[0].plan.send_by_ms, crew.flights[4].plan.send_by_ms);
    static const int64_t expire_s[] = {90, 110, 80};
    params_of(&crew.flights[0], &p);
    for (size_t i = 0; i < LEN(expire_s); i++) {
        char name[32], stamp[CLOCK_UTC_SIZE];
        snprintf(name, sizeof name, "PushTask.%zu.ExpireTime", i + 1);
        clock_format_utc(base_ms + expire_s[i] * 1000, stamp);
        assert_string_equal(param(&p, name), stamp);
    }
    params_free(&p);
    disperse(&crew);
}

static void test_members(void **state)
{
    (void)state;
    static const char *const jobs[] = {
        "{\"message\":\"m\",\"target\":{\"device\":[\"0000000000000000000000000000000a\"]}}",
        "{\"message\":\"m\",\"target\":{\"device\":[\"0000000000000000000000000000000b\"]}}",
        "{\"message\":\"n\",\"target\":{\"device\":[\"0000000000000000000000000000000c\"]}}",
    };
    board_all(&crew, jobs, LEN(jobs));
    group(&crew, "1 2 M:call.7:2/0");
    const struct call *c = crew.flights[0].call;
    assert_true(call_is_shared(c));
    assert_int_equal(c->n, 2);
    assert_ptr_equal(c->members[0].flight, &crew.flights[2]);
    assert_ptr_equal(c->members[1].flight, &crew.flights[0]);
    assert_int_equal(c->members[1].task, 1);
    assert_ptr_equal(crew.flights[1].call, &crew.flights[1].lone);
    assert_false(call_is_shared(crew.flights[1].call));
    assert_ptr_equal(call_leader(crew.flights[1].call), &crew.flights[1]);
    assert_string_equal(crew.flights[0].env.call, "call.7");
    assert_int_equal(crew.flights[0].env.task, 1);
    assert_int_equal(crew.flights[0].env.tasks, 2);
    assert_string_equal(crew.flights[1].env.call, "");
    assert_false(call_stays_whole(c) || call_may_be_out(c));
    crew.flights[2].env.unanswered = 1;
    crew.flights[1].env.unanswered = 1;
    assert_true(call_stays_whole(c) && call_may_be_out(c));
    assert_true(call_may_be_out(crew.flights[1].call));
    assert_false(call_stays_whole(crew.flights[1].call)); /* nobody goes with it */
    shared_forget(&crew.flights[0]);
    assert_string_equal(crew.flights[0].env.call, "");
    assert_int_equal(crew.flights[0].env.tasks, 0);
    disperse(&crew);
}

/* --- the same call again --------------------------------------------------------------------- */

static const char *const mixed[] = {
    "{\"message\":\"m\",\"target\":{\"account\":[\"a\"]}}",
    ("{\"id\":\"j1\",\"message\":\"n\",\"target\":{\"device\":["
     "\"0000000000000000000000000000000d\"]}}"),
    "{\"message\":\"m\",\"target\":{\"account\":[\"b\"]}}",
    "{\"message\":\"o\",\"ttl_s\":86390,\"target\":{\"alias\":[\"l\",\"k\"]}}",
    "{\"message\":\"n\",\"target\":{\"device\":[\"0000000000000000000000000000000e\"]}}",
};
static const char mixed_text[] = "1 5 M:call.0:0,2/1,4/3";

/* What goes to Redis and comes back: the members under new positions. */
static void test_rebuilt(void **state)
{
    (void)state;
    char first[TOKEN_SIZE], again[TOKEN_SIZE];
    struct buf b;
    const char *in_order[LEN(mixed)];
    board_all(&crew, mixed, LEN(mixed));
    group(&crew, mixed_text);
    shared_close(crew.calls[0]);
    token_of(&crew.flights[0], first);
    buf_init(&b, GROUPING_TEXT_MAX);
    shared_write(crew.calls[0], 0, LEN(mixed), "call.0", &b);
    assert_string_equal(buf_text(&b), "1 5 M:call.0:0,1/2,3/4");
    for (size_t i = 0; i < LEN(mixed); i++)
        in_order[i] = mixed[crew.calls[0]->members[i].flight->pos];
    board_all(&other, in_order, LEN(mixed));
    group(&other, buf_text(&b));
    token_of(&other.flights[0], again); /* before the times are closed, too */
    assert_string_equal(first, again);
    shared_close(other.calls[0]);
    token_of(&other.flights[0], again);
    assert_string_equal(first, again);
    /* another try of it is another push; so is another call, another order, or another member */
    for (size_t i = 0; i < LEN(mixed); i++)
        other.flights[i].env.gen = 1;
    token_of(&other.flights[0], again);
    assert_string_not_equal(first, again);
    disperse(&other);
    static const char *const differ[] = {"1 5 M:call.1:0,2/1,4/3", "1 5 M:call.0:2,0/1,4/3",
                                         "1 5 M:call.0:1,4/0,2/3", "1 4 M:call.0:0,2/1,4"};
    for (size_t i = 0; i < LEN(differ); i++) {
        board_all(&other, mixed, LEN(mixed));
        group(&other, differ[i]);
        token_of(call_leader(other.calls[0]), again);
        assert_string_not_equal(first, again);
        disperse(&other);
    }
    buf_free(&b);
    disperse(&crew);
}

static void test_written_in_part(void **state)
{
    (void)state;
    static const struct {
        size_t from, n;
        const char *text;
    } rows[] = {
        {0, 5, "1 5 M:x:0,1/2,3/4"}, {0, 2, "1 2 P:x:0,1"},     {2, 2, "1 2 P:x:0,1"},
        {2, 3, "1 3 M:x:0,1/2"},     {1, 4, "1 4 M:x:0/1,2/3"},
    };
    board_all(&crew, mixed, LEN(mixed));
    group(&crew, mixed_text);
    for (size_t i = 0; i < LEN(rows); i++) {
        struct buf b;
        buf_init(&b, GROUPING_TEXT_MAX);
        shared_write(crew.calls[0], rows[i].from, rows[i].n, "x", &b);
        assert_string_equal(buf_text(&b), rows[i].text);
        buf_free(&b);
    }
    disperse(&crew);
}

/* --- in two ---------------------------------------------------------------------------------- */

/* A call of nothing but its shape: so many members in each task. */
static struct call *shape(const unsigned *sizes, size_t ntasks)
{
    struct grouping_call call = {.tasks = ntasks, .mass = ntasks > 1};
    for (size_t t = 0; t < ntasks; t++)
        call.n += sizes[t];
    memset(crew.flights, 0, sizeof crew.flights);
    struct call *c = shared_call_new(&call);
    for (size_t t = 0, at = 0; t < ntasks; t++)
        for (unsigned i = 0; i < sizes[t]; i++)
            shared_add(c, &crew.flights[at++], (unsigned)t);
    return c;
}

static void forget_shape(struct call *c)
{
    for (size_t i = c->n; i-- > 0;)
        shared_leave(c);
}

static void test_half(void **state)
{
    (void)state;
    static const struct {
        unsigned sizes[8];
        size_t half;
    } rows[] = {
        {{2}, 1},       {{3}, 1},          {{4}, 2},       {{1, 1}, 1},
        {{1, 1, 1}, 1}, {{1, 1, 1, 1}, 2}, {{2, 2}, 2},    {{1, 3}, 1},
        {{3, 1}, 3},    {{1, 2, 1}, 1},    {{2, 3, 1}, 2}, {{5, 1, 1}, 5},
        {{1, 1, 5}, 2}, {{1, 6, 1}, 1},    {{1, 2}, 1},    {{2, 1}, 2},
    };
    for (size_t i = 0; i < LEN(rows); i++) {
        size_t ntasks = 0;
        while (ntasks < 8 && rows[i].sizes[ntasks])
            ntasks++;
        struct call *c = shape(rows[i].sizes, ntasks);
        if (shared_half(c) != rows[i].half)
            fail_msg("row %zu: %zu", i, shared_half(c));
        forget_shape(c);
    }
}

static uint64_t random_state;

static size_t below(size_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((random_state >> 33) % n);
}

/* However often it is cut, tasks stay whole until one is alone, and each job ends up alone. */
static void test_any_shape_is_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        unsigned sizes[GROUPING_MEMBERS_MAX];
        size_t n = 0, ntasks = 0, most = 2 + below(GROUPING_MEMBERS_MAX - 1);
        random_state = seed;
        while (n < most) {
            unsigned size = 1 + (unsigned)below(below(3) ? 3 : 100);
            size = size < most - n ? size : (unsigned)(most - n);
            sizes[ntasks++] = size;
            n += size;
        }
        struct call *c = shape(sizes, ntasks);
        size_t half = shared_half(c);
        const struct call_member *left = &c->members[half - 1], *right = &c->members[half];
        if (half < 1 || half >= n || (ntasks > 1 && left->task == right->task))
            fail_msg("seed %" PRIu64 ": %zu of %zu", seed, half, n);
        forget_shape(c);
    }
}

/* How often a call can be cut; its id grows with each. */
static size_t cuts(const unsigned *sizes, size_t ntasks, const char *id)
{
    struct call *c = shape(sizes, ntasks);
    unsigned part[2][GROUPING_MEMBERS_MAX] = {{0}};
    char ids[2][GROUPING_ID_SIZE];
    size_t n[2], half = shared_half(c), most = 0;
    snprintf(c->id, sizeof c->id, "%s", id);
    for (size_t i = 0; i < c->n; i++)
        part[i >= half][c->members[i].task - (i < half ? 0 : c->members[half].task)]++;
    for (unsigned i = 0; i < 2; i++) {
        shared_half_id(c, i, ids[i]);
        for (n[i] = 0; n[i] < GROUPING_MEMBERS_MAX && part[i][n[i]];)
            n[i]++;
    }
    assert_string_not_equal(ids[0], ids[1]);
    forget_shape(c);
    for (unsigned i = 0; i < 2; i++) {
        size_t deeper = n[i] > 1 || part[i][0] > 1 ? cuts(part[i], n[i], ids[i]) : 0;
        most = deeper > most ? deeper : most;
    }
    return most + 1;
}

static void test_cut_to_the_end(void **state)
{
    (void)state;
    static const unsigned alone[] = {GROUPING_MEMBERS_MAX};
    assert_int_equal(cuts(alone, 1, "BATCHBATCHBATCH1.127"), 8);
    unsigned worst[GROUPING_MEMBERS_MAX];
    size_t ntasks = 0;
    for (unsigned left = GROUPING_MEMBERS_MAX; left; left -= worst[ntasks++])
        worst[ntasks] = ntasks % 2 && left > 2 ? (left + 1) / 2 : 1;
    assert_in_range(cuts(worst, ntasks, "BATCHBATCHBATCH1.127"), 13, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push_of_ids),    cmocka_unit_test(test_mass_push),
        cmocka_unit_test(test_tags),           cmocka_unit_test(test_many_tags),
        cmocka_unit_test(test_times),          cmocka_unit_test(test_members),
        cmocka_unit_test(test_rebuilt),        cmocka_unit_test(test_written_in_part),
        cmocka_unit_test(test_half),           cmocka_unit_test(test_any_shape_is_cut),
        cmocka_unit_test(test_cut_to_the_end),
    };
    int failed = cmocka_run_group_tests_name("shared_call", tests, load, unload);
    keep = true;
    return failed +
           cmocka_run_group_tests_name("shared_call, parameters kept", tests, load, unload);
}
