/* SPDX-License-Identifier: MIT */
#include "aliyun/params.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Values that do not fit into the list's own space, some to a block. */
enum { BLOCK = 4096 };
struct params_text {
    struct params_text *next;
    size_t used, size;
    char text[];
};

/* --- the list ------------------------------------------------------------------------------- */

void params_init(struct params *p)
{
    p->v = p->small;
    p->n = p->ntext = 0;
    p->cap = PARAMS_INLINE;
    p->owned = NULL;
}

void params_free(struct params *p)
{
    if (p->v != p->small)
        mem_free(p->v);
    while (p->owned) {
        struct params_text *next = p->owned->next;
        mem_free(p->owned);
        p->owned = next;
    }
    params_init(p);
}

static struct param *param_slot(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (text_eq(p->v[i].name, name))
            return &p->v[i];
    return NULL;
}

static void grow_params(struct params *p)
{
    assert(p->n < PARAMS_MAX);
    size_t size = p->n * sizeof *p->v;
    struct param *v =
        p->v == p->small ? memcpy(mem_alloc(2 * size), p->small, size) : mem_resize(p->v, 2 * size);
    p->v = v;
    p->cap *= 2;
}

void params_append(struct params *p, const char *name, const char *value)
{
    if (p->n == p->cap)
        grow_params(p);
    p->v[p->n++] = (struct param){name, value};
}

void params_set(struct params *p, const char *name, const char *value)
{
    struct param *old = param_slot(p, name);
    if (old)
        old->value = value;
    else
        params_append(p, name, value);
}

/* Room for a value of len bytes and its NUL that lives as long as the list. */
static char *make_value_room(struct params *p, size_t len)
{
    if (len < PARAMS_TEXT - p->ntext) {
        char *text = p->text + p->ntext;
        p->ntext += len + 1;
        return text;
    }
    struct params_text *t = p->owned;
    if (!t || t->size - t->used <= len) {
        size_t size = len < BLOCK ? BLOCK : len + 1;
        t = mem_alloc(sizeof *t + size);
        *t = (struct params_text){.next = p->owned, .size = size};
        p->owned = t;
    }
    t->used += len + 1;
    return t->text + t->used - len - 1;
}

void params_set_copy(struct params *p, const char *name, const char *value)
{
    size_t len = strlen(value);
    params_set(p, name, memcpy(make_value_room(p, len), value, len + 1));
}

void params_append_copy(struct params *p, const char *prefix, const char *name, const char *value)
{
    size_t before = strlen(prefix), len = strlen(name), size = strlen(value);
    char *full = make_value_room(p, before + len);
    memcpy(full, prefix, before);
    memcpy(full + before, name, len + 1);
    params_append(p, full, memcpy(make_value_room(p, size), value, size + 1));
}

void params_set_int(struct params *p, const char *name, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    params_set_copy(p, name, digits);
}

void params_borrow(struct params *p, const struct params *from)
{
    for (size_t i = 0; i < from->n; i++)
        params_append(p, from->v[i].name, from->v[i].value);
}

const char *params_get(const struct params *p, const char *name)
{
    const struct param *found = param_slot(p, name);
    return found ? found->value : NULL;
}

static int compare_param_names(const void *a, const void *b)
{
    const struct param *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void params_sort(struct params *p)
{
    qsort(p->v, p->n, sizeof *p->v, compare_param_names);
}

/* --- the table ------------------------------------------------------------------------------ */

static int row_cmp(const void *name, const void *row)
{
    const char *a = name, *b = ((const struct param_row *)row)->name;
    return *a != *b ? (unsigned char)*a - (unsigned char)*b : strcmp(a, b);
}

const struct param_row *params_find(const char *name)
{
    return bsearch(name, params_push, params_push_count, sizeof params_push[0], row_cmp);
}

bool params_is_of_task(const struct param *p)
{
    return strncmp(p->name, PARAMS_TASK, sizeof PARAMS_TASK - 1) == 0;
}

void params_of_call(const struct params *all, struct params *out)
{
    params_init(out);
    for (size_t i = 0; i < all->n; i++)
        if (!params_is_of_task(&all->v[i]))
            params_append(out, all->v[i].name, all->v[i].value);
    params_sort(out);
}
