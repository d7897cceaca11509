// SPDX-License-Identifier: MIT
// What workers share (fleet, circuits, limits, limits_core, limits_config, limits_ask, limits_cool;
// fleet_store), on a real redis-server: the buckets' arithmetic, cool-downs, overrides,
// pauses and circuits, seen by several workers at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "fleet/fleet.h"
#include "queue/scripts.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"
#include "support/throttled.h"

enum { FLEETS_MAX = 5, SHOP = 0, NEWS = 1 };

/* One worker's part in the fleet. */
struct member {
    struct redis *redis;
    struct fleet *fleet;
    bool up;
    size_t taken;
    bool greedy;             /* takes whatever it gets */
    const char *all;         /* wants to push to ALL of this type */
    int64_t all_ms, wait_ms; /* when it could */
};

static char egress_label[] = "here";
static struct config config;
static struct config_app apps[2];
static char *queue_name_[] = {(char[]){QUEUE}};
static struct member members[FLEETS_MAX];
static size_t nmembers;

static void config_init(int64_t push, int64_t egress, int64_t burst_ms)
{
    apps[SHOP] = (struct config_app){.app = {.name = "shop"}, .account_label = "acme"};
    apps[NEWS] = (struct config_app){.app = {.name = "news"}, .account_label = "other"};
    config = (struct config){.apps = apps,
                             .napps = 2,
                             .queue_names = queue_name_,
                             .nqueues = 1,
                             .lease_ms = 1500,
                             .circuit_failures = 2,
                             .circuit_probe_ms = 300,
                             .limit_push_per_s = push,
                             .limit_egress_per_s = egress,
                             .limit_burst_ms = burst_ms,
                             .limit_all_gap_ms = 400,
                             .limit_egress = egress_label};
}

static void take_all(struct member *m)
{
    int64_t wait_ms;
    while (limits_take(fleet_limits(m->fleet), SHOP, LIMIT_PUSH, NULL, &wait_ms) == LIMIT_GO)
        m->taken++;
}

static void on_fleet(void *arg)
{
    struct member *m = arg;
    if (m->greedy)
        take_all(m);
    if (m->all &&
        limits_take(fleet_limits(m->fleet), SHOP, LIMIT_PUSH, m->all, &m->wait_ms) == LIMIT_GO) {
        m->all = NULL;
        m->all_ms = clock_mono_ms();
    }
}

/* A token for ALL must be taken when it comes, so it is waited for in the callback. */
static int64_t push_to_all(struct member *m, const char *type)
{
    m->all = type;
    on_fleet(m);
    pump_until(base, !m->all);
    return m->all_ms;
}

static void on_state(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    ((struct member *)arg)->up = state == REDIS_UP;
}

static void members_start(size_t n)
{
    for (nmembers = 0; nmembers < n; nmembers++) {
        struct member *m = &members[nmembers];
        struct redis_opts ro;
        char name[24];
        redis_opts_default(&ro);
        snprintf(ro.unix_path, sizeof ro.unix_path, "%s", server.socket);
        snprintf(name, sizeof name, "w%zu", nmembers);
        *m = (struct member){0};
        m->redis = redis_new(base, NULL, &ro, name, on_state, m);
        pump_until(base, m->up);
        m->fleet = fleet_new(base, &config, m->redis, name, on_fleet, m);
    }
}

static int members_stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < nmembers; i++) {
        redis_free(members[i].redis);
        fleet_free(members[i].fleet);
    }
    nmembers = 0;
    return 0;
}

static struct limits *limits_of(size_t i)
{
    return fleet_limits(members[i].fleet);
}

/* As a worker that would claim asks. */
static size_t calls_for(struct limits *l, size_t n)
{
    limits_ask_for(l, n);
    return limits_calls(l, n);
}

static enum limit_token take(size_t i, size_t app, int64_t *wait_ms)
{
    return limits_take(limits_of(i), app, LIMIT_PUSH, NULL, wait_ms);
}

/* --- the script ------------------------------------------------------------------------------ */

static int64_t at(const redisReply *r, size_t i)
{
    return r->element[i]->integer;
}

/* What a worker reports of its calls' answers. */
struct told {
    int through, throttled;
    unsigned first, last;
    const char *hint;
    int age_ms;
};

static redisReply *tell(const char *bucket, int rate, int burst, int want, int back, struct told t)
{
    redisReply *r = cli("EVAL %s 2 " KEY_FLOW " " KEY_CONTROL " %s %d %d %d %d %d %d %u %u %s %d",
                        script_get(SCRIPT_FLOW)->source, bucket, rate, burst, want, back, t.through,
                        t.throttled, t.first, t.last, t.hint ? t.hint : "", t.age_ms);
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 9)
        fail_msg("flow script: %s", r->str ? r->str : "shape");
    return r;
}

static redisReply *ask(const char *bucket, int rate, int burst, int want, int back)
{
    return tell(bucket, rate, burst, want, back, (struct told){0});
}

static int64_t ask_for(const char *bucket, int rate, int burst, int want)
{
    redisReply *r = ask(bucket, rate, burst, want, 0);
    int64_t granted = at(r, 2);
    freeReplyObject(r);
    return granted;
}

