/* SPDX-License-Identifier: MIT
 * The commands that manage tags, aliases, accounts, devices, pushes and apps at the provider: their
 * tables, their options, and what runs them. */
#ifndef PB_CLI_MANAGE_MANAGE_H
#define PB_CLI_MANAGE_MANAGE_H

#include "cli/cli.h"
#include "cli/manage/ids.h"

/* What a verb's own is. */
struct manage_row {
    const char *group, *action;
    const char *list; /* parameter that gets the ids of arguments and files; NULL: none */
    const char *many; /* parameter that gets the list of an option; NULL: none */
    bool acts;        /* the answer says nothing: a line at the end tells how many */
};
enum { MANAGE_GROUPS = 6 };
extern const struct args_command manage_groups[MANAGE_GROUPS]; /* tag, alias, account, device, … */

enum { MANAGE_FILES_MAX = 16, MANAGE_PAGE_MAX = 100, MANAGE_LIMIT_MAX = 1000000 };
struct manage_args {
    struct cli_args common;
    const struct manage_row *row;
    const struct action_row *action;
    const char *app, *resume;
    bool json, keep_going;
    int64_t now_ms;      /* of relative times */
    int64_t limit;       /* of records */
    struct params fixed; /* of options; the same in each call */
    struct ids list, many;
    const char *files[MANAGE_FILES_MAX];
    size_t nfiles;
};
/* An option's own, where it sets a parameter. */
enum setting_kind { SETTING_TEXT, SETTING_UPPER, SETTING_TIME, SETTING_TRUE, SETTING_MANY };
struct manage_setting {
    const char *param;
    enum setting_kind kind;
};
bool manage_read_setting(void *args, const struct args_option *o, const char *text, struct err *e);
bool manage_read_file(void *args, const struct args_option *o, const char *text, struct err *e);
/* What a table's begin, check and end are. */
void manage_args_begin(void *args);
bool manage_args_check(void *args, struct err *e);
void manage_args_end(void *args);

/* Ids that one call takes in this parameter; 1 for NULL. */
size_t manage_list_max(const struct manage_args *args, const char *param);
/* Call i of a list command: which of the ids it carries. */
struct manage_chunk {
    size_t first, n;           /* of list */
    size_t many_first, many_n; /* of many */
};
size_t manage_calls(const struct manage_args *args);
struct manage_chunk manage_chunk(const struct manage_args *args, size_t i);

/* Calls and prints. args: a struct manage_args. The exit status. */
int manage_run(void *args, struct config *config);
/* The app that is meant: name, else "default", else the only one. NULL after a message. */
const struct config_app *manage_app(const struct config *config, const char *name);

#endif
