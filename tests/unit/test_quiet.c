/* SPDX-License-Identifier: MIT */
#include "job/quiet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

static int64_t at(const char *text)
{
    int64_t ms;
    if (!clock_parse_rfc3339(text, &ms))
        fail_msg("%s", text);
    return ms;
}

static void test_ends(void **state)
{
    (void)state;
    static const struct {
        const char *quiet, *at, *end;
    } cases[] = {
        {"22:00-07:00 +08:00", "2026-11-24T21:59:59+08:00", "2026-11-24T21:59:59+08:00"},
        {"22:00-07:00 +08:00", "2026-11-24T22:00:00+08:00", "2026-11-25T07:00:00+08:00"},
        {"22:00-07:00 +08:00", "2026-11-24T23:59:59+08:00", "2026-11-25T07:00:00+08:00"},
        {"22:00-07:00 +08:00", "2026-11-25T00:00:00+08:00", "2026-11-25T07:00:00+08:00"},
        {"22:00-07:00 +08:00", "2026-11-25T06:59:59+08:00", "2026-11-25T07:00:00+08:00"},
        {"22:00-07:00 +08:00", "2026-11-25T07:00:00+08:00", "2026-11-25T07:00:00+08:00"},
        {"12:00-14:00 Z", "2026-12-31T13:00:00Z", "2026-12-31T14:00:00Z"},
        {"12:00-14:00 Z", "2026-12-31T14:00:00Z", "2026-12-31T14:00:00Z"},
        {"12:00-14:00 -03:30", "2026-12-31T15:30:00Z", "2026-12-31T17:30:00Z"},
        {"23:00-00:00 Z", "2026-12-31T23:30:00Z", "2027-01-01T00:00:00Z"},
        {"00:00-23:59 +14:00", "2026-02-28T12:00:00Z", "2026-03-01T09:59:00Z"},
        {"", "2026-12-31T23:30:00Z", "2026-12-31T23:30:00Z"},
        /* Friday to Sunday: the weekend's last window begins on Sunday */
        {"Fri-Sun 20:00-10:00 Z", "2026-11-26T21:00:00Z", "2026-11-26T21:00:00Z"},
        {"Fri-Sun 20:00-10:00 Z", "2026-11-27T21:00:00Z", "2026-11-28T10:00:00Z"},
        {"Fri-Sun 20:00-10:00 Z", "2026-11-30T09:59:59Z", "2026-11-30T10:00:00Z"},
        {"Fri-Sun 20:00-10:00 Z", "2026-11-27T09:00:00Z", "2026-11-27T09:00:00Z"},
        {"Sun-Mon 12:00-13:00 Z", "2026-11-30T12:30:00Z", "2026-11-30T13:00:00Z"},
        {"Sun-Mon 12:00-13:00 Z", "2026-12-01T12:30:00Z", "2026-12-01T12:30:00Z"},
        /* one window after the other, without a gap */
        {"Mon-Fri 22:00-07:00, Sat 00:00-24:00,Sun 00:00-12:00 +01:00", "2026-11-27T22:30:00+01:00",
         "2026-11-29T12:00:00+01:00"},
        {"Mon-Fri 22:00-07:00, Sat-Sun 20:00-10:00 Asia/Shanghai", "2026-11-30T22:00:00+08:00",
         "2026-12-01T07:00:00+08:00"},
        /* summer and winter */
        {"22:00-07:00 Europe/Berlin", "2026-07-01T21:30:00Z", "2026-07-02T05:00:00Z"},
        {"22:00-07:00 Europe/Berlin", "2026-12-01T21:30:00Z", "2026-12-02T06:00:00Z"},
        {"22:00-07:00 Europe/Berlin", "2026-12-01T20:59:59Z", "2026-12-01T20:59:59Z"},
        {"22:00-07:00 Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z"}, /* short */
        {"22:00-07:00 Europe/Berlin", "2026-10-24T21:00:00Z", "2026-10-25T06:00:00Z"}, /* long */
        {"22:00-07:00 Europe/Berlin", "2090-07-01T21:30:00Z", "2090-07-02T05:00:00Z"},
        /* an end that is skipped is the moment of the change, one that comes twice counts twice */
        {"01:00-02:30 Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
        {"01:00-02:30 Europe/Berlin", "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z"},
        {"01:00-02:30 Europe/Berlin", "2026-10-25T00:40:00Z", "2026-10-25T00:40:00Z"},
        {"01:00-02:30 Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct quiet q;
        struct err e = {""};
        if (!quiet_parse(cases[i].quiet, &q, &e))
            fail_msg("%s: %s", cases[i].quiet, e.text);
        if (quiet_end_ms(&q, at(cases[i].at)) != at(cases[i].end))
            fail_msg("%s at %s", cases[i].quiet, cases[i].at);
        quiet_free(&q);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char eight_windows[] =
        "Mon 00:00-01:00, Mon 00:00-01:00, Mon 00:00-01:00, Mon 00:00-01:00, Mon 00:00-01:00, Mon "
        "00:00-01:00, Mon 00:00-01:00, Mon 00:00-01:00 Z";
    static const char *const wrong[] = {
        "22:00",
        "22-07 Z",
        "24:00-07:00 Z",
        "22:00-07:60 Z",
        "22:00-07:00",
        "22:00-07:00 ",
        "22:00-07:00 08:00",
        "22:00-07:00 +8:00",
        "22:00-22:00 Z",
        "22:00-07:00 +15:00",
        "22:00-07:00 Zx",
        "22:00-07:00 Asia/Shangai",
        "22:00-07:00 ../../etc/passwd",
        "22:00-07:00 Europe/../Europe/Berlin",
        "22:00-07:00 /etc/passwd",
        "22:00-07:00 Europe",
        "22:00-07:00 Europe/Berlin x",
        "24:00-07:00 Z",
        "22:00-24:01 Z",
        "Mo 22:00-07:00 Z",
        "Mon- 22:00-07:00 Z",
        "Mon,Tue 22:00-07:00 Z",
        "Mon22:00-07:00 Z",
        "22:00-07:00, Z",
        "22:00-07:00,, 12:00-13:00 Z",
        "00:00-12:00, 12:00-24:00 Z",
        eight_windows,
        " 22:00-07:00 Z",
        "22:00 -07:00 Z",
        "2a:00-07:00 Z",
        "22:00-07:00  Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct quiet q;
        struct err e = {""};
        if (quiet_parse(wrong[i], &q, &e) || strncmp(e.text, "quiet: ", 7) != 0 || q.n)
            fail_msg("\"%s\" is taken: %s", wrong[i], e.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