/* Words of a bucket, from 1, that are times. */
static bool is_time(int word)
{
    return word == 2 || word == 4 || word == 10 || word == 15;
}

/* Moves a bucket so many ms into the past, with all that it remembers. */
static void age(const char *bucket, int ms)
{
    char *text = cli_text("HGET " KEY_FLOW " %s", bucket), *rest = text, *word;
    struct buf moved;
    buf_init(&moved, 1024);
    for (int i = 1; (word = strsep(&rest, " ")); i++)
        buf_printf(&moved, "%s%.17g", i > 1 ? " " : "", strtod(word, NULL) - (is_time(i) ? ms : 0));
    freeReplyObject(cli("HSET " KEY_FLOW " %s %s", bucket, buf_text(&moved)));
    buf_free(&moved);
    mem_free(text);
}

static double rate_of(const char *bucket)
{
    double rate;
    char *text = cli_text("HGET " KEY_FLOW " %s", bucket);
    assert_int_equal(sscanf(text, "%*s %*s %lf", &rate), 1);
    mem_free(text);
    return rate;
}

static void many_steps_stay_below_the_rate(void **state)
{
    (void)state;
    enum { RATE = 3000, BURST = 120 };
    int64_t begin = 0, now = 0, out = 0, steps = 0;
    unsigned seed = 7;
    while (now - begin < 1200 || steps <= 200) { /* a busy machine needs longer */
        int want = (int)(rand_r(&seed) % 200);
        int back = out > 5 && rand_r(&seed) % 8 == 0 ? 5 : 0;
        redisReply *r = ask("b", RATE, BURST, want, back);
        now = at(r, 0);
        begin = begin ? begin : now;
        out += at(r, 2) - back;
        assert_true(at(r, 2) <= want);
        assert_true((at(r, 3) == 0) == (at(r, 2) == want || want == 0));
        /* The clock of the reply is cut to a millisecond. */
        assert_true(out <= BURST + RATE * (now - begin + 1) / 1000);
        freeReplyObject(r);
        steps++;
    }
    assert_true(out > RATE * 1100 / 1000);
}

static void a_bucket_is_full_at_first_and_never_fuller(void **state)
{
    (void)state;
    assert_int_equal(ask_for("b", 10, 10, 50), 10);
    assert_int_equal(ask_for("b", 10, 10, 1), 0);
    age("b", 500);
    assert_int_equal(ask_for("b", 10, 10, 50), 5);
    age("b", 3600000);
    assert_int_equal(ask_for("b", 10, 10, 50), 10);
    freeReplyObject(ask("b", 10, 10, 0, 40));
    assert_int_equal(ask_for("b", 10, 10, 50), 10);
}

static void a_small_grant_waits_for_a_lot(void **state)
{
    (void)state;
    ask_for("b", 5000, 5000, 5000);
    redisReply *r = ask("b", 5000, 5000, 400, 0);
    assert_true(at(r, 2) == 0 || at(r, 2) >= 100); /* a fiftieth of a second's worth */
    assert_in_range(at(r, 3), 1, 25);
    freeReplyObject(r);
    freeReplyObject(ask("b", 5000, 5000, 0, 3));
    assert_int_equal(ask_for("b", 5000, 5000, 1), 1);
}

/* Ten calls, different ones, that were throttled with none let through between them. */
static int64_t rest_after(const char *hint)
{
    redisReply *r = tell("b", 100, 100, 0, 0, (struct told){0, 10, 1, 2, hint, 0});
    int64_t ms = at(r, 4);
    freeReplyObject(r);
    return ms;
}

static int64_t rest_of(struct told t)
{
    redisReply *r = tell("b", 100, 100, 0, 0, t);
    int64_t ms = at(r, 4);
    freeReplyObject(r);
    return ms;
}

static void let_through(int n)
{
    freeReplyObject(tell("b", 100, 100, 0, 0, (struct told){.through = n}));
}

static void one_call_is_not_the_account(void **state)
{
    (void)state;
    assert_int_equal(rest_of((struct told){0, 1, 7, 7, "5000", 0}), 0);
    assert_int_equal(rest_of((struct told){0, 1, 7, 7, "5000", 0}), 0); /* the same again */
    let_through(20);
    assert_int_equal(rest_of((struct told){0, 1, 8, 8, "5000", 0}), 0);
    assert_int_equal(rest_of((struct told){3, 1, 9, 9, "5000", 0}), 0); /* three went before it */
    assert_true(rate_of("b") == 100);
    assert_in_range(rest_of((struct told){0, 1, 7, 7, "5000", 0}), 4990, 5001);
    redisReply *r = ask("b", 100, 100, 1, 0);
    assert_int_equal(at(r, 2), 0);
    assert_in_range(at(r, 3), 4900, 5100);
    assert_int_equal(at(r, 5), 23); /* let through */
    assert_int_equal(at(r, 6), 4);  /* 7, 8, 9, 7 */
    assert_int_equal(at(r, 7), 7);
    freeReplyObject(r);
}

