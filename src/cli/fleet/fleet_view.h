/* SPDX-License-Identifier: MIT
 * What the fleet has agreed on, as it lies in Redis on the first configured queue's slot: rate
 * limits, pauses and circuits. Read without a worker, so it is there also when none is alive. */
#ifndef PB_CLI_FLEET_FLEET_VIEW_H
#define PB_CLI_FLEET_FLEET_VIEW_H

#include "cli/tool.h"
#include "fleet/fleet_store.h"

/* One limit: of the configuration here, of Redis, or both. */
struct fleet_view_limit {
    char name[LIMIT_NAME_SIZE];
    double configured, override; /* −1: unknown, none */
    bool used;                   /* a worker has asked for it */
    double rate, tokens;         /* at present */
    int64_t cooled_ms;           /* still to go */
};

struct fleet_view_pause {
    char *app;       /* NULL: all */
    int64_t till_ms; /* Redis clock; 0: until resume */
};

/* One that is not closed. */
struct fleet_view_circuit {
    char *app, *why;
    bool probed; /* a worker has the lease of its probe */
    int64_t since_ms, probe_at_ms;
};

struct fleet_view {
    int64_t now_ms; /* Redis clock */
    struct fleet_view_limit *limits;
    struct fleet_view_pause *pauses;
    struct fleet_view_circuit *circuits;
    size_t nlimits, npauses, ncircuits;
};

/* False after a message when Redis did not answer as expected; out is to be freed in any case. */
bool fleet_view_read(struct tool *t, struct fleet_view *out);
void fleet_view_free(struct fleet_view *a);

/* Used or changed, or not of pushes to ALL, of which each app has four. */
bool fleet_view_matters(const struct fleet_view_limit *l);

#endif
