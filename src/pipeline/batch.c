/* SPDX-License-Identifier: MIT */
#include "pipeline/batch.h"

#include <assert.h>
#include <stdio.h>

#include "base/mem.h"

struct batch *batch_new(struct pipeline *p, const struct queue_claim *claim)
{
    static_assert((int)QUEUE_CLAIM_JOBS_MAX <= (int)GROUPING_MEMBERS_MAX, "one call for each job");
    struct batch *b = mem_zalloc(sizeof *b);
    b->pipeline = p;
    b->lease = claim->lease;
    snprintf(b->id, sizeof b->id, "%s", claim->batch);
    b->flights = mem_zalloc(claim->n * sizeof *b->flights);
    b->digest = mem_strdup(claim->digest);
    b->marks = mem_strdup(claim->marks);
    b->unread = true;
    b->held = 1;
    buf_init(&b->text, GROUPING_TEXT_MAX);
    return b;
}

void batch_add(struct batch *b, struct flight *f)
{
    f->batch = b;
    b->flights[b->n++] = f;
    b->held++;
}

void batch_release(struct batch *b)
{
    if (--b->held)
        return;
    buf_free(&b->text);
    mem_free(b->digest);
    mem_free(b->marks);
    mem_free(b->items);
    mem_free(b->flights);
    mem_free(b);
}

void batch_leave(struct flight *f)
{
    struct batch *b = f->batch;
    for (size_t i = 0; i < b->n; i++)
        if (b->flights[i] == f)
            b->flights[i] = NULL;
    batch_release(b);
}

struct flight *batch_at(const struct batch *b, unsigned pos)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->flights[i] && b->flights[i]->pos == pos)
            return b->flights[i];
    return NULL;
}

size_t batch_calls(const struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->flights[i] && call_leader(b->flights[i]->call) == b->flights[i];
    return n;
}

bool batch_is_checking(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->flights[i] && b->flights[i]->state == FLIGHT_CHECKING)
            return true;
    return false;
}

size_t batch_calls_in(const struct batch *b, enum call_state state, struct call **out)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        const struct flight *f = b->flights[i];
        if (f && f->state == FLIGHT_CALLED && f->call->state == state && call_leader(f->call) == f)
            out[n++] = f->call;
    }
    return n;
}
