// SPDX-License-Identifier: MIT
// Whose trouble is it (own_trouble, fleet_store's votes), on a real redis-server: workers that
// agree, that do not, that are alone, dead, or were told otherwise.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/fleet.h"
#include "support/pump.h"
#include "support/queue_fixture.h"
#include "support/redis_server.h"
#include "worker/heartbeat.h"

enum { WORKERS_MAX = 3, SHOP = 0, NEWS = 1, BASE_MS = 300 };

/* One worker's part in the fleet. */
struct member {
    struct redis *redis;
    struct fleet *fleet;
    bool up;
};

static char egress_label[] = "here";
static struct config_app apps[] = {{.app = {.name = "shop"}, .account_label = "acme"},
                                   {.app = {.name = "news"}, .account_label = "other"}};
static char *queue_names[] = {(char[]){QUEUE}};
static struct config config = {.apps = apps,
                               .napps = 2,
                               .queue_names = queue_names,
                               .nqueues = 1,
                               .lease_ms = 1500,
                               .circuit_failures = 2,
                               .circuit_probe_ms = BASE_MS,
                               .limit_burst_ms = 1000,
                               .limit_all_gap_ms = 400,
                               .limit_egress = egress_label};
static struct member members[WORKERS_MAX];
static size_t nmembers;

static void on_fleet(void *arg)
{
    (void)arg;
}

static void on_state(void *arg, enum redis_state state, const char *why)
{
    (void)why;
    ((struct member *)arg)->up = state == REDIS_UP;
}

/* So many, all with a heartbeat. */
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
        freeReplyObject(cli("ZADD " KEY_WORKERS " 9000000000000 %s", name));
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

static struct own_trouble *own(size_t i)
{
    return fleet_own(members[i].fleet);
}

static bool is_open(size_t i, size_t app)
{
    return circuits_at(fleet_circuits(members[i].fleet), app)->state != CIRCUIT_CLOSED;
}

static void trip(size_t i, size_t app, int64_t now_ms)
{
    const struct own_trip how = {"certificate", "told so", 0, 7};
    own_trip(own(i), app, &how, now_ms);
    assert_true(own_holds(own(i), app));
}

/* Of as many apps as there may be, with the longest names and the longest words of the provider. */
static void all_apps_fit_a_heartbeat(void **state)
{
    (void)state;
    static char names[CONFIG_APPS_MAX][65], code[97];
    static struct config_app many[CONFIG_APPS_MAX];
    struct config few = config;
    struct buf b;
    memset(code, 1, sizeof code - 1);
    for (size_t i = 0; i < CONFIG_APPS_MAX; i++) {
        memset(names[i], 'n', 64);
        memcpy(names[i], (char[]){(char)('A' + i / 8), (char)('a' + i % 8)}, 2);
        many[i] = (struct config_app){.app = {.name = names[i]}, .account_label = "acme"};
    }
    config.apps = many;
    config.napps = CONFIG_APPS_MAX;
    members_start(2);
    const struct own_trip how = {code, "told so", 0, 7};
    for (size_t i = 0; i < CONFIG_APPS_MAX; i++) {
        own_trip(own(0), i, &how, clock_mono_ms());
        pump_until(base, own_why(own(0), i));
    }
    buf_init(&b, HEARTBEAT_MAX - 52 * 1024); /* what else it says */
    own_write(own(0), &b);
    assert_true(buf_ok(&b) && b.len > 40000);
    buf_free(&b);
    members_stop(NULL);
    config = few;
}

static void trip_alone(size_t i, size_t app)
{
    trip(i, app, clock_mono_ms());
    pump_until(base, own_why(own(i), app));
    assert_string_equal(own_why(own(i), app), "certificate");
    assert_false(is_open(i, app));
}

/* --------------------------------------------------------------------------------------------- */

