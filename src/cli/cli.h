/* SPDX-License-Identifier: MIT
 * The commands. Each has a table of what it takes (host/args.h) and a function that gets it read,
 * with the configuration, prints errors as one line to stderr and returns the exit status. */
#ifndef PB_CLI_CLI_H
#define PB_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "config/config.h"
#include "host/args.h"

enum {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 64,
    CLI_UNSUPPORTED = 69, /* a service that cannot be used */
    CLI_TIMED_OUT = 75,
    CLI_CONFIG = 78,
};

/* What the struct of each command begins with. */
struct cli_args {
    struct args given;
    const char *config; /* NULL: the default */
};
#define CLI_CONFIG_OPTION                                                                          \
    {                                                                                              \
        .letter = 'c',                                                                             \
        ARGS_IS_TEXT("config", "FILE", struct cli_args, config, "configuration file")              \
    }

/* Which configuration run() gets. TOOL: that of one which never calls the provider. */
enum cli_needs { CLI_NEEDS_NONE, CLI_NEEDS_TOOL, CLI_NEEDS_WORKER };
struct cli_command {
    const struct args_command *args; /* its struct begins with struct cli_args */
    enum cli_needs needs;
    int (*run)(void *args, struct config *config); /* the exit status */
};
extern const struct cli_command cmd_run, cmd_check, cmd_render, cmd_send, cmd_health, cmd_dead,
    cmd_stats, cmd_queue, cmd_cancel, cmd_pause, cmd_resume, cmd_limit, cmd_tag, cmd_alias,
    cmd_account, cmd_device, cmd_push, cmd_app, cmd_call, cmd_version;

extern const char cli_version[], cli_commit[];

/* Loads the configuration and says why not. calls: as the worker needs it, else as a tool that
 * never calls the provider. Tools log warnings only. */
bool cli_load(const char *file, bool calls, struct config *out);

/* All that a command shows goes through these: the formatted text with nothing in it that could act
 * on a terminal (base/visible.h), line ends neither; cli_line() adds the one that is meant. */
void cli_put(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_line(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As json_dumpf(): the same value, in characters that a terminal may get. */
void cli_json(FILE *out, const json_t *value, size_t flags);
void cli_json_line(FILE *out, const char *json, size_t len); /* a text of JSON, on one line */

/* One line of in without its end into out (emptied first); what exceeds out's maximum is skipped
 * and buf_ok(out) is then false. False at the end of the input. */
bool cli_read_line(FILE *in, struct buf *out);
/* What was shown so far goes out. False: it could not, and main will say so. */
bool cli_flush(void);
/* errno of what could not be written, or 0. */
int cli_output_fault(void);
/* Whether the standard input, now at its end, could be read to it; else says why not. */
bool cli_input_ok(void);

#endif