static void the_hint_is_the_rest(void **state)
{
    (void)state;
    assert_in_range(rest_after("30"), 25, 31);
    assert_int_equal(cli_int("EXISTS " KEY_CONTROL), 0); /* nobody needs to be told of that */
    age("b", 1000);
    let_through(1);
    assert_in_range(rest_after("9000"), 8990, 9001);
    assert_in_range(rest_after("100"), 8900, 9010); /* they were out together */
    assert_in_range(rest_after("20000"), 19990, 20001);
}

static void without_a_hint_rests_stay_short(void **state)
{
    (void)state;
    static const int64_t most[] = {250, 500, 1000, 2000, 2000, 2000};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        assert_in_range(rest_after(NULL), most[i] / 2, most[i]);
        age("b", (int)most[i] + 251);
    }
    assert_true(rate_of("b") == 100); /* nothing went through: that says nothing of the rate */
    let_through(1);
    assert_in_range(rest_after(NULL), 125, 250);
}

/* 100 a second are asked for, and 40 go through. */
static void the_rate_falls_to_what_went_through(void **state)
{
    (void)state;
    int64_t began_ms = clock_mono_ms();
    let_through(1);
    age("b", 1000);
    let_through(40);
    assert_in_range(rest_after("1"), 0, 1);
    double late = 1 + (double)(clock_mono_ms() - began_ms) / 1000; /* the server's clock goes on */
    double fell = rate_of("b");
    assert_true(fell > 40 / late && fell < 48); /* and a standard deviation */
    /* A fiftieth of that a second, while it is wanted: nothing is taken, so it is not for long. */
    ask_for("b", 100, 100, 100);
    age("b", 1000);
    ask_for("b", 100, 100, 100);
    late = 1 + (double)(clock_mono_ms() - began_ms) / 1000;
    assert_true(rate_of("b") > fell * 1.01 && rate_of("b") < fell * (1 + 0.03 * late));
    age("b", 3600000);
    ask_for("b", 100, 100, 100);
    assert_true(rate_of("b") < fell * 1.1);
}

static void steps_grow_while_nobody_objects(void **state)
{
    (void)state;
    let_through(1);
    age("b", 1000);
    let_through(10);
    rest_after("1");
    assert_true(rate_of("b") < 15);
    for (int s = 0; s < 60; s++) {
        while (ask_for("b", 100, 100, 100))
            ;
        age("b", 1000);
    }
    assert_true(rate_of("b") == 100);
}

/* One in ten, each another: not the rate's fault. */
static void a_few_that_are_refused_do_not_slow_the_rest(void **state)
{
    (void)state;
    let_through(1);
    age("b", 1000);
    let_through(90);
    assert_in_range(rest_of((struct told){0, 2, 1, 2, NULL, 0}), 125, 250);
    assert_true(rate_of("b") == 100);
}

static void the_version_before_is_understood(void **state)
{
    (void)state;
    freeReplyObject(cli("HSET " KEY_FLOW " b %s", "5.0000 1000.000 50.0000 0 3 100.0000 100.0000"));
    assert_int_equal(ask_for("b", 100, 100, 2), 2);
    assert_true(rate_of("b") >= 50 && rate_of("b") < 80);
    double words[7];
    char *text = cli_text("HGET " KEY_FLOW " b");
    assert_int_equal(sscanf(text, "%lf %lf %lf %lf %lf %lf %lf", &words[0], &words[1], &words[2],
                            &words[3], &words[4], &words[5], &words[6]),
                     7);
    assert_true(words[5] == 100 && words[6] == 100); /* as that one wrote them */
    mem_free(text);
}

static void a_new_rate_keeps_the_proportion(void **state)
{
    (void)state;
    char bucket[128]; /* at rest, so that nothing climbs meanwhile */
    snprintf(bucket, sizeof bucket, "5.0000 1000.000 50.0000 %lld 1 100 100",
             (long long)clock_wall_ms() + 1800000);
    freeReplyObject(cli("HSET " KEY_FLOW " b %s", bucket));
    ask_for("b", 1000, 1000, 0);
    assert_true(rate_of("b") == 500);
    ask_for("b", 10, 10, 0);
    assert_true(rate_of("b") == 5);
}

static void a_clock_that_went_back_refills_nothing(void **state)
{
    (void)state;
    ask_for("b", 100, 10, 10);
    age("b", -5000);
    assert_int_equal(ask_for("b", 100, 10, 10), 0);
}

static void labels_of_gone_hosts_are_dropped(void **state)
{
    (void)state;
    char name[24];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "egress@%d", i);
        ask_for(name, 10, 10, 1);
        age(name, 3700 * 1000);
    }
    assert_true(cli_int("HLEN " KEY_FLOW) < 260);
}

static void a_full_memory_does_not_stop_it(void **state)
{
    (void)state;
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    assert_int_equal(ask_for("b", 10, 10, 1), 1);
    freeReplyObject(ask("b", 10, 10, 0, 0));
    redisReply *r =
        cli("EVAL %s 1 " KEY_CONTROL " -1 pause:* 0", script_get(SCRIPT_CONTROL)->source);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    freeReplyObject(r);
    freeReplyObject(cli("CONFIG SET maxmemory 0"));
    assert_int_equal(cli_int("HEXISTS " KEY_CONTROL " pause:*"), 1);
}