static void test_what_may_be_ones_own(void **state)
{
    (void)state;
    static const struct {
        enum reply_class class;
        const char *code;
        bool may_be;
    } rows[] = {
        {REPLY_SENT, "", false},
        {REPLY_PERMANENT, "InvalidTarget", false},
        {REPLY_THROTTLED, "Throttling.User", false},
        {REPLY_NONCE_USED, "SignatureNonceUsed", false},
        {REPLY_CERTIFICATE, "", true},
        {REPLY_NOT_SENT, "", true},   /* no route, no name, no proxy, no descriptor */
        {REPLY_UNANSWERED, "", true}, /* a network that swallows */
        {REPLY_CLOCK, "InvalidTimeStamp.Expired", true},
        {REPLY_TOKEN, "InvalidSecurityToken.Expired", true},
        {REPLY_AUTH, "InvalidAccessKeyId.NotFound", true},
        {REPLY_AUTH, "SignatureDoesNotMatch", true},
        {REPLY_AUTH, "", true},      /* a captive proxy's page */
        {REPLY_TRANSIENT, "", true}, /* a proxy that has lost its way */
        {REPLY_UNKNOWN_4XX, "", true},
        {REPLY_TRANSIENT, "ServiceUnavailable", false}, /* the provider's own words */
        {REPLY_AUTH, "NoPermission", false},
        {REPLY_AUTH, "InvalidAppKey.NotFound", false},
        {REPLY_AUTH, "AccountDisabled", false},
        {REPLY_UNKNOWN_4XX, "WhatIsThis", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply reply = {.class = rows[i].class};
        snprintf(reply.code, sizeof reply.code, "%s", rows[i].code);
        assert_int_equal(own_may_be(&reply), rows[i].may_be);
    }
}

static void test_the_only_one_alive_opens(void **state)
{
    (void)state;
    members_start(1);
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1000 dead"));
    trip(0, SHOP, clock_mono_ms());
    pump_until(base, is_open(0, SHOP));
    assert_false(own_holds(own(0), SHOP));
    pump_until(base, cli_int("HEXISTS " KEY_CONTROL " circuit:shop") == 1);
}

static void test_two_that_agree_open(void **state)
{
    (void)state;
    members_start(3);
    trip_alone(0, SHOP);
    trip_alone(1, NEWS); /* another app: no word about the first */
    trip(2, SHOP, clock_mono_ms());
    pump_until(base, is_open(2, SHOP));
    assert_null(own_why(own(2), SHOP));
    pump_until(base, is_open(0, SHOP) && is_open(1, SHOP));
    pump_until(base, !own_holds(own(0), SHOP)); /* it was everybody's */
    assert_true(own_holds(own(1), NEWS));
    assert_false(is_open(1, NEWS));
}

static void test_votes_of_the_dead_and_old_ones(void **state)
{
    (void)state;
    members_start(2);
    trip_alone(0, SHOP);
    freeReplyObject(cli("ZADD " KEY_WORKERS " 1000 w0 9000000000000 w9"));
    trip_alone(1, SHOP);
    freeReplyObject(cli("ZADD " KEY_WORKERS " 9000000000000 w0"));
    freeReplyObject(cli("HSET " KEY_CONTROL " vote:news %s", "w0 1000 nonsense"));
    trip_alone(1, NEWS);
}

/* Others closed what two had opened, and one of these still fails: its own, and no vote. */
static void test_denied_by_a_success_elsewhere(void **state)
{
    (void)state;
    members_start(3);
    trip_alone(0, SHOP);
    trip(1, SHOP, clock_mono_ms());
    pump_until(base, is_open(0, SHOP) && is_open(2, SHOP) && !own_holds(own(0), SHOP));
    struct circuits *c = fleet_circuits(members[2].fleet);
    circuit_close(circuits_at(c, SHOP), clock_mono_ms());
    circuits_report(c, SHOP, CIRCUIT_OPEN, false, "", 0);
    pump_until(base, !is_open(0, SHOP) && !is_open(1, SHOP));
    freeReplyObject(cli("HDEL " KEY_CONTROL " vote:shop"));
    trip(0, SHOP, clock_mono_ms());
    trip(1, SHOP, clock_mono_ms());
    assert_non_null(own_why(own(0), SHOP));
    assert_non_null(own_why(own(1), SHOP));
    own_probe_failed(own(0), SHOP, clock_mono_ms());
    trip_alone(2, SHOP);
    assert_int_equal(cli_int("HEXISTS " KEY_CONTROL " circuit:shop"), 0);
}

static void test_probes(void **state)
{
    (void)state;
    int64_t now = clock_mono_ms();
    members_start(2);
    struct own_trouble *o = own(0);
    assert_true(own_admit(o, SHOP, now)); /* nothing is held */
    trip(0, SHOP, now);
    trip(0, NEWS, now);
    pump_until(base, own_why(o, SHOP) && own_why(o, NEWS));
    assert_false(own_admit(o, SHOP, now + BASE_MS - 1));
    assert_true(own_admit(o, NEWS, now + BASE_MS)); /* one at a time, of any */
    assert_false(own_admit(o, SHOP, now + BASE_MS));
    own_probe_lost(o);
    assert_true(own_admit(o, SHOP, now + BASE_MS));
    own_probe_failed(o, SHOP, now);
    assert_false(own_probe_due(o, now + 2 * BASE_MS - 1));
    assert_true(own_probe_due(o, now + 2 * BASE_MS));
    for (int i = 0; i < 20; i++)
        own_probe_failed(o, SHOP, now);
    assert_false(own_probe_due(o, now + CIRCUIT_PROBE_CAP_MS - 1));
    assert_true(own_admit(o, SHOP, now + CIRCUIT_PROBE_CAP_MS));
    own_well(o, SHOP);
    assert_false(own_holds(o, SHOP));
    assert_true(own_admit(o, NEWS, now)); /* at once: what helped one may have helped the other */
    pump_until(base, cli_int("HEXISTS " KEY_CONTROL " vote:shop") == 0);
}

static void test_reload(void **state)
{
    (void)state;
    static struct config_app other[] = {{.app = {.name = "news"}, .account_label = "other"}};
    static struct config next; /* outlives the fleets */
    next = config;
    next.apps = other;
    next.napps = 1;
    members_start(2);
    trip_alone(0, SHOP);
    trip_alone(0, NEWS);
    fleet_set_config(members[0].fleet, &next);
    assert_non_null(own_why(own(0), 0));
    assert_true(own_probe_due(own(0), clock_mono_ms())); /* its keys may be others */
    assert_false(own_holds(own(0), 1));
    own_well(own(0), 1); /* a removed app's last answer */
    own_probe_failed(own(0), 1, 0);
    struct buf b;
    buf_init(&b, 256);
    own_write(own(0), &b);
    assert_string_equal(buf_text(&b), ",\"own_trouble\":{\"news\":\"certificate\"}");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_may_be_ones_own),
        cmocka_unit_test_setup_teardown(test_the_only_one_alive_opens, fixture_flush, members_stop),
        cmocka_unit_test_setup_teardown(test_two_that_agree_open, fixture_flush, members_stop),
        cmocka_unit_test_setup_teardown(test_votes_of_the_dead_and_old_ones, fixture_flush,
                                        members_stop),
        cmocka_unit_test_setup_teardown(test_denied_by_a_success_elsewhere, fixture_flush,
                                        members_stop),
        cmocka_unit_test_setup_teardown(test_probes, fixture_flush, members_stop),
        cmocka_unit_test_setup_teardown(test_reload, fixture_flush, members_stop),
        cmocka_unit_test_setup_teardown(all_apps_fit_a_heartbeat, fixture_flush, members_stop),
    };
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
