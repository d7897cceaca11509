/* SPDX-License-Identifier: MIT
 * A list of ids from arguments, files and the standard input: each checked, each once, in the
 * order of their first appearance. */
#ifndef PB_CLI_MANAGE_IDS_H
#define PB_CLI_MANAGE_IDS_H

#include "aliyun/actions.h"

enum { IDS_MAX = 5 * 1000 * 1000, IDS_BYTES_MAX = 512 * 1024 * 1024, IDS_LINE_MAX = 4096 };

struct ids {
    struct buf text; /* NUL after each */
    size_t *at;      /* n offsets into text */
    size_t n, cap;
    size_t repeated; /* left out */
    uint32_t *table; /* hash → index + 1; 0: free */
    size_t slots;
};
void ids_init(struct ids *ids);
void ids_free(struct ids *ids);
const char *ids_get(const struct ids *ids, size_t i);
/* Ids first … first + n − 1 joined by commas, appended to out. */
void ids_join(const struct ids *ids, size_t first, size_t n, struct buf *out);

/* What an element must be: an id of a kind, or with row (of an integer) that instead. */
struct ids_form {
    enum action_id id;
    const struct param_row *row; /* NULL: none */
};
/* False with e, which says what is wrong or that the list is full. */
MUST_USE bool ids_add(struct ids *ids, const struct ids_form *form, const char *text,
                      struct err *e);
/* A comma list, as options have it. */
MUST_USE bool ids_add_list(struct ids *ids, const struct ids_form *form, const char *text,
                           struct err *e);
/* One id per line; blanks around it and empty lines are skipped. path "-": the standard input.
 * e names file and line. */
MUST_USE bool ids_add_file(struct ids *ids, const struct ids_form *form, const char *path,
                           struct err *e);

#endif