/* --- workers --------------------------------------------------------------------------------- */

static size_t taken(void)
{
    size_t n = 0;
    for (size_t i = 0; i < nmembers; i++)
        n += members[i].taken;
    return n;
}

static void greedy_workers_stay_below_the_rate(void **state)
{
    (void)state;
    enum { RATE = 400, BURST = 40 };
    config_init(0, RATE, 1000 * BURST / RATE);
    members_start(4);
    int64_t begin = clock_mono_ms();
    for (size_t i = 0; i < nmembers; i++) {
        members[i].greedy = true;
        take_all(&members[i]);
    }
    while (taken() < 600) {
        event_base_loop(base, EVLOOP_ONCE);
        assert_true((int64_t)taken() <= BURST + RATE * (clock_mono_ms() - begin + 1) / 1000);
    }
    for (size_t i = 0; i < nmembers; i++)
        assert_true(members[i].taken > taken() / 20); /* nobody starves */
}

static void without_limits_redis_is_not_asked(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    config.limit_all_gap_ms = 0;
    members_start(1);
    int64_t asks = metrics_get(METRIC_FLOW_ASKS), wait_ms;
    assert_int_equal(calls_for(limits_of(0), 64), 64);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(limits_take(limits_of(0), SHOP, LIMIT_PUSH, "ANDROID", &wait_ms),
                         LIMIT_GO);
    assert_int_equal(asks, metrics_get(METRIC_FLOW_ASKS));
}

/* Who only looks (the watchdog, readiness, pages) takes no tokens from those that would use them.
 */
static void looking_asks_nothing(void **state)
{
    (void)state;
    config_init(0, 1000, 1000);
    members_start(1);
    int64_t asks = metrics_get(METRIC_FLOW_ASKS);
    assert_int_equal(limits_calls(limits_of(0), 64), 0);
    assert_false(limits_rests(limits_of(0), SHOP));
    assert_false(limits_asking(limits_of(0)));
    limits_ask_for(limits_of(0), 64);
    assert_true(limits_asking(limits_of(0)));
    pump_until(base, limits_calls(limits_of(0), 64) > 0);
    assert_true(metrics_get(METRIC_FLOW_ASKS) > asks);
}

static int64_t shown(const char *limit)
{
    limits_show(limits_of(0));
    return metrics_get_at(METRIC_FLOW_STOCK, metrics_find(SET_LIMIT, limit), METRIC_OTHER);
}

static void the_stock_is_shown(void **state)
{
    (void)state;
    config_init(0, 1000, 1000);
    members_start(1);
    int64_t wait_ms;
    assert_int_equal(shown("egress"), 0);
    assert_int_equal(shown("Push"), METRIC_ABSENT);
    assert_int_equal(shown("MassPush"), METRIC_ABSENT);
    calls_for(limits_of(0), 64);
    pump_until(base, shown("egress") > 0);
    int64_t before = shown("egress");
    assert_int_equal(take(0, SHOP, &wait_ms), LIMIT_GO);
    assert_int_equal(before - 1, shown("egress"));
    pump_until(base, shown("egress") == 0); /* unused, it went back */
}

static void unused_tokens_go_back(void **state)
{
    (void)state;
    config_init(0, 10, 1000);
    members_start(2);
    int64_t wait_ms;
    calls_for(limits_of(0), 64);
    pump_until(base, calls_for(limits_of(0), 64) > 0);
    assert_int_equal(ask_for("egress@here", 10, 10, 9), 9);
    assert_int_equal(ask_for("egress@here", 0x7fffff, 10, 0), 0);
    /* Nobody takes it here: the other worker can have it. */
    pump_until(base, take(1, SHOP, &wait_ms) == LIMIT_GO);
}

static void accounts_have_their_own_buckets(void **state)
{
    (void)state;
    config_init(1, 0, 1000);
    members_start(1);
    int64_t wait_ms = 0;
    assert_int_equal(take(0, SHOP, &wait_ms), LIMIT_WAIT);
    pump_until(base, take(0, SHOP, &wait_ms) == LIMIT_GO);
    pump_until(base, take(0, SHOP, &wait_ms) == LIMIT_NONE);
    assert_in_range(wait_ms, 1, 1600);
    pump_until(base, take(0, NEWS, &wait_ms) == LIMIT_GO);
    assert_int_equal(limits_calls_of_app(limits_of(0), SHOP, 64), 0);
}

