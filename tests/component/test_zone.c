/* SPDX-License-Identifier: MIT
 * Zones against another reader of the same files: Python's zoneinfo, over all names, at instants of
 * two centuries. Files that are cut or wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/zone.h"

/* "NAME INSTANT OFFSET", the instants in steps that drift through the days and seasons, and around
 * each change that Python sees between two of them. */
static const char oracle[] = "python3 -c '\n"
                             "import zoneinfo, datetime as d\n"
                             "utc = d.timezone.utc\n"
                             "def off(z, t): return int(d.datetime.fromtimestamp(t, "
                             "utc).astimezone(z).utcoffset().total_seconds())\n"
                             "for name in sorted(zoneinfo.available_timezones()):\n"
                             "    z, last = zoneinfo.ZoneInfo(name), None\n"
                             "    for t in range(-1000000000, 6800000000, 14999983):\n"
                             "        o = off(z, t)\n"
                             "        print(name, t, o)\n"
                             "        if last is not None and o != last and t > 1700000000:\n"
                             "            a, b = t - 14999983, t\n"
                             "            while b - a > 1:\n"
                             "                m = (a + b) // 2\n"
                             "                if off(z, m) == last: a = m\n"
                             "                else: b = m\n"
                             "            print(name, a, last)\n"
                             "            print(name, b, off(z, b))\n"
                             "        last = o\n"
                             "'";

static void test_all_zones(void **state)
{
    (void)state;
    char name[ZONE_NAME_MAX + 1], loaded[ZONE_NAME_MAX + 1] = "";
    int64_t at_s, offset_s;
    struct zone *zone = NULL;
    size_t zones = 0, instants = 0;
    FILE *f = popen(oracle, "r");
    assert_non_null(f);
    while (fscanf(f, "%64s %" SCNd64 " %" SCNd64, name, &at_s, &offset_s) == 3) {
        struct err e;
        if (strcmp(name, loaded) != 0) {
            zone_free(zone);
            zone = zone_load(name, &e);
            if (!zone)
                fail_msg("%s: %s", name, e.text);
            snprintf(loaded, sizeof loaded, "%s", name);
            zones++;
        }
        if (zone_offset_s(zone, at_s) != offset_s)
            fail_msg("%s at %" PRId64 ": %" PRId64 ", should be %" PRId64, name, at_s,
                     zone_offset_s(zone, at_s), offset_s);
        instants++;
    }
    zone_free(zone);
    assert_int_equal(pclose(f), 0);
    assert_true(zones > 400 && instants > 400 * 500);
}

static void test_changes(void **state)
{
    (void)state;
    struct err e;
    struct zone *z = zone_load("Europe/Berlin", &e);
    assert_non_null(z);
    assert_int_equal(zone_next_change_s(z, 1774746000 - 1), 1774746000); /* 2026-03-29T01:00Z */
    assert_int_equal(zone_next_change_s(z, 1774746000), 1792890000);     /* 2026-10-25T01:00Z */
    assert_true(zone_next_change_s(z, INT64_MAX - 1) == INT64_MAX);
    zone_free(z);
    z = zone_load("UTC", &e);
    assert_non_null(z);
    assert_true(zone_next_change_s(z, 0) == INT64_MAX);
    assert_int_equal(zone_offset_s(z, 1774746000), 0);
    zone_free(z);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const names[] = {"",     "Europe/Berln", "Europe",     "../zoneinfo/UTC",
                                        "/UTC", "tzdata.zi",    "zone.tab",   "Europe/Berlin\n",
                                        "8",    "posix/../UTC", "leapseconds"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct err e = {""};
        assert_null(zone_load(names[i], &e));
        assert_true(e.text[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_zones),
                                       cmocka_unit_test(test_changes),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
