// SPDX-License-Identifier: MIT
// What workers share (fleet, circuits, flow, flow_core, flow_limits, flow_ask, flow_stock;
// flow_store), on a real redis-server: the buckets' arithmetic, cool-downs, overrides, pauses and
// circuits, seen by several workers at once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "io/scripts.h"
#include "support/pump.h"
#include "support/queue_fixture.c"
#include "support/redis_server.c"
#include "worker/fleet.h"

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
    while (flow_take(fleet_flow(m->fleet), SHOP, FLOW_PUSH, NULL, &wait_ms) == FLOW_GO)
        m->taken++;
}

static void on_fleet(void *arg)
{
    struct member *m = arg;
    if (m->greedy)
        take_all(m);
    if (m->all &&
        flow_take(fleet_flow(m->fleet), SHOP, FLOW_PUSH, m->all, &m->wait_ms) == FLOW_GO) {
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

static struct flow *flow_of(size_t i)
{
    return fleet_flow(members[i].fleet);
}

static enum flow_token take(size_t i, size_t app, int64_t *wait_ms)
{
    return flow_take(flow_of(i), app, FLOW_PUSH, NULL, wait_ms);
}

/* --- the script ------------------------------------------------------------------------------ */

static int64_t at(const redisReply *r, size_t i)
{
    return r->element[i]->integer;
}

static redisReply *ask(const char *bucket, int rate, int burst, int want, int back,
                       const char *cool)
{
    redisReply *r = cli("EVAL %s 2 " K ":flow " K ":control %s %d %d %d %d %s",
                        script_get(SCRIPT_FLOW)->source, bucket, rate, burst, want, back, cool);
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 4)
        fail_msg("flow script: %s", r->str ? r->str : "shape");
    return r;
}

static int64_t ask_for(const char *bucket, int rate, int burst, int want)
{
    redisReply *r = ask(bucket, rate, burst, want, 0, "");
    int64_t granted = at(r, 2);
    freeReplyObject(r);
    return granted;
}

/* Moves a bucket's stamp, and with it its cool-down, so many ms into the past. */
static void age(const char *bucket, int ms)
{
    double tokens, stamp, rate, until, limit, burst;
    int strikes;
    char *text = cli_text("HGET " K ":flow %s", bucket);
    assert_int_equal(7, sscanf(text, "%lf %lf %lf %lf %d %lf %lf", &tokens, &stamp, &rate, &until,
                               &strikes, &limit, &burst));
    mem_free(text);
    char moved[512];
    snprintf(moved, sizeof moved, "%.9g %.17g %.9g %.17g %d %.9g %.9g", tokens, stamp - ms, rate,
             until - ms, strikes, limit, burst);
    freeReplyObject(cli("HSET " K ":flow %s %b", bucket, moved, strlen(moved)));
}

static double rate_of(const char *bucket)
{
    double rate;
    char *text = cli_text("HGET " K ":flow %s", bucket);
    assert_int_equal(1, sscanf(text, "%*s %*s %lf", &rate));
    mem_free(text);
    return rate;
}

static void many_steps_stay_below_the_rate(void **state)
{
    (void)state;
    enum { RATE = 3000, BURST = 120 };
    int64_t begin = 0, now = 0, out = 0, steps = 0;
    unsigned seed = 7;
    while (now - begin < 1200) {
        int want = (int)(rand_r(&seed) % 200);
        int back = out > 5 && rand_r(&seed) % 8 == 0 ? 5 : 0;
        redisReply *r = ask("b", RATE, BURST, want, back, "");
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
    assert_true(steps > 200);
    assert_true(out > RATE * 1100 / 1000);
}

static void a_bucket_is_full_at_first_and_never_fuller(void **state)
{
    (void)state;
    assert_int_equal(10, ask_for("b", 10, 10, 50));
    assert_int_equal(0, ask_for("b", 10, 10, 1));
    age("b", 500);
    assert_int_equal(5, ask_for("b", 10, 10, 50));
    age("b", 3600000);
    assert_int_equal(10, ask_for("b", 10, 10, 50));
    freeReplyObject(ask("b", 10, 10, 0, 40, ""));
    assert_int_equal(10, ask_for("b", 10, 10, 50));
}

static void a_small_grant_waits_for_a_lot(void **state)
{
    (void)state;
    ask_for("b", 5000, 5000, 5000);
    redisReply *r = ask("b", 5000, 5000, 400, 0, "");
    assert_true(at(r, 2) == 0 || at(r, 2) >= 100); /* a fiftieth of a second's worth */
    assert_in_range(at(r, 3), 1, 25);
    freeReplyObject(r);
    freeReplyObject(ask("b", 5000, 5000, 0, 3, ""));
    assert_int_equal(1, ask_for("b", 5000, 5000, 1));
}

static void throttling_halves_and_recovers(void **state)
{
    (void)state;
    redisReply *r = ask("b", 100, 100, 0, 0, "0");
    assert_in_range(at(r, 3), 250, 500);
    freeReplyObject(r);
    r = ask("b", 100, 100, 0, 0, "0"); /* out together, throttled together */
    freeReplyObject(r);
    assert_true(rate_of("b") == 50);
    assert_int_equal(0, ask_for("b", 100, 100, 1));
    r = ask("b", 100, 100, 0, 0, "9000");
    assert_in_range(at(r, 3), 8990, 9000);
    freeReplyObject(r);
    assert_true(rate_of("b") == 50);
    age("b", 9000 + 4000); /* cool for 9 s, then 4 s at 50, rising by 5 a second */
    assert_int_equal(50, ask_for("b", 100, 100, 500));
    assert_true(rate_of("b") > 69 && rate_of("b") < 71);
    age("b", 10000);
    ask_for("b", 100, 100, 500);
    assert_true(rate_of("b") == 100);
}

static void strikes_lengthen_the_pause(void **state)
{
    (void)state;
    static const int64_t most[] = {500, 1000, 2000, 4000, 8000, 16000, 20000, 20000};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        redisReply *r = ask("b", 100, 100, 0, 0, "0");
        assert_in_range(at(r, 3), most[i] / 2, most[i]);
        age("b", (int)at(r, 3) + 1);
        freeReplyObject(r);
    }
    assert_true(rate_of("b") >= 1);
    age("b", 6500); /* eight strikes less six */
    redisReply *r = ask("b", 100, 100, 0, 0, "0");
    assert_in_range(at(r, 3), 1000, 2000);
    age("b", (int)at(r, 3) + 20001);
    freeReplyObject(r);
    r = ask("b", 100, 100, 0, 0, "0");
    assert_in_range(at(r, 3), 250, 500);
    freeReplyObject(r);
}

static void a_new_rate_keeps_the_proportion(void **state)
{
    (void)state;
    freeReplyObject(ask("b", 100, 100, 0, 0, "0"));
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
    assert_int_equal(0, ask_for("b", 100, 10, 10));
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
    assert_true(cli_int("HLEN " K ":flow") < 260);
}

static void a_full_memory_does_not_stop_it(void **state)
{
    (void)state;
    freeReplyObject(cli("CONFIG SET maxmemory 1"));
    assert_int_equal(1, ask_for("b", 10, 10, 1));
    freeReplyObject(ask("b", 10, 10, 0, 0, "100"));
    redisReply *r = cli("EVAL %s 1 " K ":control -1 pause:* 0", script_get(SCRIPT_CONTROL)->source);
    assert_int_equal(REDIS_REPLY_ARRAY, r->type);
    freeReplyObject(r);
    freeReplyObject(cli("CONFIG SET maxmemory 0"));
    assert_int_equal(1, cli_int("HEXISTS " K ":control pause:*"));
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
    assert_int_equal(64, flow_offer(flow_of(0), 64));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(FLOW_GO, flow_take(flow_of(0), SHOP, FLOW_PUSH, "ANDROID", &wait_ms));
    assert_int_equal(asks, metrics_get(METRIC_FLOW_ASKS));
}

static int64_t shown(const char *limit)
{
    flow_show(flow_of(0));
    return metrics_get_at(METRIC_FLOW_STOCK, metrics_find(SET_LIMIT, limit), METRIC_OTHER);
}

static void the_stock_is_shown(void **state)
{
    (void)state;
    config_init(0, 1000, 1000);
    members_start(1);
    int64_t wait_ms;
    assert_int_equal(0, shown("egress"));
    assert_int_equal(METRIC_ABSENT, shown("Push"));
    assert_int_equal(METRIC_ABSENT, shown("MassPush"));
    flow_offer(flow_of(0), 64);
    pump_until(base, shown("egress") > 0);
    int64_t before = shown("egress");
    assert_int_equal(FLOW_GO, take(0, SHOP, &wait_ms));
    assert_int_equal(before - 1, shown("egress"));
    pump_until(base, shown("egress") == 0); /* unused, it went back */
}

static void unused_tokens_go_back(void **state)
{
    (void)state;
    config_init(0, 10, 1000);
    members_start(2);
    int64_t wait_ms;
    flow_offer(flow_of(0), 64);
    pump_until(base, flow_offer(flow_of(0), 64) > 0);
    assert_int_equal(9, ask_for("egress@here", 10, 10, 9));
    assert_int_equal(0, ask_for("egress@here", 0x7fffff, 10, 0));
    /* Nobody takes it here: the other worker can have it. */
    pump_until(base, take(1, SHOP, &wait_ms) == FLOW_GO);
}

static void accounts_have_their_own_buckets(void **state)
{
    (void)state;
    config_init(1, 0, 1000);
    members_start(1);
    int64_t wait_ms = 0;
    assert_int_equal(FLOW_WAIT, take(0, SHOP, &wait_ms));
    pump_until(base, take(0, SHOP, &wait_ms) == FLOW_GO);
    pump_until(base, take(0, SHOP, &wait_ms) == FLOW_NONE);
    assert_in_range(wait_ms, 1, 1600);
    pump_until(base, take(0, NEWS, &wait_ms) == FLOW_GO);
    assert_int_equal(0, flow_offer_app(flow_of(0), SHOP, 64));
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
    struct flow_limit limits[FLOW_BUCKETS_MAX];
    size_t account[2];
    config_init(100, 50, 2000);
    assert_int_equal(13, flow_limits(&config, limits, account));
    assert_int_equal(0, account[SHOP]);
    assert_int_equal(1, account[NEWS]);
    assert_string_equal("Push@other", limits[3].name);
    apps[NEWS] = (struct config_app){.app = {.name = "news"}, .account_label = "acme"};
    assert_int_equal(sizeof rows / sizeof *rows, flow_limits(&config, limits, account));
    assert_int_equal(0, account[NEWS]);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(rows[i].name, limits[i].name);
        assert_true(rows[i].per_s == limits[i].per_s && rows[i].burst == limits[i].burst);
    }
    config.limit_egress = NULL; /* the host's name, whatever it is */
    flow_limits(&config, limits, NULL);
    assert_true(strlen(limits[0].name) > strlen("egress@"));
}