static void buckets_of_a_configuration(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double per_s, burst;
    } rows[] = {
        {"egress@here", 50, 100},     {"Push@acme", 100, 200},      {"MassPush@acme", 0, 1},
        {"all@shop@ANDROID", 2.5, 1}, {"all@shop@iOS", 2.5, 1},     {"all@shop@HARMONY", 2.5, 1},
        {"all@shop@ALL", 2.5, 1},     {"all@news@ANDROID", 2.5, 1}, {"all@news@iOS", 2.5, 1},
        {"all@news@HARMONY", 2.5, 1}, {"all@news@ALL", 2.5, 1}};
    struct limit_setting limits[FLEET_LIMITS_MAX];
    size_t account[2];
    config_init(100, 50, 2000);
    assert_int_equal(limits_of_config(&config, limits, account), 13);
    assert_int_equal(account[SHOP], 0);
    assert_int_equal(account[NEWS], 1);
    assert_string_equal(limits[3].name, "Push@other");
    apps[NEWS] = (struct config_app){.app = {.name = "news"}, .account_label = "acme"};
    assert_int_equal(sizeof rows / sizeof *rows, limits_of_config(&config, limits, account));
    assert_int_equal(account[NEWS], 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(limits[i].name, rows[i].name);
        assert_true(rows[i].per_s == limits[i].per_s && rows[i].burst == limits[i].burst);
    }
    config.limit_egress = NULL; /* the host's name, whatever it is */
    limits_of_config(&config, limits, NULL);
    assert_true(strlen(limits[0].name) > strlen("egress@"));
}

static void a_throttled_account_cools_everywhere(void **state)
{
    (void)state;
    config_init(1000, 0, 1000);
    members_start(3);
    int64_t wait_ms;
    for (size_t i = 0; i < 3; i++)
        pump_until(base, limits_calls_of_app(limits_of(i), SHOP, 64) > 0);
    int64_t ms = throttle_account(limits_of(0), SHOP, LIMIT_PUSH, 60000);
    assert_in_range(ms, 1, 60000);
    assert_int_equal(take(0, SHOP, &wait_ms), LIMIT_NONE);
    for (size_t i = 1; i < 3; i++)
        pump_until(base, take(i, SHOP, &wait_ms) == LIMIT_NONE && wait_ms > 1500);
    pump_until(base, take(2, NEWS, &wait_ms) == LIMIT_GO);
    /* An operator ends it. */
    freeReplyObject(cli("EVAL %s 1 " KEY_CONTROL " -1 cool:Push@acme %s",
                        script_get(SCRIPT_CONTROL)->source, ""));
    freeReplyObject(cli("HDEL " KEY_FLOW " Push@acme"));
    for (size_t i = 0; i < 3; i++)
        pump_until(base, take(i, SHOP, &wait_ms) == LIMIT_GO);
}

static void unlimited_accounts_cool_too(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    int64_t wait_ms;
    throttle_account(limits_of(0), SHOP, LIMIT_PUSH, 1200);
    pump_until(base, take(1, SHOP, &wait_ms) == LIMIT_NONE);
    pump_until(base, take(1, SHOP, &wait_ms) == LIMIT_GO);
    pump_until(base, take(0, SHOP, &wait_ms) == LIMIT_GO);
}

static void throttle_one(size_t i, uint32_t call)
{
    limits_throttled(limits_of(i), SHOP, LIMIT_PUSH,
                     &(struct limit_throttle){.call = call, .hint_ms = 5000});
}

/* Each worker sees one call only; together they know that it is the account. */
static void two_workers_calls_are_two(void **state)
{
    (void)state;
    config_init(1000, 0, 1000);
    members_start(2);
    int64_t wait_ms;
    throttle_one(0, 1);
    pump_until(base, !limits_asking(limits_of(0)));
    throttle_one(1, 1); /* the same job, which came there */
    pump_until(base, !limits_asking(limits_of(1)));
    pump_until(base, take(1, SHOP, &wait_ms) == LIMIT_GO);
    throttle_one(1, 2);
    for (size_t i = 0; i < 2; i++)
        pump_until(base, take(i, SHOP, &wait_ms) == LIMIT_NONE && wait_ms > 2000);
}

static void one_alone_is_told_from_many(void **state)
{
    (void)state;
    config_init(1000, 0, 1000);
    members_start(2);
    throttle_one(0, 1);
    const struct limit_mark first = limit_mark(limits_of(0), SHOP, LIMIT_PUSH);
    pump_until(base, !limits_asking(limits_of(0)));
    for (int i = 0; i < 16; i++)
        limits_passed(limits_of(1), SHOP, LIMIT_PUSH);
    throttle_one(1, 1); /* there, after others */
    pump_until(base, !limits_asking(limits_of(1)));
    const struct limit_mark second = limit_mark(limits_of(1), SHOP, LIMIT_PUSH);
    assert_true(limits_one_call_only(&first, &second));
    throttle_one(1, 2);
    const struct limit_mark third = limit_mark(limits_of(1), SHOP, LIMIT_PUSH);
    assert_false(limits_one_call_only(&first, &third));
    assert_false(limits_one_call_only(&second, &second)); /* nothing went through */
    assert_false(limits_one_call_only(&(struct limit_mark){0}, &second));
}

