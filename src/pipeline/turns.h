/* SPDX-License-Identifier: MIT
 * Whose turn it is to make a call: calls that wait for a slot and calls that are out, by app. A
 * free slot goes to the app that has the fewest calls out among those that wait, and within it to
 * the one that has waited longest: so no app has more than its share while others wait, and one
 * alone has all. An app is its place in the configuration, one past the last stands for removed
 * ones. No I/O. */
#ifndef PB_PIPELINE_TURNS_H
#define PB_PIPELINE_TURNS_H

#include "pipeline/call.h"

struct turn {
    struct call_list waiting;
    size_t held, out; /* held: those that wait and those that are out */
};

struct turns {
    struct turn *v;
    size_t napps, next; /* next: who is first among equals */
    size_t all;         /* held by all */
};

void turns_init(struct turns *t, size_t napps);
void turns_free(struct turns *t);

/* Before and after a call changes its state: WAITING and OUT are counted for app. */
void turns_leave(struct turns *t, struct call *c);
void turns_enter(struct turns *t, struct call *c, size_t app);

/* NULL: nobody waits. */
struct call *turns_next(struct turns *t);

size_t turns_held(const struct turns *t, size_t app);
size_t turns_apps(const struct turns *t, size_t app); /* that hold something, app among them */

#endif