static void a_throttled_account_cools_everywhere(void **state)
{
    (void)state;
    config_init(1000, 0, 1000);
    members_start(3);
    int64_t wait_ms;
    for (size_t i = 0; i < 3; i++)
        pump_until(base, flow_offer_app(flow_of(i), SHOP, 64) > 0);
    int64_t ms = flow_cool(flow_of(0), SHOP, FLOW_PUSH, 60000);
    assert_in_range(ms, 1, 60000);
    assert_int_equal(FLOW_NONE, take(0, SHOP, &wait_ms));
    for (size_t i = 1; i < 3; i++)
        pump_until(base, take(i, SHOP, &wait_ms) == FLOW_NONE && wait_ms > 1500);
    pump_until(base, take(2, NEWS, &wait_ms) == FLOW_GO);
    assert_true(rate_of("Push@acme") == 500);
    /* An operator ends it. */
    freeReplyObject(cli("EVAL %s 1 " K ":control -1 cool:Push@acme %s",
                        script_get(SCRIPT_CONTROL)->source, ""));
    freeReplyObject(cli("HDEL " K ":flow Push@acme"));
    for (size_t i = 0; i < 3; i++)
        pump_until(base, take(i, SHOP, &wait_ms) == FLOW_GO);
}

static void unlimited_accounts_cool_too(void **state)
{
    (void)state;
    config_init(0, 0, 1000);
    members_start(2);
    int64_t wait_ms;
    flow_cool(flow_of(0), SHOP, FLOW_PUSH, 1200);
    pump_until(base, take(1, SHOP, &wait_ms) == FLOW_NONE);
    pump_until(base, take(1, SHOP, &wait_ms) == FLOW_GO);
    pump_until(base, take(0, SHOP, &wait_ms) == FLOW_GO);
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
    assert_int_equal(FLOW_NONE, flow_take(flow_of(0), SHOP, FLOW_PUSH, "ANDROID", &second));
    assert_in_range(second - first, 380, 400);
}

