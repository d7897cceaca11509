/* SPDX-License-Identifier: MIT
 * One bounded message that says why something was refused: member, value and limit. */
#ifndef PB_BASE_ERR_H
#define PB_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

struct err {
    char text[384];
};

/* Before a function that may refuse: whoever calls it looks at what it returns. */
#define MUST_USE __attribute__((warn_unused_result))

/* Formats the message (cut when longer) and returns false, so that a refusal is one line:
 *   return err_set(e, "tags: %zu elements, at most %zu", n, max);
 * e may be NULL. */
bool err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool err_set_args(struct err *e, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Puts "prefix: " before the message that is there. Returns false. */
bool err_prefix(struct err *e, const char *prefix);

#endif
