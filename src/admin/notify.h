/* SPDX-License-Identifier: MIT
 * systemd's notification protocol, by hand: datagrams of KEY=value lines to NOTIFY_SOCKET. Without
 * that variable every function does nothing. Nothing here blocks. */
#ifndef PB_ADMIN_NOTIFY_H
#define PB_ADMIN_NOTIFY_H

#include <event2/event.h>
#include <stdbool.h>

struct notify;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment. With
 * a watchdog the loop pings at half its time: a loop that stands still is killed. Never NULL. */
struct notify *notify_new(struct event_base *base);
void notify_free(struct notify *n);

bool notify_ready(struct notify *n); /* false: not taken now, try again */
void notify_stopping(struct notify *n);
/* One line for `systemctl status`. Sent when it differs from the last one. */
void notify_status(struct notify *n, const char *text);
/* A reload has begun; notify_ready() says that it is over. */
void notify_reloading(struct notify *n);

#endif
