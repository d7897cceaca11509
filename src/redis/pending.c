/* SPDX-License-Identifier: MIT */
#include "redis/pending.h"

#include <assert.h>

#include "base/mem.h"

enum { CAP_FIRST = 64 };

static void grow_pending(struct pending_queue *q)
{
    size_t cap = q->cap ? q->cap * 2 : CAP_FIRST;
    struct pending *items = mem_alloc(cap * sizeof *items);
    for (size_t i = 0; i < q->len; i++)
        items[i] = q->items[(q->head + i) & (q->cap - 1)];
    mem_free(q->items);
    *q = (struct pending_queue){.items = items, .len = q->len, .cap = cap};
}

void pending_free(struct pending_queue *q)
{
    mem_free(q->items);
    *q = (struct pending_queue){0};
}

void pending_push(struct pending_queue *q, struct pending p)
{
    if (q->len == q->cap)
        grow_pending(q);
    q->items[(q->head + q->len++) & (q->cap - 1)] = p;
}

struct pending pending_pop(struct pending_queue *q)
{
    struct pending p = *pending_first(q);
    q->head = (q->head + 1) & (q->cap - 1);
    q->len--;
    return p;
}

const struct pending *pending_first(const struct pending_queue *q)
{
    assert(q->len);
    return &q->items[q->head];
}
