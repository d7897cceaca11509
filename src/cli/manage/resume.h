/* SPDX-License-Identifier: MIT
 * How far a long command has come, in a small file: a later run with the same input goes on
 * there. */
#ifndef PB_CLI_MANAGE_RESUME_H
#define PB_CLI_MANAGE_RESUME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct resume {
    const char *path; /* NULL: nothing is kept */
    int fd;
    char digest[65]; /* of command and input */
};

/* Opens the file, or makes it. *done: calls that an earlier run finished. False with e: it cannot
 * be used, or belongs to another command or input, or another run holds it. */
MUST_USE bool resume_open(struct resume *r, const char *path, const char digest[65], size_t *done,
                          struct err *e);
/* One small write: whole or not at all if the process dies. */
MUST_USE bool resume_save(struct resume *r, size_t done, struct err *e);
/* finished: the file has served and is removed. */
void resume_close(struct resume *r, bool finished);

#endif
