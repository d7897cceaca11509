/* SPDX-License-Identifier: MIT
 * The table of options: one row says an option's name, default, bounds, meaning and place in
 * struct config (or, for a member of `apps`, in struct config_app). Everything else that knows
 * options (file, environment, `check`, docs/options.md) walks it. */
#ifndef PB_CONFIG_OPTIONS_H
#define PB_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

enum option_type {
    OPTION_TEXT,   /* char *, NULL when empty; choices limit it */
    OPTION_FIXED,  /* char[max + 1]; an empty value leaves what is there */
    OPTION_LIST,   /* comma list, a text so far; the configuration takes it apart */
    OPTION_INT,    /* int64_t */
    OPTION_SIZE,   /* size_t */
    OPTION_INT32,  /* int */
    OPTION_BOOL,   /* bool */
    OPTION_CHOICE, /* an enum (int): the index of the word */
    OPTION_EITHER, /* bool: the second of two words */
};

enum {
    OPTION_SECRET = 1,   /* never shown */
    OPTION_PARTIAL = 2,  /* only its first characters are shown */
    OPTION_URL = 4,      /* user and password within are not shown */
    OPTION_TWIN = 8,     /* NAME_file and VARIABLE_FILE name a file that holds it */
    OPTION_RESTART = 32, /* a reload names it and keeps the old value */
};

/* offset: place in the struct, or one of these. */
enum { OPTION_NOWHERE = -1 };

struct option_row {
    const char *name; /* "redis.url"; of an app: "app_key" */
    enum option_type type;
    const char *initial; /* the default, as text */
    int64_t min, max;    /* numbers; TEXT and LIST: max bytes */
    unsigned flags;
    int offset;
    const char *choices;    /* "v1|v3" or NULL */
    const char *aliases[2]; /* further variables, the stronger first */
    const char *help;
};

struct option_table {
    const struct option_row *rows;
    size_t n;
};
extern const struct option_table options_general, options_app, options_group;

enum { OPTION_VARIABLE_SIZE = 64 };
/* "PUSHBRIDGE_REDIS_URL" for redis.url. */
void option_variable(const struct option_row *o, char out[OPTION_VARIABLE_SIZE]);

/* Index of the row, −1 when there is none. With twin not NULL, "NAME_file" of a row that allows
 * it counts too, and *twin says so. */
int option_find(const struct option_table *t, const char *name, bool *twin);

/* Type, bounds and choices. False with e: what it is, what it may be; the value itself is shown
 * only where it is no secret. */
MUST_USE bool option_check(const struct option_row *o, const char *text, struct err *e);

/* Stores text, which has passed option_check(), into its place. Strings are borrowed. */
void option_store(const struct option_row *o, char *text, void *base);

/* As it may be shown: quoted where it is text, secrets masked. */
void option_show(const struct option_row *o, const char *text, struct buf *out);

/* docs/options.md. */
void options_print_reference(FILE *out);

#endif
