/* SPDX-License-Identifier: MIT
 * Which Host is ours: a table of names, addresses and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config/admin_host.h"

static void hosts_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host; /* NULL: refused */
    } rows[] = {
        {"localhost", "localhost"},
        {"LocalHost.:9464", "localhost"},
        {"localhost:", "localhost"},
        {"127.0.0.1:80", "127.0.0.1"},
        {"[::1]", "::1"},
        {"[0:0::0:1]:9464", "::1"},
        {"[::ffff:10.0.0.1]:1", "10.0.0.1"},
        {"a_b-c.example", "a_b-c.example"},
        {"", NULL},
        {".", NULL},
        {":9464", NULL},
        {"::1", NULL},
        {"[]", NULL},
        {"[::1", NULL},
        {"[::1]x", NULL},
        {"[localhost]", NULL},
        {"[::1%lo]", NULL},
        {"localhost:http", NULL},
        {"localhost:1:2", NULL},
        {"user@localhost", NULL},
        {"localhost/", NULL},
        {"localhost,evil", NULL},
        {"local host", NULL},
        {"l\xc3\xb6"
         "calhost",
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[ADMIN_HOST_SIZE];
        bool ok = admin_host_read(rows[i].text, host);
        if (ok != (rows[i].host != NULL) || (ok && strcmp(host, rows[i].host) != 0))
            fail_msg("%s: %s", rows[i].text, ok ? host : "refused");
    }
}

static void one_that_is_too_long(void **state)
{
    (void)state;
    char text[2 * ADMIN_HOST_SIZE + 1], host[ADMIN_HOST_SIZE];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_false(admin_host_read(text, host));
    assert_false(admin_host_read_entry(text, strlen(text), host));
    text[ADMIN_HOST_SIZE - 1] = '\0';
    assert_true(admin_host_read(text, host));
}

static void entries_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
    } rows[] = {
        {"*", "*"},
        {"Worker.Prod", "worker.prod"},
        {"fd00::0:1", "fd00::1"},
        {"[fd00::1]", "fd00::1"},
        {"10.1.2.3", "10.1.2.3"},
        {"a:9464", NULL},
        {"*.example", NULL},
        {"", NULL},
        {"http://a", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char host[ADMIN_HOST_SIZE];
        bool ok = admin_host_read_entry(rows[i].text, strlen(rows[i].text), host);
        if (ok != (rows[i].host != NULL) || (ok && strcmp(host, rows[i].host) != 0))
            fail_msg("%s: %s", rows[i].text, ok ? host : "refused");
    }
}

static bool is_ours(const char *host, const char *listen, const char *hosts, const char *local)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    char read[ADMIN_HOST_SIZE];
    assert_true(admin_host_read(host, read));
    if (!local)
        return admin_host_is_ours(read, listen, hosts, NULL);
    if (inet_pton(AF_INET, local, &v4.sin_addr) == 1)
        return admin_host_is_ours(read, listen, hosts, (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, local, &v6.sin6_addr), 1);
    return admin_host_is_ours(read, listen, hosts, (struct sockaddr *)&v6);
}

static void ours_and_others(void **state)
{
    (void)state;
    static const struct {
        const char *host, *listen, *hosts, *local;
        bool ours;
    } rows[] = {
        {"localhost:1", "0.0.0.0:9464", NULL, "10.2.3.4", true},
        {"127.9.9.9", "0.0.0.0:9464", NULL, "10.2.3.4", true},
        {"[::1]", "0.0.0.0:9464", NULL, "10.2.3.4", true},
        {"[::ffff:127.0.0.1]", "0.0.0.0:9464", NULL, "10.2.3.4", true},
        /* A pod's address, as probes and scrapers have it. */
        {"10.2.3.4:9464", "0.0.0.0:9464", NULL, "10.2.3.4", true},
        {"[fd00::7]:9464", "[::]:9464", NULL, "fd00::7", true},
        {"10.2.3.4", "[::]:9464", NULL, "::ffff:10.2.3.4", true},
        {"10.2.3.5", "0.0.0.0:9464", NULL, "10.2.3.4", false},
        {"0.0.0.0", "0.0.0.0:9464", NULL, "127.0.0.1", false},
        {"[::]", "[::]:9464", NULL, "::1", false},
        {"evil.example", "127.0.0.1:9464", NULL, "127.0.0.1", false},
        {"127.0.0.1.evil.example", "127.0.0.1:9464", NULL, "127.0.0.1", false},
        {"localhost.evil.example", "127.0.0.1:9464", NULL, "127.0.0.1", false},
        {"2130706433", "127.0.0.1:9464", NULL, "127.0.0.1", false},
        {"0x7f.1", "127.0.0.1:9464", NULL, "127.0.0.1", false},
        {"push.lan", "push.lan:9464", NULL, "10.2.3.4", true},
        {"push.lan", "0.0.0.0:9464", "a, PUSH.lan ,b", "10.2.3.4", true},
        {"ush.lan", "0.0.0.0:9464", "a,push.lan", "10.2.3.4", false},
        {"[fd00:0::1]", "0.0.0.0:9464", "fd00::1", "10.2.3.4", true},
        {"evil.example", "0.0.0.0:9464", "*", "10.2.3.4", true},
        {"evil.example", "0.0.0.0:9464", "a", NULL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (is_ours(rows[i].host, rows[i].listen, rows[i].hosts, rows[i].local) != rows[i].ours)
            fail_msg("row %zu: %s", i, rows[i].host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_read),
        cmocka_unit_test(one_that_is_too_long),
        cmocka_unit_test(entries_are_read),
        cmocka_unit_test(ours_and_others),
    };
    return cmocka_run_group_tests_name("admin_host", tests, NULL, NULL);
}
