/* SPDX-License-Identifier: MIT
 * Whether a file is the one that it was: the way to see that a secret was put in its place. */
#ifndef PB_KEYS_STAMP_H
#define PB_KEYS_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

/* A file as it was when it was looked at; all 0: not there. */
struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

/* path NULL: as if it were not there. */
struct stamp stamp_of(const char *path);
bool stamp_same(const struct stamp *a, const struct stamp *b);

#endif