static void change(const char *field, const char *value)
{
    redisReply *r =
        cli("EVAL %s 1 " K ":control -1 %s %s", script_get(SCRIPT_CONTROL)->source, field, value);
    assert_int_equal(REDIS_REPLY_ARRAY, r->type);
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
    assert_int_equal(64, flow_offer(flow_of(0), 64));
    change("rate:egress@here", "5");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, flow_offer(flow_of(i), 64) < 64);
    take_at(10, 5, 6);
    change("rate:egress@here", "");
    for (size_t i = 0; i < 2; i++)
        pump_until(base, flow_offer(flow_of(i), 64) == 64);
    assert_int_equal(FLOW_GO, take(0, SHOP, &wait_ms));
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
        flow_offer(flow_of(i), 64);
    for (size_t i = 0; i < 2; i++)
        pump_until(base, flow_offer(flow_of(i), 64) > 0 && !flow_asking(flow_of(i)));
    reload(&low, 5, 1000);
    assert_int_equal(flow_offer(flow_of(0), 64), 0);
    take_at(9, 5, 6);
    assert_true(rate_of("egress@here") == 5);
    reload(&high, 500, 200);
    take_at(400, 500, 150);
    reload(&none, 0, 1000);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(flow_offer(flow_of(i), 64), 64);
}

