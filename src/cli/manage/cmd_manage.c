/* SPDX-License-Identifier: MIT
 * pushbridge tag, alias, account, device, push, app: what the provider keeps. */
#include "base/clock.h"
#include "cli/manage/manage.h"

static int manage(const char *group, int argc, char **argv)
{
    struct manage_args args;
    int code = manage_args_parse(group, argc, argv, clock_wall_ms(), &args);
    if (code == CLI_OK && args.help)
        manage_help(group, stdout);
    else if (code == CLI_OK)
        code = manage_run(&args);
    manage_args_free(&args);
    return code;
}

int cmd_tag(int argc, char **argv)
{
    return manage("tag", argc, argv);
}

int cmd_alias(int argc, char **argv)
{
    return manage("alias", argc, argv);
}

int cmd_account(int argc, char **argv)
{
    return manage("account", argc, argv);
}

int cmd_device(int argc, char **argv)
{
    return manage("device", argc, argv);
}

int cmd_push(int argc, char **argv)
{
    return manage("push", argc, argv);
}

int cmd_app(int argc, char **argv)
{
    return manage("app", argc, argv);
}
