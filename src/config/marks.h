/* SPDX-License-Identifier: MIT
 * What the calls of jobs follow from in a configuration, item by item: a short mark of each app,
 * each template, each group, and the limits. A worker notes its configuration's marks in Redis
 * (K:config), so that whoever takes over its jobs under another one can tell for each job whether
 * that makes the same calls of it (I3e). What only moves PushTime and ExpireTime is no part of
 * them: those are no part of a token. Pure. */
#ifndef PB_CONFIG_MARKS_H
#define PB_CONFIG_MARKS_H

#include "config/config.h"

enum { MARKS_MAX = 20 * 1024 }; /* bytes: more than the most templates, apps and groups have */

/* Eight hex digits for each item. */
void marks_write(const struct config *c, struct buf *out);

/* Of a job, as far as its calls follow from a configuration. */
struct marks_of {
    const char *group, *code; /* NULL: none */
    const char *apps[CONFIG_GROUP_MAX];
    size_t napps;
};

/* Appends what a job follows from in configuration c and is not among marks: "template I10001, app
 * default". */
void marks_write_lacking(const struct config *c, const struct marks_of *job, const char *marks,
                         struct buf *out);

#endif
