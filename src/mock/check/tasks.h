/* SPDX-License-Identifier: MIT
 * The tasks of a MassPush: parameters "PushTask.N.Name" as one list of plain names per N. */
#ifndef PB_MOCK_CHECK_TASKS_H
#define PB_MOCK_CHECK_TASKS_H

#include "mock/check/refusal.h"
#include "mock/wire/fields.h"

enum { TASKS_MAX = 100, TASKS_NODES_MAX = 10000 };

struct tasks {
    struct fields *list; /* list[N - 1]; empty where the call has a gap. Views: never free them */
    int count;           /* the highest N */
    struct field *items; /* of all views; names and values belong to the call's parameters */
    size_t item_count;
    const char *odd; /* the first "PushTask…" that is no parameter of a task 1 to 100, or NULL */
};

/* Sorts f's tasks out. f must be sorted, and must live as long as t. */
void tasks_split(struct tasks *t, const struct fields *f);
void tasks_free(struct tasks *t);

/* At least one task, numbered from 1 without gaps, and not too much of it all. */
bool tasks_check(const struct tasks *t, struct refusal *r);

/* "PushTask.N.Name": N, and in *name the rest; 0 when it is no such name or N is not 1 to 100. */
int tasks_number(const char *full_name, const char **name);

#endif
