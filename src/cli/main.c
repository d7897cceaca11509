/* SPDX-License-Identifier: MIT
 * pushbridge COMMAND …: finds the command. */
#include <string.h>

#include "base/start.h"
#include "cli/cli.h"

static const struct command {
    const char *name, *title; /* title: what getopt puts before its messages */
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", "pushbridge run", cmd_run, "the worker: take jobs from Redis and deliver them"},
    {"check", "pushbridge check", cmd_check, "check the configuration and print what is in force"},
    {"render", "pushbridge render", cmd_render,
     "show the calls that jobs would make, send nothing"},
    {"send", "pushbridge send", cmd_send, "put jobs into the queue, and wait for the outcome"},
    {"health", "pushbridge health", cmd_health, "ask a running worker whether it is well"},
    {"dead", "pushbridge dead", cmd_dead, "look at dead letters, get them back, drop them"},
    {"stats", "pushbridge stats", cmd_stats, "where all jobs are, and what the workers do"},
    {"queue", "pushbridge queue", cmd_queue, "list the queues, look at the first ready jobs"},
    {"cancel", "pushbridge cancel", cmd_cancel, "take back a job that has not reached phones yet"},
    {"pause", "pushbridge pause", cmd_pause, "stop one app's jobs, or all, on all workers"},
    {"resume", "pushbridge resume", cmd_resume, "end a pause"},
    {"limit", "pushbridge limit", cmd_limit, "show and change rate limits of all workers"},
    {"tag", "pushbridge tag", cmd_tag, "bind, unbind, query, list and remove tags"},
    {"alias", "pushbridge alias", cmd_alias, "bind, unbind and query aliases"},
    {"account", "pushbridge account", cmd_account, "the devices of an account"},
    {"device", "pushbridge device", cmd_device, "what the provider knows about devices"},
    {"push", "pushbridge push", cmd_push, "cancel pushes, list them, count what became of them"},
    {"app", "pushbridge app", cmd_app, "check an app's certificates"},
    {"call", "pushbridge call", cmd_call, "any action of the provider, by name"},
    {"version", "pushbridge version", cmd_version, "print the version"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out)
{
    fputs(
        "usage: pushbridge COMMAND [OPTION…]\n\n"
        "Takes push jobs from Redis and delivers them through the Aliyun Mobile Push OpenAPI.\n\n",
        out);
    for (size_t i = 0; i < COMMANDS; i++)
        cli_line(out, "  %-8s %s", commands[i].name, commands[i].help);
    fputs(
        "\n`pushbridge COMMAND --help` lists a command's options. Exit status: 0 done, 1 failed,\n"
        "64 wrong usage, 69 a service that cannot be used, 75 timed out, 78 wrong configuration.\n",
        out);
}

static const struct command *find(const char *name)
{
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

/* Output that could not be written is a failure, though everything else went well. */
static int finish(int code)
{
    int fault = cli_output_fault();
    if (!fault)
        return code;
    cli_line(stderr, "pushbridge: cannot write the output: %s", strerror(fault));
    return code ? code : CLI_FAILED;
}

int main(int argc, char **argv)
{
    static char title[32];
    struct err e;
    if (!start_process(&e)) {
        cli_line(stderr, "pushbridge: %s", e.text);
        return CLI_FAILED;
    }
    start_keep_memory();
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (is_help(argv[1])) {
        print_help(stdout);
        return finish(CLI_OK);
    }
    const struct command *c = find(argv[1]);
    if (!c) {
        cli_line(stderr, "pushbridge: unknown command \"%s\" (see pushbridge --help)", argv[1]);
        return CLI_USAGE;
    }
    snprintf(title, sizeof title, "%s", c->title);
    argv[1] = title;
    return finish(c->run(argc - 1, argv + 1));
}
