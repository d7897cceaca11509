/* SPDX-License-Identifier: MIT
 * Raw values of options, collected from file and environment with their origin, before anything
 * is made of them: text, checked row by row, the strongest source first. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_H
#define PB_CONFIG_SETTINGS_SETTINGS_H

#include <jansson.h>

#include "config/options.h"

/* Weakest first. */
enum setting_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ALIBABA, SOURCE_PREQ, SOURCE_OWN };

struct setting {
    char *text;   /* never NULL after settings_settle() */
    char *origin; /* "default", "FILE:12", "PREQ_APP_KEY" */
    enum setting_source source;
    bool is_path; /* text names the file that holds the value; gone after settings_settle() */
    char *file;   /* that held it; NULL: none */
};

/* One set of values, in the order of the table's rows. */
struct setting_list {
    const struct option_table *table;
    struct setting *v;
    char *origin; /* of the whole entry, for apps and groups */
    json_t *push; /* of an app: checked defaults of provider parameters, or NULL */
};

/* A template or a variant of it. What is not there is NULL. */
struct setting_template {
    char *code, *platform, *locale, *title, *message, *origin;
    json_t *parts, *push; /* push is checked */
};

struct settings {
    struct setting_list general;
    struct setting_list *apps;
    size_t napps;
    struct setting_list *groups;
    size_t ngroups;
    struct setting_template *templates;
    size_t ntemplates;
    bool templates_given;
};

void settings_init(struct settings *s);
void settings_free(struct settings *s); /* wipes */

/* Takes the value over unless a stronger source was there. Two values from one source are refused:
 * one of them would be a surprise. */
MUST_USE bool setting_put(struct setting *s, const char *text, const char *origin,
                          enum setting_source source, bool is_path, struct err *e);
/* to becomes what from is; both are settled. */
void setting_copy(struct setting *to, const struct setting *from);
void setting_list_init(struct setting_list *list, const struct option_table *table);

/* After every source was read: reads the files that hold secrets, fills in defaults, checks each
 * value. False with e: origin, option, value, bounds. */
MUST_USE bool settings_settle(struct settings *s, struct err *e);

/* A file that holds one value, without trailing line breaks; out as below. */
MUST_USE bool settings_read_value(const char *path, struct buf *out, struct err *e);

/* A whole regular file of at most max bytes without NUL into out, which is initialised here and
 * must be freed in both cases. Never waits for a writer. False with e: path, reason. */
MUST_USE bool settings_read_whole(const char *path, size_t max, struct buf *out, struct err *e);

/* The value of a row of the list. name must be one of the table. */
struct setting *settings_get(const struct setting_list *list, const char *name);
/* Its text; NULL where it is empty or not there. */
const char *settings_text(const struct setting_list *list, const char *name);

/* Letters, digits, '_', '-' and '.' only; NULL and "" too. */
bool settings_is_label(const char *text);

#endif
