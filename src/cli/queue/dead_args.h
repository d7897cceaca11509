/* SPDX-License-Identifier: MIT
 * pushbridge dead: what was asked for. */
#ifndef PB_CLI_QUEUE_DEAD_ARGS_H
#define PB_CLI_QUEUE_DEAD_ARGS_H

#include "cli/cli.h"
#include "job/letter.h"

enum dead_action { DEAD_LS = 1, DEAD_SHOW = 2, DEAD_REPLAY = 4, DEAD_DROP = 8 };

struct dead_args {
    enum dead_action action;
    const char *config, *queue;
    struct letter_filter filter;
    int64_t limit;      /* 0: none */
    int64_t rate_per_s; /* 0: as fast as it goes */
    int64_t place;      /* of show, −1: by id */
    bool json, dry_run, new_token, maybe_sent, yes, help;
};

/* Prints what is wrong and returns CLI_USAGE. dead_args_free() in all cases. */
int dead_args_parse(int argc, char **argv, struct dead_args *out);
void dead_args_free(struct dead_args *args);
void dead_args_help(FILE *out);

#endif
