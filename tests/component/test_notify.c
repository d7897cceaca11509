/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/notify.h"
#include "base/clock.h"
#include "base/log.h"
#include "support/pump.h"

static struct event_base *base;
static int fd; /* where systemd would listen */
static char path[64];

/* A name that begins with '@' is in the abstract space. */
static void listen_at(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(a.sun_path, name, strlen(name));
    if (name[0] == '@')
        a.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static const char *heard(void)
{
    static char text[512];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    snprintf(path, sizeof path, "/tmp/pb-notify-%d", (int)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    unlink(path);
    return 0;
}

static void states(void **state)
{
    (void)state;
    char abstract[64];
    snprintf(abstract, sizeof abstract, "@pb-notify-%d", (int)getpid());
    const char *const names[] = {path, abstract};
    for (size_t i = 0; i < 2; i++) {
        listen_at(names[i]);
        struct notify *n = notify_new(base);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_string_equal(heard(), "");
        assert_true(notify_ready(n));
        assert_string_equal(heard(), "READY=1");
        notify_status(n, "not ready: write: OOM\nMAINPID=1");
        assert_string_equal(heard(), "STATUS=not ready: write: OOM\\nMAINPID=1");
        notify_status(n, "not ready: write: OOM\nMAINPID=1");
        assert_string_equal(heard(), "");
        notify_reloading(n);
        assert_non_null(strstr(heard(), "RELOADING=1\nMONOTONIC_USEC="));
        notify_stopping(n);
        assert_string_equal(heard(), "STOPPING=1");
        notify_free(n);
        close(fd);
    }
}

static void pings(void **state)
{
    (void)state;
    char pid[16];
    unlink(path);
    listen_at(path);
    setenv("WATCHDOG_USEC", "100000", 1);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    struct notify *n = notify_new(base);
    int64_t start = clock_mono_ms();
    for (int i = 0; i < 4; i++)
        pump_until(base, strcmp(heard(), "WATCHDOG=1") == 0);
    assert_true(clock_mono_ms() - start >= 140); /* the first comes at once */
    notify_free(n);
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* meant for somebody else */
    n = notify_new(base);
    assert_string_equal(heard(), "");
    notify_free(n);
    close(fd);
}

static void nobody_listens(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "", "vsock:2:3", "/nowhere/at/all"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unsetenv("NOTIFY_SOCKET");
        if (names[i])
            setenv("NOTIFY_SOCKET", names[i], 1);
        struct notify *n = notify_new(base);
        assert_int_equal(notify_ready(n), i != 3); /* one that may come up is tried again */
        notify_status(n, "x");
        notify_free(n);
    }
}

/* A reader that has fallen asleep does not stop the loop. */
static void a_full_socket(void **state)
{
    (void)state;
    unlink(path);
    listen_at(path);
    struct notify *n = notify_new(base);
    int sent = 0;
    while (sent < 100000 && notify_ready(n))
        sent++;
    assert_in_range(sent, 1, 99999);
    heard();
    assert_true(notify_ready(n));
    notify_free(n);
    close(fd);
}

int main(void)
{
    log_threshold = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states),
        cmocka_unit_test(pings),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(a_full_socket),
    };
    return cmocka_run_group_tests_name("notify", tests, set_up, tear_down);
}
