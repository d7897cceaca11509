/* SPDX-License-Identifier: MIT
 * The admin endpoint: evhttp on the worker's loop, for loopback or a private network. /livez says
 * that the loop turned and never depends on Redis. */
#ifndef PB_ADMIN_H
#define PB_ADMIN_H

#include <event2/event.h>

#include "worker/config.h"

struct admin;

/* NULL without e->text when admin.listen is "off". NULL with e when the address cannot be bound;
 * where it is the built-in default that is busy, this is logged as a warning and *fatal is false,
 * else true. */
struct admin *admin_new(struct event_base *base, const struct config *config, bool *fatal,
                        struct err *e);
void admin_free(struct admin *a);

#endif
