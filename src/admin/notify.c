/* SPDX-License-Identifier: MIT */
#include "admin/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timer.h"
#include "base/visible.h"

enum { STATUS_SIZE = 256 };

struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_len;
    struct timer *ping;
    char status[STATUS_SIZE];
};

/* A path, or a name in the abstract space, which systemd writes with '@' for the NUL. */
static bool read_notify_address(struct notify *n, const char *name)
{
    size_t len = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || len >= sizeof n->to.sun_path)
        return false;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, name, len);
    if (name[0] == '@')
        n->to.sun_path[0] = '\0';
    n->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    return true;
}

static bool say_state(struct notify *n, const char *text)
{
    size_t len = strlen(text);
    return n->fd < 0 || sendto(n->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL,
                               (const struct sockaddr *)&n->to, n->to_len) == (ssize_t)len;
}

static void on_ping(void *arg)
{
    say_state(arg, "WATCHDOG=1");
}

static void start_pings(struct notify *n, struct event_base *base)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    int64_t every, whom;
    if (!usec || !text_int(usec, 2, INT64_MAX / 2, &every))
        return;
    if (pid && (!text_int(pid, 1, INT32_MAX, &whom) || whom != getpid()))
        return;
    n->ping = timer_new(base, on_ping, n);
    timer_each(n->ping, every < 2000 ? 1 : every / 2000);
    on_ping(n);
}

struct notify *notify_new(struct event_base *base)
{
    struct notify *n = mem_zalloc(sizeof *n);
    const char *name = getenv("NOTIFY_SOCKET");
    n->fd = -1;
    if (name && *name && read_notify_address(n, name))
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (name && *name && n->fd < 0)
        log_warn("event=notify_unusable socket=%s", log_value(name));
    if (n->fd >= 0)
        start_pings(n, base);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return n;
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    timer_free(n->ping);
    if (n->fd >= 0)
        close(n->fd);
    mem_free(n);
}

bool notify_ready(struct notify *n)
{
    return say_state(n, "READY=1");
}

void notify_stopping(struct notify *n)
{
    say_state(n, "STOPPING=1");
}

void notify_status(struct notify *n, const char *text)
{
    char line[STATUS_SIZE + 8], status[STATUS_SIZE];
    visible_copy(status, sizeof status, text); /* a line end would begin another assignment */
    if (strcmp(status, n->status) == 0)
        return;
    snprintf(line, sizeof line, "STATUS=%s", status);
    if (say_state(n, line))
        memcpy(n->status, status, sizeof status);
}

void notify_reloading(struct notify *n)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_mono_us());
    say_state(n, text);
}