static void pushes_to_all_take_turns(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    int64_t first, second, last = 0;
    for (int i = 0; i < 4; i++) {
        int64_t now = push_to_all(&members[i % 2], "iOS");
        assert_true(now - last >= 390);
        last = now;
    }
    assert_true(push_to_all(&members[0], "ANDROID") - last < 390);
    /* Those that wait are sent away one gap apart. */
    members[0].wait_ms = 0;
    members[0].all = "ANDROID";
    on_fleet(&members[0]);
    pump_until(base, members[0].wait_ms > 0);
    members[0].all = NULL;
    first = members[0].wait_ms;
    assert_int_equal(limits_take(limits_of(0), SHOP, LIMIT_PUSH, "ANDROID", &second), LIMIT_NONE);
    assert_in_range(second - first, 380, 400);
}

static void change(const char *field, const char *value)
{
    redisReply *r =
        cli("EVAL %s 1 " KEY_CONTROL " -1 %s %s", script_get(SCRIPT_CONTROL)->source, field, value);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    freeReplyObject(r);
}

/* They want all they can until they have so much; never is that more than the rate gave since then,
 * and what was saved up. */
static bool within(size_t n, int64_t begin, size_t rate, size_t saved)
{
    assert_true((int64_t)n <=
                (int64_t)saved + (int64_t)rate * (clock_mono_ms() - begin + 1) / 1000);
    return true;
}

static void take_at(size_t least, size_t rate, size_t saved)
{
    size_t before = taken();
    int64_t begin = clock_mono_ms();
    for (size_t i = 0; i < nmembers; i++) {
        members[i].greedy = true;
        take_all(&members[i]);
    }
    pump_until(base, within(taken() - before, begin, rate, saved) && taken() - before >= least);
    for (size_t i = 0; i < nmembers; i++)
        members[i].greedy = false;
}

static void rates_change_at_run_time(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    int64_t wait_ms;
    assert_int_equal(calls_for(limits_of(0), 64), 64);
    change("rate:egress@here", "5");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, calls_for(limits_of(i), 64) < 64);
    take_at(10, 5, 6);
    change("rate:egress@here", "");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, calls_for(limits_of(i), 64) == 64);
    assert_int_equal(take(0, SHOP, &wait_ms), LIMIT_GO);
}

/* Every worker gets the configuration as it is, with another egress limit. */
static void reload(struct config *next, int64_t egress, int64_t burst_ms)
{
    *next = config;
    next->limit_egress_per_s = egress;
    next->limit_burst_ms = burst_ms;
    for (size_t i = 0; i < nmembers; i++)
        fleet_set_config(members[i].fleet, next);
}

/* Tokens in hand are of the old rate: none is left over for the new one. */
static void a_reload_changes_rates(void **state)
{
    (void)state;
    static struct config low, high, none; /* workers end later */
    config_init(0, 2000, 1000);
    members_start(2);
    for (size_t i = 0; i < 2; i++)
        calls_for(limits_of(i), 64);
    for (size_t i = 0; i < 2; i++)
        pump_until(base, calls_for(limits_of(i), 64) > 0 && !limits_asking(limits_of(i)));
    reload(&low, 5, 1000);
    assert_int_equal(calls_for(limits_of(0), 64), 0);
    take_at(9, 5, 6);
    assert_true(rate_of("egress@here") == 5);
    reload(&high, 500, 200);
    take_at(400, 500, 150);
    reload(&none, 0, 1000);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(calls_for(limits_of(i), 64), 64);
}

/* What an operator set is stronger than the new configuration until it is reset. */
static void a_reload_leaves_overrides(void **state)
{
    (void)state;
    static struct config high;
    config_init(0, 2000, 1000);
    members_start(1);
    pump_until(base, calls_for(limits_of(0), 64) > 0);
    change("rate:egress@here", "10");
    members[0].greedy = true;
    take_all(&members[0]);
    pump_until(base, rate_of("egress@here") == 10);
    reload(&high, 400, 1000);
    take_at(18, 10, 11);
    assert_true(rate_of("egress@here") == 10);
    change("rate:egress@here", "");
    members[0].greedy = true;
    take_all(&members[0]);
    size_t before = taken();
    pump_until(base, taken() > before + 500); /* at 10 a second it would be late */
    assert_true(rate_of("egress@here") == 400);
}

static void pauses_reach_everybody_and_end(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    change("pause:shop", "0");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, fleet_app_paused(members[i].fleet, SHOP));
    assert_false(fleet_app_paused(members[0].fleet, NEWS));
    assert_false(fleet_paused(members[0].fleet));
    assert_int_equal(metrics_get(METRIC_PAUSES), 1);
    change("pause:shop", "");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, !fleet_app_paused(members[i].fleet, SHOP));
    int64_t begin = clock_mono_ms();
    change("pause:*", "+3000");
    pump_until(base, fleet_paused(members[0].fleet) && fleet_paused(members[1].fleet));
    pump_until(base, !fleet_paused(members[0].fleet) && !fleet_paused(members[1].fleet));
    assert_true(clock_mono_ms() - begin >= 2990);
}

/* --- circuits -------------------------------------------------------------------------------- */

static struct circuit *circuit_of(size_t i)
{
    return circuits_at(fleet_circuits(members[i].fleet), SHOP);
}

