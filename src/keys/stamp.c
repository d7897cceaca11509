/* SPDX-License-Identifier: MIT */
#include "keys/stamp.h"

#include "host/file.h"

struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (!path || !file_stat(path, &st, NULL))
        return (struct stamp){0};
    return (struct stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

bool stamp_same(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
