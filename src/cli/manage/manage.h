/* SPDX-License-Identifier: MIT
 * The commands that manage tags, aliases, accounts, devices, pushes and apps at the provider: one
 * table of them, their options, and what runs them. */
#ifndef PB_CLI_MANAGE_MANAGE_H
#define PB_CLI_MANAGE_MANAGE_H

#include "cli/cli.h"
#include "cli/manage/ids.h"

struct manage_row {
    const char *group, *verb, *action;
    const char *list; /* parameter that gets the ids of arguments and files; NULL: none */
    const char *many; /* parameter that gets the list of an option; NULL: none */
    bool acts;        /* the answer says nothing: a line at the end tells how many */
    const char *usage, *help;
};
extern const struct manage_row manage_rows[];
extern const size_t manage_rows_count;
const struct manage_row *manage_find(const char *group, const char *verb);
void manage_help(const char *group, FILE *out);

enum { MANAGE_FILES_MAX = 16, MANAGE_PAGE_MAX = 100, MANAGE_LIMIT_MAX = 1000000 };
struct manage_args {
    const struct manage_row *row;
    const struct action_row *action;
    const char *config, *app, *resume;
    bool json, keep_going, help;
    int64_t limit;       /* of records */
    struct params fixed; /* of options; the same in each call */
    struct ids list, many;
    const char *files[MANAGE_FILES_MAX];
    size_t nfiles;
};
/* argv[0] is the group's name behind "pushbridge ". CLI_OK or CLI_USAGE after a message;
 * manage_args_free() in both cases. now_ms: of relative times. */
int manage_args_parse(const char *group, int argc, char **argv, int64_t now_ms,
                      struct manage_args *out);
void manage_args_free(struct manage_args *args);

/* Ids that one call takes in this parameter; 1 for NULL. */
size_t manage_list_max(const struct manage_args *args, const char *param);
/* Call i of a list command: which of the ids it carries. */
struct manage_chunk {
    size_t first, n;           /* of list */
    size_t many_first, many_n; /* of many */
};
size_t manage_calls(const struct manage_args *args);
struct manage_chunk manage_chunk(const struct manage_args *args, size_t i);

/* Loads the configuration, calls, prints. The exit status. */
int manage_run(const struct manage_args *args);
/* The app that is meant: name, else "default", else the only one. NULL after a message. */
const struct config_app *manage_app(const struct config *config, const char *name);

#endif
