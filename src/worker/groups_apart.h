/* SPDX-License-Identifier: MIT
 * Groups that another live worker makes of other apps than this one: who claims a job decides then
 * whom it reaches. Seen in what the others say of themselves. Pure. */
#ifndef PB_WORKER_GROUPS_APART_H
#define PB_WORKER_GROUPS_APART_H

#include "config/config.h"

struct groups_apart {
    const struct config *config;  /* … that told is about; not looked into */
    bool told[CONFIG_GROUPS_MAX]; /* places in it: it has been said, and is so still */
};

/* ,"group_apps":["default,shop",…]: what a heartbeat says, in the order of its "groups". */
void groups_apart_write(const struct config *config, struct buf *out);

/* words: what each other live worker says, JSON or not; one of an earlier version says nothing of
 * it. fn: for each group that has come to differ, with the apps here and those of the first worker
 * that has others; again after the two were the same, or another configuration. */
typedef void (*groups_apart_fn)(void *arg, const char *group, const char *own, const char *theirs);
void groups_apart_see(struct groups_apart *g, const struct config *config, const char *const *words,
                      size_t n, groups_apart_fn fn, void *arg);

#endif
