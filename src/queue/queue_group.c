/* SPDX-License-Identifier: MIT
 * Calls of several jobs: their grouping is recorded, and they move whole. */
#include "queue/queue_core.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void set_grouping(struct queue_item *item, const char *text, size_t len)
{
    assert(len && len <= QUEUE_GROUPING_MAX);
    queue_item_value(item, text, len);
}

void queue_mark(struct queue_lease *lease, const char *text, size_t len, queue_mark_fn fn,
                void *arg)
{
    struct queue_item *item = queue_item_new(lease, 0, FINISH_KIND_MARK, arg);
    item->mark_fn = fn;
    set_grouping(item, text, len);
    queue_lease_ref(lease);
    queue_item_add(item);
}

static void add_regrouped(struct queue_item *item, const struct queue_moved *m)
{
    assert(!queue_lease_oversize(item->lease, m->pos));
    assert(!m->envelope_len || m->envelope[0] != '!');
    struct queue_item_member *out = &item->members[item->nmembers++];
    out->pos = m->pos;
    out->crashes = m->crashes;
    out->envelope = mem_dup(m->envelope, m->envelope_len);
    out->len = m->envelope_len;
}

/* The script counts members as gone: one that is named twice would spoil the books. */
static bool each_once(const struct queue_regrouping *r)
{
    bool seen[QUEUE_CLAIM_MAX] = {false};
    for (size_t i = 0; i < r->n; i++) {
        unsigned pos = r->members[i].pos;
        if (pos >= QUEUE_CLAIM_MAX || seen[pos])
            return false;
        seen[pos] = true;
    }
    return r->n > 0;
}

void queue_regroup(struct queue_lease *lease, const struct queue_regrouping *r, queue_done_fn fn,
                   void *arg)
{
    assert(each_once(r));
    struct queue_item *item = queue_item_new(lease, (unsigned)r->n, FINISH_KIND_REGROUP, arg);
    item->fn = fn;
    item->with_next = r->with_next;
    set_grouping(item, r->grouping, r->grouping_len);
    queue_item_wait(item, r->at_ms);
    item->members = mem_alloc(r->n * sizeof *item->members);
    for (size_t i = 0; i < r->n; i++)
        add_regrouped(item, &r->members[i]);
    queue_item_add(item);
}
