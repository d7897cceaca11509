/* SPDX-License-Identifier: MIT
 * Every Redis command that workers and tools run, with harmless arguments. */
#ifndef PB_CLI_CHECK_RIGHTS_TABLE_H
#define PB_CLI_CHECK_RIGHTS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum right_when { RIGHT_ALWAYS, RIGHT_DATABASE, RIGHT_CLUSTER, RIGHT_REPLICAS };

struct right {
    const char *words;    /* %k: a key that holds a text, %d: the database */
    bool tools;           /* workers do without */
    unsigned from, below; /* server versions (60200 for 6.2.0); 0: no limit */
    enum right_when when;
    const char *why; /* what it is needed for */
};
enum { RIGHT_NAME_SIZE = 32 };

/* The first one writes the text. */
extern const struct right rights_table[];
extern const size_t rights_table_n;

bool right_needed(const struct right *r, const struct config *config, unsigned version);
/* As rules of an ACL have it: "lpush", "client|id". */
void right_name(const struct right *r, char out[RIGHT_NAME_SIZE]);

#endif
