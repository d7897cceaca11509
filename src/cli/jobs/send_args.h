/* SPDX-License-Identifier: MIT
 * The options of `pushbridge send` and the job that they make. */
#ifndef PB_CLI_JOBS_SEND_ARGS_H
#define PB_CLI_JOBS_SEND_ARGS_H

#include <jansson.h>

#include "cli/cli.h"

struct send_args {
    struct cli_args common;
    const char *queue;
    bool lines, wait; /* lines: jobs come from the standard input */
    int64_t timeout_s;
    json_t *job; /* from the options */
};
extern const struct args_command send_args;

#endif
