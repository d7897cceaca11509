/* SPDX-License-Identifier: MIT
 * The options of `pushbridge send` and the job that they make. */
#ifndef PB_CLI_JOBS_SEND_ARGS_H
#define PB_CLI_JOBS_SEND_ARGS_H

#include <jansson.h>

#include "cli/cli.h"

struct send_args {
    const char *config, *queue;
    bool lines, wait, help; /* lines: jobs come from the standard input */
    int64_t timeout_s;
    json_t *job; /* from the options */
};

/* CLI_OK or CLI_USAGE after a message. send_args_free() in both cases. */
int send_args_parse(int argc, char **argv, struct send_args *out);
void send_args_free(struct send_args *args);
void send_args_help(FILE *out);

#endif
