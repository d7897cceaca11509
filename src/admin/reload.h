/* SPDX-License-Identifier: MIT
 * A new configuration while the worker runs: read whole, from the same file and environment, and
 * put in force, or refused with the old one kept. */
#ifndef PB_ADMIN_RELOAD_H
#define PB_ADMIN_RELOAD_H

#include "admin/admin.h"
#include "admin/monitor.h"

struct reload {
    const char *file; /* as for config_load() */
    struct dispatch *dispatch;
    struct monitor *monitor;
    struct admin *admin;         /* NULL: none */
    const struct config *config; /* in force: the caller's at first, then one that this holds */
};

/* Logs reload_done or reload_refused, and which options wait for a restart. Not from within a
 * callback of dispatcher, monitor or admin. */
void reload_now(struct reload *r);

/* After everything that borrowed r->config is gone. */
void reload_free(struct reload *r);

#endif
