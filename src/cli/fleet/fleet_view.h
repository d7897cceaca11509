/* SPDX-License-Identifier: MIT
 * What the fleet has agreed on, as it lies in Redis on the first configured queue's slot: rate
 * limits, pauses and circuits. Read without a worker, so it is there also when none is alive. */
#ifndef PB_CLI_FLEET_FLEET_VIEW_H
#define PB_CLI_FLEET_FLEET_VIEW_H

#include "cli/tool.h"
#include "fleet/flow_store.h"

/* One limit: of the configuration here, of Redis, or both. */
struct agreed_limit {
    char name[FLOW_NAME_SIZE];
    double configured, override; /* −1: unknown, none */
    bool used;                   /* a worker has asked for it */
    double rate, tokens;         /* at present */
    int64_t cooled_ms;           /* still to go */
};

struct agreed_pause {
    char *app;       /* NULL: all */
    int64_t till_ms; /* Redis clock; 0: until resume */
};

/* One that is not closed. */
struct agreed_circuit {
    char *app, *why;
    bool probed; /* a worker has the lease of its probe */
    int64_t since_ms, probe_at_ms;
};

struct agreed {
    int64_t now_ms; /* Redis clock */
    struct agreed_limit *limits;
    struct agreed_pause *pauses;
    struct agreed_circuit *circuits;
    size_t nlimits, npauses, ncircuits;
};

/* False after a message when Redis did not answer as expected; out is to be freed in any case. */
bool agreed_read(struct tool *t, struct agreed *out);
void agreed_free(struct agreed *a);

/* Used or changed, or not of pushes to ALL, of which each app has four. */
bool agreed_matters(const struct agreed_limit *l);

#endif
