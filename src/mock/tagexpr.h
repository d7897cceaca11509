/* SPDX-License-Identifier: MIT
 * The provider's tag expressions: {"tag":NAME}, {"and":[…]}, {"or":[…]}, {"not":{"tag":NAME}}. */
#ifndef PB_MOCK_TAGEXPR_H
#define PB_MOCK_TAGEXPR_H

#include <stdbool.h>

#include "base/err.h"

enum {
    TAGEXPR_LEVELS = 2,
    TAGEXPR_OPERANDS = 10,
    TAGEXPR_TAGS = 50,
    TAGEXPR_NAME_CHARS = 128,
    TAGEXPR_BYTES_MAX = 64 * 1024
};

/* A plain tag name, or an expression where the text begins with '{'. */
bool tagexpr_check(const char *text, struct err *e);

#endif
