/* SPDX-License-Identifier: MIT
 * The admin endpoint: evhttp on the worker's loop, for loopback or a private network.
 *   /livez    the loop turned; never depends on Redis
 *   /readyz   200 when the worker can work, else 503; the body names what fails
 *   /metrics  Prometheus text
 *   /stats    this worker as JSON
 * GET and HEAD only. What a page tells is for those who ask under a name that is known here
 * (admin_host.h); to others /livez and /readyz show their status alone. Slow and hostile clients
 * hold little and not for long (door.h), and `pushbridge health` has a way of its own
 * (admin_socket.h). */
#ifndef PB_ADMIN_ADMIN_H
#define PB_ADMIN_ADMIN_H

#include <event2/event.h>

#include "admin/monitor.h"
#include "config/config.h"

struct admin;

/* config is borrowed. NULL without e->text when admin.listen is "off". NULL with e when the address
 * cannot be bound; where it is the built-in default that is busy, this is logged as a warning and
 * *fatal is false, else true. */
struct admin *admin_new(struct event_base *base, const struct config *config, bool *fatal,
                        struct err *e);
/* What the pages show; NULL again before it is freed. Until then only /livez says anything. */
void admin_show(struct admin *a, struct monitor *monitor);
/* Another configuration (borrowed, as the first). */
void admin_set_config(struct admin *a, const struct config *config);
void admin_free(struct admin *a);

#endif
