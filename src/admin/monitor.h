/* SPDX-License-Identifier: MIT
 * Watches the dispatcher from outside: tries a write each second, judges whether the worker is
 * ready, keeps the figures of the admin pages and rates, and tells systemd. */
#ifndef PB_ADMIN_MONITOR_H
#define PB_ADMIN_MONITOR_H

#include "admin/notify.h"
#include "admin/rates.h"
#include "admin/ready.h"
#include "worker/dispatch.h"

struct monitor;

/* config and d are borrowed. */
struct monitor *monitor_new(struct event_base *base, const struct config *config,
                            struct dispatch *d);
void monitor_free(struct monitor *m); /* after worker_close(): answers may be on their way */

/* Something has changed that should be told at once: a signal, a reload. */
void monitor_look(struct monitor *m);
/* Another configuration (borrowed), after dispatch_set_config(). */
void monitor_set_config(struct monitor *m, const struct config *config);
/* Tells systemd that a reload begins, or is over; nothing before it was told READY. */
void monitor_reloading(struct monitor *m, bool begins);

/* The body of /readyz; true when ready. */
bool monitor_write_ready(struct monitor *m, struct buf *out);
/* Somebody reads the page: figures of the process are taken, those of the queues kept fresh. */
void monitor_scraped(struct monitor *m);

const struct config *monitor_config(const struct monitor *m);
const struct dispatch *monitor_dispatch(const struct monitor *m);
bool monitor_is_ready(const struct monitor *m); /* at the last look */
int64_t monitor_uptime_ms(const struct monitor *m);

const struct rates *monitor_rates(const struct monitor *m);

#endif
