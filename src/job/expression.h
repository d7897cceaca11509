/* SPDX-License-Identifier: MIT
 * The provider's tag expressions: {"tag":NAME}, {"and":[…]}, {"or":[…]}, {"not":{"tag":NAME}}.
 * Checks the ones that producers write, and writes ours. Pure. */
#ifndef PB_JOB_EXPRESSION_H
#define PB_JOB_EXPRESSION_H

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

struct expression_limits {
    size_t depth;     /* levels of and/or */
    size_t operands;  /* of one and/or */
    size_t tags;      /* in the whole expression, every mention counted */
    size_t tag_chars; /* of one name */
};

MUST_USE bool expression_check_name(const char *name, size_t tag_chars, struct err *e);

/* Grammar and limits of an expression that somebody else wrote. */
MUST_USE bool expression_check(json_t *root, const struct expression_limits *limits, struct err *e);

/* A bare name; as {"tag":NAME} where the name itself would be taken for an expression. */
void expression_write_name(struct buf *b, const char *name);

/* "One of these tags". Carries at most expression_any_max() of them. */
size_t expression_any_max(const struct expression_limits *limits);
void expression_write_any(struct buf *b, const char *const *tags, size_t n, size_t operands);

/* "The school, and one of mine, and none of the excluded". A `not` needs a positive sibling, so
 * exclusions sit in groups that repeat the school. Carries at most expression_mine_max() tags
 * (0: the limits have no room for this form; don't ask further) beside expression_excluded_max()
 * exclusions. */
struct expression_part {
    const char *school;
    const char *const *mine, *const *excluded;
    size_t nmine, nexcluded;
};
size_t expression_mine_max(const struct expression_limits *limits);
size_t expression_excluded_max(const struct expression_limits *limits, size_t nmine);
void expression_write_part(struct buf *b, const struct expression_part *part, size_t operands);

#endif
