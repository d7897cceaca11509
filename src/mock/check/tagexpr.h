/* SPDX-License-Identifier: MIT
 * The provider's tag expressions: {"tag":NAME}, {"and":[…]}, {"or":[…]}, {"not":{"tag":NAME}}. */
#ifndef PB_MOCK_CHECK_TAGEXPR_H
#define PB_MOCK_CHECK_TAGEXPR_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

enum {
    TAGEXPR_LEVELS = 2,
    TAGEXPR_OPERANDS = 10,
    TAGEXPR_TAGS = 50,
    TAGEXPR_NAME_CHARS = 128,
    TAGEXPR_BYTES_MAX = 64 * 1024
};

/* A plain tag name, or an expression where the text begins with '{'. */
MUST_USE bool tagexpr_check(const char *text, struct err *e);

/* --- of a text that tagexpr_check() found good --- */

json_t *tagexpr_parse(const char *text); /* a plain name becomes {"tag":NAME}; the caller owns it */

typedef bool tagexpr_has(const char *tag, void *arg);
/* True when the expression holds for somebody who has the tags that has says. */
bool tagexpr_holds(json_t *expr, tagexpr_has *has, void *arg);

typedef void tagexpr_visit(const char *tag, void *arg);
/* Visits the tags that do not stand under a "not": only whoever has one of them can be meant. */
void tagexpr_each_positive(json_t *expr, tagexpr_visit *visit, void *arg);

#endif
