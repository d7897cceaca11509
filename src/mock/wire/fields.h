/* SPDX-License-Identifier: MIT
 * The parameters of a call: decoded from the URL's query and a form body, sorted by name. */
#ifndef PB_MOCK_WIRE_FIELDS_H
#define PB_MOCK_WIRE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { FIELDS_MAX = 20000 };

struct field {
    char *name, *value; /* decoded, NUL-terminated; name owns the memory of both */
    bool in_form;       /* came in the body */
};

struct fields {
    struct field *items;
    size_t count, cap;
};

void fields_free(struct fields *f);

/* Adds the pairs of "a=b&c=d" (percent escapes, '+' is a blank). False when an escape is broken,
 * a decoded byte is NUL, or there are more than FIELDS_MAX. */
bool fields_parse(struct fields *f, const char *text, size_t len, bool in_form);

void fields_sort(struct fields *f); /* by name, byte order; needed before the next ones */
const char *fields_get(const struct fields *f, const char *name); /* NULL when absent */
const char *fields_repeated(const struct fields *f);              /* a name given twice, or NULL */

/* Appends text percent-encoded as signatures want it: only A-Z a-z 0-9 - _ . ~ stay. */
void fields_encode(struct buf *b, const char *text);

#endif
