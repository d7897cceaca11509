/* SPDX-License-Identifier: MIT
 * pushbridge COMMAND …: finds the command, reads its arguments, loads its configuration, runs it.
 */
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "host/start.h"

enum { HELP_MAX = 64 * 1024 };

static const struct cli_command *const commands[] = {
    &cmd_run,     &cmd_check,  &cmd_render, &cmd_send,   &cmd_health, &cmd_dead,    &cmd_stats,
    &cmd_queue,   &cmd_cancel, &cmd_pause,  &cmd_resume, &cmd_limit,  &cmd_tag,     &cmd_alias,
    &cmd_account, &cmd_device, &cmd_push,   &cmd_app,    &cmd_call,   &cmd_version,
};

static void print_commands(FILE *out)
{
    fputs(
        "usage: pushbridge COMMAND [OPTION…]\n\n"
        "Takes push jobs from Redis and delivers them through the Aliyun Mobile Push OpenAPI.\n\n",
        out);
    for (size_t i = 0; i < ARGS_N(commands); i++)
        cli_line(out, "  %-8s %s", commands[i]->args->name, commands[i]->args->title);
    fputs(
        "\n`pushbridge COMMAND --help` lists a command's options. Exit status: 0 done, 1 failed,\n"
        "64 wrong usage, 69 a service that cannot be used, 75 timed out, 78 wrong configuration.\n",
        out);
}

static int print_command(const struct args_command *c)
{
    struct buf text;
    char program[64];
    buf_init(&text, HELP_MAX);
    snprintf(program, sizeof program, "pushbridge %s", c->name);
    args_help(c, program, &text);
    fputs(buf_text(&text), stdout);
    buf_free(&text);
    return CLI_OK;
}

static const struct cli_command *find_command(const char *name)
{
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < ARGS_N(commands); i++)
        if (strcmp(commands[i]->args->name, name) == 0)
            return commands[i];
    return NULL;
}

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* Output that could not be written is a failure, though everything else went well. */
static int check_output(int code)
{
    int fault = cli_output_fault();
    if (!fault)
        return code;
    cli_line(stderr, "pushbridge: cannot write the output: %s", strerror(fault));
    return code ? code : CLI_FAILED;
}

static int load_and_run(const struct cli_command *c, struct cli_args *args)
{
    struct config config;
    if (c->needs == CLI_NEEDS_NONE)
        return c->run(args, NULL);
    if (!cli_load(args->config, c->needs == CLI_NEEDS_WORKER, &config))
        return CLI_CONFIG;
    int code = c->run(args, &config);
    config_free(&config);
    return code;
}

static int refuse_args(const struct args_command *c, const struct args *given, const struct err *e)
{
    const char *verb = given->verb ? given->verb->name : NULL;
    cli_line(stderr, "pushbridge %s%s%s: %s (see pushbridge %s --help)", c->name, verb ? " " : "",
             verb ? verb : "", e->text, c->name);
    return CLI_USAGE;
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
    struct err e;
    void *args = mem_alloc(c->args->size);
    enum args_end end = args_parse(c->args, argc, argv, args, &e);
    int code = end == ARGS_WRONG  ? refuse_args(c->args, args, &e)
               : end == ARGS_HELP ? print_command(c->args)
                                  : load_and_run(c, args);
    args_free(c->args, args);
    mem_free(args);
    return code;
}

int main(int argc, char **argv)
{
    struct err e;
    if (!start_process(&e)) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_FAILED;
    }
    start_keep_memory();
    if (argc < 2) {
        print_commands(stderr);
        return CLI_USAGE;
    }
    if (is_help(argv[1])) {
        print_commands(stdout);
        return check_output(CLI_OK);
    }
    const struct cli_command *c = find_command(argv[1]);
    if (!c) {
        cli_line(stderr, "pushbridge: unknown command \"%s\" (see pushbridge --help)", argv[1]);
        return CLI_USAGE;
    }
    return check_output(run_command(c, argc - 1, argv + 1));
}