/* What an operator set is stronger than the new configuration until it is reset. */
static void a_reload_leaves_overrides(void **state)
{
    (void)state;
    static struct config high;
    config_init(0, 2000, 1000);
    members_start(1);
    pump_until(base, flow_offer(flow_of(0), 64) > 0);
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
    assert_int_equal(1, metrics_get(METRIC_PAUSES));
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
    assert_int_equal(CIRCUIT_OPEN, circuit_of(0)->state);
    for (size_t i = 1; i < nmembers; i++)
        pump_until(base, circuit_of(i)->state == CIRCUIT_OPEN);
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
        assert_int_equal(-1, prober());
        reply((size_t)i, REPLY_UNANSWERED, 3 + round);
        assert_int_equal(CIRCUIT_OPEN, circuit_of((size_t)i)->state);
        for (size_t k = 0; k < nmembers; k++)
            pump_until(base, circuit_of(k)->probe_wait_ms == 300 << (round + 1));
    }
    pump_until(base, prober() >= 0);
    int i = prober();
    assert_true(circuit_admit(circuit_of((size_t)i), 99, clock_mono_ms()));
    reply((size_t)i, REPLY_SENT, 4);
    for (size_t k = 0; k < nmembers; k++)
        pump_until(base, circuit_of(k)->state == CIRCUIT_CLOSED);
    assert_int_equal(0, cli_int("HEXISTS " K ":control circuit:shop"));
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
        assert_int_equal(wait_ms, circuit_of(k)->probe_wait_ms);
    pump_until(base, prober() >= 0);
    i = (size_t)prober();
    assert_true(circuit_admit(circuit_of(i), 7, clock_mono_ms()));
    reply(i, REPLY_SENT, 7);
    for (size_t k = 0; k < nmembers; k++)
        pump_until(base, circuit_of(k)->state == CIRCUIT_CLOSED && !circuit_of(k)->failed.n);
    assert_int_equal(0, cli_int("HEXISTS " K ":control failed:shop"));
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
    assert_int_equal(300, circuit_of(0)->probe_wait_ms);
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
    assert_int_equal(CIRCUIT_OPEN, circuit_of(0)->state);
    pump_until(base, circuit_probe_due(circuit_of(0), clock_mono_ms()));
    assert_true(circuit_admit(circuit_of(0), 99, clock_mono_ms()));
    reply(0, REPLY_TRANSIENT, 3);
    assert_int_equal(600, circuit_of(0)->probe_wait_ms);
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
        T(throttling_halves_and_recovers),
        T(strikes_lengthen_the_pause),
        T(a_new_rate_keeps_the_proportion),
        T(a_clock_that_went_back_refills_nothing),
        T(labels_of_gone_hosts_are_dropped),
        T(a_full_memory_does_not_stop_it),
        T(greedy_workers_stay_below_the_rate),
        T(without_limits_redis_is_not_asked),
        T(the_stock_is_shown),
        T(unused_tokens_go_back),
        T(accounts_have_their_own_buckets),
        T(buckets_of_a_configuration),
        T(a_throttled_account_cools_everywhere),
        T(unlimited_accounts_cool_too),
        T(pushes_to_all_take_turns),
        T(rates_change_at_run_time),
        T(a_reload_changes_rates),
        T(a_reload_leaves_overrides),
        T(pauses_reach_everybody_and_end),
        T(one_probes_for_all),
        T(nobody_probes_with_a_job_that_failed),
        T(a_probe_that_was_not_made_is_anothers),
        T(a_dead_probers_lease_ends),
        T(without_redis_each_looks_after_itself),
    };
    return cmocka_run_group_tests_name("fleet", tests, fixture_start, fixture_stop);
}
