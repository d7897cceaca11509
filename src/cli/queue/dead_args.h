/* SPDX-License-Identifier: MIT
 * pushbridge dead: what was asked for. */
#ifndef PB_CLI_QUEUE_DEAD_ARGS_H
#define PB_CLI_QUEUE_DEAD_ARGS_H

#include "cli/cli.h"
#include "job/letter.h"

enum dead_action { DEAD_LS, DEAD_SHOW, DEAD_REPLAY, DEAD_DROP };

struct dead_args {
    struct cli_args common;
    enum dead_action action; /* the verb's number */
    const char *queue;
    struct letter_filter filter;
    int64_t limit;      /* 0: none */
    int64_t rate_per_s; /* 0: as fast as it goes */
    int64_t place;      /* of show, −1: by id */
    int token;          /* 1: a new one */
    bool json, dry_run, maybe_sent, yes;
};

extern const struct args_command dead_args;

#endif