static void reply(size_t i, enum reply_class class, int job)
{
    struct reply r = {.class = class, .code = "ServiceUnavailable"};
    struct circuit *c = circuit_of(i);
    enum circuit_state before = c->state;
    circuit_note(c, &r, (uint64_t)job, false, clock_mono_ms());
    circuits_report(fleet_circuits(members[i].fleet), SHOP, before, false, "", 1);
}

static void open_everywhere(void)
{
    reply(0, REPLY_TRANSIENT, 1);
    reply(0, REPLY_TRANSIENT, 2);
    assert_int_equal(circuit_of(0)->state, CIRCUIT_OPEN);
    for (size_t i = 1; i < nmembers; i++)
        pump_until(base, circuit_of(i)->state == CIRCUIT_OPEN);
}

static int64_t last_sent(size_t i)
{
    return circuits_last_sent_ms(fleet_circuits(members[i].fleet), SHOP);
}

/* What one worker sent is known to another that needs it, without everybody reading all anew; what
 * is a day old goes with a change. */
static void what_one_sent_the_others_know(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(3);
    change("pause:news", "0");
    long long version = cli_int("HGET " KEY_CONTROL " v");
    circuits_note_refused(fleet_circuits(members[1].fleet), SHOP);
    circuits_note_sent(fleet_circuits(members[0].fleet), SHOP, 123000);
    pump_until(base, last_sent(1) == 123000);
    circuits_note_sent(fleet_circuits(members[1].fleet), SHOP, 122000); /* late, and older */
    pump_until(base, last_sent(1) == 123000);
    assert_int_equal(cli_int("HGET " KEY_CONTROL " sent:shop"), 123000);
    assert_int_equal(last_sent(2), 0); /* it did not ask */
    assert_int_equal(version, cli_int("HGET " KEY_CONTROL " v"));
    change("pause:news", "");
    assert_int_equal(cli_int("HEXISTS " KEY_CONTROL " sent:shop"), 0);
}

static void on_told(void *arg, bool first)
{
    *(int *)arg = first;
}

static int told(size_t i, const char *what)
{
    int first = -1;
    fleet_tell(members[i].fleet, what, 60000, on_told, &first);
    pump_until(base, first >= 0);
    return first;
}

static void one_says_it_for_all(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    assert_int_equal(told(0, "x:a b"), 1);
    assert_int_equal(told(1, "x:a b"), 0);
    assert_int_equal(told(1, "x:c"), 1);
    fleet_untell(members[0].fleet, "x:a b");
    pump_until(base, cli_int("EXISTS " KEY_TOLD("x:c")) == 1 && told(1, "x:a b") == 1);
}

/* Of a newer schema nothing is asked, and nothing said. */
static void a_newer_schema_is_let_be(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(1);
    fleet_shut(members[0].fleet, true);
    assert_int_equal(told(0, "x"), 1);
    reply(0, REPLY_TRANSIENT, 1);
    reply(0, REPLY_TRANSIENT, 2);
    assert_int_equal(told(0, "y"), 1); /* behind that */
    assert_int_equal(cli_int("EXISTS " KEY_CONTROL " " KEY_TOLD("x")), 0);
    fleet_shut(members[0].fleet, false);
    pump_until(base, cli_int("HEXISTS " KEY_CONTROL " circuit:shop") == 1);
}

/* Whose probe is due; −1 nobody's, −2 more than one's. */
static int prober(void)
{
    int found = -1;
    for (size_t i = 0; i < nmembers; i++)
        if (circuit_probe_due(circuit_of(i), clock_mono_ms()))
            found = found == -1 ? (int)i : -2;
    return found;
}

static void one_probes_for_all(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(5);
    open_everywhere();
    for (int round = 0; round < 3; round++) {
        pump_until(base, prober() != -1);
        int i = prober();
        assert_true(i >= 0);
        assert_true(circuit_admit(circuit_of((size_t)i), 99, clock_mono_ms()));
        assert_int_equal(prober(), -1);
        reply((size_t)i, REPLY_UNANSWERED, 3 + round);
        assert_int_equal(circuit_of((size_t)i)->state, CIRCUIT_OPEN);
        for (size_t k = 0; k < nmembers; k++)
            pump_until(base, circuit_of(k)->probe_wait_ms == 300 << (round + 1));
    }
    pump_until(base, prober() >= 0);
    int i = prober();
    assert_true(circuit_admit(circuit_of((size_t)i), 99, clock_mono_ms()));
    reply((size_t)i, REPLY_SENT, 4);
    for (size_t k = 0; k < nmembers; k++)
        pump_until(base, circuit_of(k)->state == CIRCUIT_CLOSED);
    assert_int_equal(cli_int("HEXISTS " KEY_CONTROL " circuit:shop"), 0);
}

