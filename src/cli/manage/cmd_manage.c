/* SPDX-License-Identifier: MIT
 * pushbridge tag, alias, account, device, push, app: what the provider keeps. */
#include "cli/manage/manage.h"

const struct cli_command cmd_tag = {&manage_groups[0], CLI_NEEDS_TOOL, manage_run};
const struct cli_command cmd_alias = {&manage_groups[1], CLI_NEEDS_TOOL, manage_run};
const struct cli_command cmd_account = {&manage_groups[2], CLI_NEEDS_TOOL, manage_run};
const struct cli_command cmd_device = {&manage_groups[3], CLI_NEEDS_TOOL, manage_run};
const struct cli_command cmd_push = {&manage_groups[4], CLI_NEEDS_TOOL, manage_run};
const struct cli_command cmd_app = {&manage_groups[5], CLI_NEEDS_TOOL, manage_run};
