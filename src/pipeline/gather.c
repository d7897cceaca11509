/* SPDX-License-Identifier: MIT */
#include "pipeline/gather.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/again.h"
#include "pipeline/bundle.h"
#include "pipeline/ending.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/refusal.h"
#include "pipeline/share.h"

/* --- recorded calls -------------------------------------------------------------------------- */

/* Its envelope keeps the name of the call, so that nobody else sends it by itself either. */
static void break_one(struct flight *f, const char *call)
{
    f->broken = true;
    snprintf(f->env.call, sizeof f->env.call, "%s", call);
    f->env.task = 0;
    f->env.tasks = 1;
}

static void break_call(const struct batch *b, const struct grouping *g,
                       const struct grouping_call *call)
{
    for (size_t i = call->first; i < call->first + call->n; i++) {
        struct flight *f = batch_at(b, g->members[i].pos);
        if (f)
            break_one(f, call->id);
    }
}

static bool is_whole(const struct batch *b, const struct grouping *g,
                     const struct grouping_call *call)
{
    for (size_t i = call->first; i < call->first + call->n; i++)
        if (!batch_at(b, g->members[i].pos))
            return false;
    return true;
}

static void form(struct batch *b, const struct grouping *g, const struct grouping_call *call)
{
    struct bundle *bundle = bundle_new(call);
    for (size_t i = call->first; i < call->first + call->n; i++)
        bundle_add(bundle, batch_at(b, g->members[i].pos), g->members[i].task);
}

static void bundle_all(struct batch *b, const struct grouping *g)
{
    for (size_t i = 0; i < g->ncalls; i++)
        if (is_whole(b, g, &g->calls[i]))
            form(b, g, &g->calls[i]);
        else
            break_call(b, g, &g->calls[i]);
}

/* Nobody knows which calls there were. */
static void break_all(struct batch *b, const char *why)
{
    log_error("event=grouping_unreadable batch=%s why=%s", log_value(b->id), log_value(why));
    for (size_t i = 0; i < b->n; i++)
        break_one(b->flights[i], b->id);
}

/* Of a call that was broken before. */
static void break_strays(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        b->flights[i]->broken |= !b->flights[i]->bundle && b->flights[i]->env.call[0];
}

static void follow(struct batch *b, const struct queue_claim *claim)
{
    struct err e;
    struct grouping *g = mem_alloc(sizeof *g);
    b->recorded = true;
    if (grouping_read(claim->grouping, claim->grouping_len, g, &e))
        bundle_all(b, g);
    else
        break_all(b, e.text);
    mem_free(g);
}

void gather_bundle(struct batch *b, const struct queue_claim *claim)
{
    if (claim->grouping_len)
        follow(b, claim);
    break_strays(b);
}

void gather_break(struct flight *f)
{
    struct bundle *bundle = f->bundle;
    for (size_t i = bundle->n; i-- > 0;) {
        struct flight *m = bundle->members[i];
        m->broken = true;
        bundle_leave(m); /* frees it with the last */
        m->bundle = NULL;
    }
}

/* --- gathering ------------------------------------------------------------------------------- */

static bool may_share(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    return f->config == p->config && !p->draining && !f->batch->recorded && !f->bundle &&
           !f->broken && !pipeline_sets_aside(f) &&
           share_allowed(f, queue_lease_now_ms(f->lease)) &&
           pipeline_circuit(f)->state == CIRCUIT_CLOSED && pipeline_may_call(p, pipeline_app(f));
}

bool gather_takes(struct flight *f)
{
    struct batch *b = f->batch;
    if (!may_share(f))
        return false;
    b->lone = b->n == 1;
    if (b->lone || !bundle_keep_params(f)) /* one that cannot be made ends by itself */
        return false;
    if (!b->items)
        b->items = mem_alloc(b->n * sizeof *b->items);
    struct coalesce_item *item = &b->items[b->nitems++];
    share_describe(f, pipeline_app(f), f->made, item);
    item->taskable &= refusal_allows_mass(f->pipeline, pipeline_app(f));
    f->from_ready = false;
    pipeline_move(f, FLIGHT_GATHERING);
    return true;
}

/* --- calls of several ------------------------------------------------------------------------ */

static void on_marked(void *arg, enum queue_done done, const char *text, size_t len)
{
    struct batch *b = arg;
    bool ours = done == QUEUE_DONE && len == b->text.len && memcmp(text, b->text.data, len) == 0;
    for (size_t i = 0; i < b->n; i++) {
        struct flight *f = b->flights[i];
        if (!f || f->state != FLIGHT_MARKING)
            continue;
        pipeline_move(f, FLIGHT_READY);
        if (ours)
            b->go(f);
        else
            ending_back(f); /* the batch is somebody else's now */
    }
}

static void tie(struct bundle *b)
{
    bundle_close(b);
    for (size_t i = 1; i < b->n; i++)
        pipeline_move(b->members[i], FLIGHT_BOUND);
}

static size_t make_calls(struct batch *b, struct grouping *g)
{
    const struct coalesce_rules rules = share_rules(batch_at(b, b->items[0].pos)->config);
    coalesce(b->items, b->nitems, &rules, b->id, g);
    for (size_t i = 0; i < g->ncalls; i++) {
        const struct grouping_call *call = &g->calls[i];
        form(b, g, call);
        struct flight *leader = batch_at(b, g->members[call->first].pos);
        tie(leader->bundle);
        pipeline_move(leader, FLIGHT_MARKING);
    }
    return g->ncalls;
}

static void make(struct batch *b)
{
    struct grouping *g = mem_alloc(sizeof *g);
    b->recorded = true; /* asked for once */
    if (make_calls(b, g)) {
        grouping_write(g, &b->text);
        queue_mark(b->lease, buf_text(&b->text), b->text.len, on_marked, b);
    }
    metrics_add(METRIC_JOBS_SHARED, (int64_t)g->n);
    mem_free(g);
}

/* Read under another configuration, jobs of one task may differ, or be too many for it. */
static void break_changed(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct flight *f = b->flights[i];
        if (f && f->state == FLIGHT_READY && f->bundle && f->bundle->members[0] == f &&
            again_bundle_differs(f))
            gather_break(f);
    }
}

/* Read by now: the leaders of recorded calls, and those whose call is broken. */
static void start_recorded(struct batch *b)
{
    break_changed(b);
    for (size_t i = 0; i < b->n; i++) {
        struct flight *f = b->flights[i];
        if (!f || f->state != FLIGHT_READY || (!f->broken && !f->bundle))
            continue;
        if (f->bundle && f->bundle->members[0] != f)
            continue;
        if (f->bundle)
            tie(f->bundle);
        b->go(f);
    }
}

static bool is_checking(const struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->flights[i] && b->flights[i]->state == FLIGHT_CHECKING)
            return true;
    return false;
}

/* Those that found no company. */
static void let_go(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct flight *f = b->flights[i];
        if (!f || f->state != FLIGHT_GATHERING)
            continue;
        pipeline_move(f, FLIGHT_READY);
        b->go(f);
    }
}

void gather_look(struct batch *b)
{
    if (b->unread)
        return;
    if (!b->started)
        start_recorded(b);
    b->started = true;
    if (is_checking(b))
        return;
    if (b->nitems > 1)
        make(b);
    b->nitems = 0;
    if (!b->counted)
        pipeline_note_sharing(b->pipeline, b->n, batch_calls(b), b->n > 1 || b->lone);
    b->counted = true;
    let_go(b);
}
