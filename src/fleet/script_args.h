/* SPDX-License-Identifier: MIT
 * Keys and arguments of one call of a script. */
#ifndef PB_FLEET_SCRIPT_ARGS_H
#define PB_FLEET_SCRIPT_ARGS_H

#include <stdint.h>

#include "fleet/flow_store.h"

enum {
    ASK_ARGS = 11, /* of a question to flow.lua, the longest that is asked */
    ARGS_MAX = 2 + ASK_ARGS * FLOW_ASKS_MAX,
    NUMBER_SIZE = 32,
};

/* Texts are borrowed until the call, numbers are kept inside. */
struct script_args {
    const char *v[ARGS_MAX];
    char numbers[ARGS_MAX][NUMBER_SIZE];
    int n;
};

void script_args_add(struct script_args *a, const char *text);
void script_args_add_int(struct script_args *a, int64_t n);
void script_args_add_real(struct script_args *a, double x);

#endif
