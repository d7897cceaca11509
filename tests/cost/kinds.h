/* SPDX-License-Identifier: MIT
 * Jobs that cost as much as their bytes can: one kind for each loop over what a producer writes. */
#ifndef WORK_KINDS_H
#define WORK_KINDS_H

#include <stddef.h>

#include "base/buf.h"

struct kind {
    const char *name, *what;
    void (*make)(struct buf *out, size_t bytes); /* about so many bytes of JSON */
};
extern const struct kind kinds[];
extern const size_t nkinds;

/* NULL: none is called so. */
const struct kind *kind_find(const char *name);

#endif
