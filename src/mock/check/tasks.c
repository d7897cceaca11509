/* SPDX-License-Identifier: MIT */
#include "mock/check/tasks.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

int tasks_number(const char *full_name, const char **name)
{
    static const char prefix[] = "PushTask.";
    int n = 0, digits = 0;
    if (!text_starts(full_name, prefix))
        return 0;
    const char *p = full_name + sizeof(prefix) - 1;
    for (; *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
        n = n * 10 + (*p - '0');
    if (n == 0 || full_name[sizeof(prefix) - 1] == '0' || n > TASKS_MAX || *p != '.' || !p[1])
        return 0;
    *name = p + 1;
    return n;
}

/* Sorted names keep a task's parameters together, so each view is a slice of one array. */
static void add_task_field(struct tasks *t, int number, const char *name, const struct field *f)
{
    struct fields *task = &t->list[number - 1];
    if (number > t->count)
        t->count = number;
    if (!task->count)
        task->items = t->items + t->item_count;
    task->count++;
    t->items[t->item_count++] = (struct field){
        .name = f->name + (name - f->name), .value = f->value, .in_form = f->in_form};
}

void tasks_split(struct tasks *t, const struct fields *f)
{
    *t = (struct tasks){.list = mem_zalloc(TASKS_MAX * sizeof(*t->list)),
                        .items = mem_alloc((f->count + 1) * sizeof(*t->items))};
    for (size_t i = 0; i < f->count; i++) {
        const char *name;
        int number = tasks_number(f->items[i].name, &name);
        if (number)
            add_task_field(t, number, name, &f->items[i]);
        else if (!t->odd && text_starts(f->items[i].name, "PushTask"))
            t->odd = f->items[i].name;
    }
}

void tasks_free(struct tasks *t)
{
    mem_free(t->list);
    mem_free(t->items);
    *t = (struct tasks){0};
}

bool tasks_check(const struct tasks *t, struct refusal *r)
{
    if (t->odd)
        return refusal_set(r, 400, "InvalidParameter",
                           "%.80s is not a parameter of a task from 1 to %d.", t->odd, TASKS_MAX);
    if (!t->count)
        return refusal_named(r, "Missing", "PushTask", "",
                             "The parameter is mandatory for this action.");
    for (int i = 0; i < t->count; i++)
        if (!t->list[i].count)
            return refusal_set(r, 400, "InvalidParameter", "PushTask.%d is missing.", i + 1);
    return t->item_count <= TASKS_NODES_MAX ||
           refusal_set(r, 400, "InvalidParameter", "More than %d parameters of tasks.",
                       TASKS_NODES_MAX);
}