/* Whose probe failed is known to all, and to whoever probes next. */
static void nobody_probes_with_a_job_that_failed(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(3);
    open_everywhere(); /* by job 2 */
    for (int job = 3; job < 6; job++) {
        pump_until(base, prober() >= 0);
        size_t i = (size_t)prober();
        for (uint64_t failed = 2; failed < (uint64_t)job; failed++)
            assert_false(circuit_admit(circuit_of(i), failed, clock_mono_ms()));
        assert_true(circuit_admit(circuit_of(i), (uint64_t)job, clock_mono_ms()));
        reply(i, REPLY_TRANSIENT, job);
        for (size_t k = 0; k < nmembers; k++)
            pump_until(base, circuit_of(k)->failed.n == (size_t)job - 1);
    }
    int64_t wait_ms = circuit_of(0)->probe_wait_ms;
    pump_until(base, prober() >= 0);
    size_t i = (size_t)prober();
    pump_until(base, circuit_admit(circuit_of(i), 3, clock_mono_ms()));
    assert_true(clock_mono_ms() >= circuit_of(i)->probe_at_ms + CIRCUIT_PATIENCE_MS - 50);
    reply(i, REPLY_TRANSIENT, 3);
    for (size_t k = 0; k < nmembers; k++)
        pump_until(base, circuit_of(k)->failed.wait_ms == 600);
    for (size_t k = 0; k < nmembers; k++)
        assert_int_equal(circuit_of(k)->probe_wait_ms, wait_ms);
    pump_until(base, prober() >= 0);
    i = (size_t)prober();
    assert_true(circuit_admit(circuit_of(i), 7, clock_mono_ms()));
    reply(i, REPLY_SENT, 7);
    for (size_t k = 0; k < nmembers; k++)
        pump_until(base, circuit_of(k)->state == CIRCUIT_CLOSED && !circuit_of(k)->failed.n);
    assert_int_equal(cli_int("HEXISTS " KEY_CONTROL " failed:shop"), 0);
}

static void a_probe_that_was_not_made_is_anothers(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(3);
    open_everywhere();
    pump_until(base, prober() >= 0);
    size_t i = (size_t)prober();
    assert_true(circuit_admit(circuit_of(i), 99, clock_mono_ms()));
    circuit_probe_lost(circuit_of(i));
    circuits_report(fleet_circuits(members[i].fleet), SHOP, CIRCUIT_PROBING, true, "", 0);
    pump_until(base, prober() >= 0);
    assert_int_equal(circuit_of(0)->probe_wait_ms, 300);
}

static void a_dead_probers_lease_ends(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(3);
    open_everywhere();
    pump_until(base, prober() >= 0);
    size_t dead = (size_t)prober();
    assert_true(circuit_admit(circuit_of(dead), 99, clock_mono_ms()));
    int64_t begin = clock_mono_ms();
    pump_until(base, prober() >= 0);
    assert_true((size_t)prober() != dead);
    assert_true(clock_mono_ms() - begin >= 1000);
}

static void without_redis_each_looks_after_itself(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    redis_server_kill(&server);
    pump_until(base, !members[0].up && !members[1].up);
    reply(0, REPLY_TRANSIENT, 1);
    reply(0, REPLY_TRANSIENT, 2);
    assert_int_equal(circuit_of(0)->state, CIRCUIT_OPEN);
    pump_until(base, circuit_probe_due(circuit_of(0), clock_mono_ms()));
    assert_true(circuit_admit(circuit_of(0), 99, clock_mono_ms()));
    reply(0, REPLY_TRANSIENT, 3);
    assert_int_equal(circuit_of(0)->probe_wait_ms, 600);
    redis_server_restart(&server);
    /* And says so when it is back. */
    pump_until(base, circuit_of(1)->state == CIRCUIT_OPEN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_flush, members_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(many_steps_stay_below_the_rate),
        T(a_bucket_is_full_at_first_and_never_fuller),
        T(a_small_grant_waits_for_a_lot),
        T(one_call_is_not_the_account),
        T(the_hint_is_the_rest),
        T(without_a_hint_rests_stay_short),
        T(the_rate_falls_to_what_went_through),
        T(steps_grow_while_nobody_objects),
        T(a_few_that_are_refused_do_not_slow_the_rest),
        T(the_version_before_is_understood),
        T(a_new_rate_keeps_the_proportion),
        T(a_clock_that_went_back_refills_nothing),
        T(labels_of_gone_hosts_are_dropped),
        T(a_full_memory_does_not_stop_it),
        T(greedy_workers_stay_below_the_rate),
        T(without_limits_redis_is_not_asked),
        T(looking_asks_nothing),
        T(the_stock_is_shown),
        T(unused_tokens_go_back),
        T(accounts_have_their_own_buckets),
        T(buckets_of_a_configuration),
        T(a_throttled_account_cools_everywhere),
        T(unlimited_accounts_cool_too),
        T(two_workers_calls_are_two),
        T(one_alone_is_told_from_many),
        T(pushes_to_all_take_turns),
        T(rates_change_at_run_time),
        T(a_reload_changes_rates),
        T(a_reload_leaves_overrides),
        T(pauses_reach_everybody_and_end),
        T(what_one_sent_the_others_know),
        T(one_says_it_for_all),
        T(a_newer_schema_is_let_be),
        T(one_probes_for_all),
        T(nobody_probes_with_a_job_that_failed),
        T(a_probe_that_was_not_made_is_anothers),
        T(a_dead_probers_lease_ends),
        T(without_redis_each_looks_after_itself),
    };
    return cmocka_run_group_tests_name("fleet", tests, fixture_start, fixture_stop);
}
