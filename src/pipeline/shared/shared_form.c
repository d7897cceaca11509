/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shared_form.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "pipeline/again.h"
#include "pipeline/pipeline_core.h"
#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shareable.h"
#include "pipeline/shared/shared_call.h"
#include "pipeline/shared/shared_stops.h"

/* --- one call -------------------------------------------------------------------------------- */

/* Its members' own calls are EMPTY from now on. */
static void form_shared(struct batch *b, const struct grouping *g, const struct grouping_call *call)
{
    struct call *c = shared_call_new(call);
    c->pipeline = b->pipeline;
    for (size_t i = call->first; i < call->first + call->n; i++) {
        struct flight *f = batch_at(b, g->members[i].pos);
        call_move(&f->lone, CALL_EMPTY);
        shared_add(c, f, g->members[i].task);
    }
    call_move(c, CALL_FORMING);
}

void shared_break(struct call *c)
{
    call_move(c, CALL_EMPTY);
    for (size_t i = c->n; i-- > 0;) {
        struct flight *f = c->members[i].flight;
        f->broken = true;
        f->call = &f->lone;
        f->lone.another = mem_strdup(c->another);
        call_move(&f->lone, CALL_FORMING);
        shared_leave(c); /* frees it with the last */
    }
}

/* --- recorded earlier ------------------------------------------------------------------------ */

/* The envelope of a broken job keeps the name of the call that it shared, so that nobody else sends
 * the job by itself either. */
static void break_job(struct flight *f, const char *call)
{
    f->broken = true;
    snprintf(f->env.call, sizeof f->env.call, "%s", call);
    f->env.task = 0;
    f->env.tasks = 1;
}

static void break_members(const struct batch *b, const struct grouping *g,
                          const struct grouping_call *call)
{
    for (size_t i = call->first; i < call->first + call->n; i++) {
        struct flight *f = batch_at(b, g->members[i].pos);
        if (f)
            break_job(f, call->id);
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

static void form_all(struct batch *b, const struct grouping *g)
{
    for (size_t i = 0; i < g->ncalls; i++)
        if (is_whole(b, g, &g->calls[i]))
            form_shared(b, g, &g->calls[i]);
        else
            break_members(b, g, &g->calls[i]);
}

/* Nobody knows which calls there were. */
static void break_batch(struct batch *b, const char *why)
{
    log_error("event=grouping_unreadable batch=%s why=%s", log_value(b->id), log_value(why));
    for (size_t i = 0; i < b->n; i++)
        break_job(b->flights[i], b->id);
}

/* Jobs whose envelope names a shared call that was broken before. */
static void break_strays(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct flight *f = b->flights[i];
        f->broken |= !call_is_shared(f->call) && f->env.call[0];
    }
}

static void follow_record(struct batch *b, const struct queue_claim *claim)
{
    struct err e;
    struct grouping *g = mem_alloc(sizeof *g);
    b->recorded = true;
    if (grouping_read(claim->grouping, claim->grouping_len, g, &e))
        form_all(b, g);
    else
        break_batch(b, e.text);
    mem_free(g);
}

void shared_form_recorded(struct batch *b, const struct queue_claim *claim)
{
    if (claim->grouping_len)
        follow_record(b, claim);
    break_strays(b);
}

bool shared_is_recorded(const struct flight *f)
{
    return f->broken || call_is_shared(f->call);
}

/* Read under another configuration, jobs of one task may differ, or be too many for it. */
static void break_changed(const struct batch *b)
{
    struct call *calls[GROUPING_MEMBERS_MAX];
    const size_t n = batch_calls_in(b, CALL_FORMING, calls);
    for (size_t i = 0; i < n; i++)
        if (call_is_shared(calls[i]) && again_shared_differs(calls[i]))
            shared_break(calls[i]);
}

size_t shared_form_next(const struct batch *b, struct call **out)
{
    size_t n = 0;
    break_changed(b);
    const size_t all = batch_calls_in(b, CALL_FORMING, out);
    for (size_t i = 0; i < all; i++) {
        if (!shared_is_recorded(call_leader(out[i])))
            continue;
        if (call_is_shared(out[i]))
            shared_close(out[i]);
        out[n++] = out[i];
    }
    return n;
}

/* --- new ones -------------------------------------------------------------------------------- */

bool shared_may_join(const struct flight *f)
{
    const struct pipeline *p = f->pipeline;
    return f->config == p->config && !p->draining && !f->batch->recorded && !f->broken &&
           !pipeline_sets_aside(f) && shareable_allows(f, queue_lease_now_ms(f->lease)) &&
           circuits_at(p->circuits, flight_app(f))->state == CIRCUIT_CLOSED &&
           pipeline_may_call(p, flight_app(f));
}

bool shared_join(struct flight *f)
{
    struct batch *b = f->batch;
    b->lone = b->n == 1;
    if (b->lone || !call_keep_params(&f->lone))
        return false;
    if (!b->items)
        b->items = mem_alloc(b->n * sizeof *b->items);
    struct coalesce_item *item = &b->items[b->nitems++];
    shareable_describe(f, flight_app(f), f->lone.made, item);
    item->taskable &= shared_stops_allow(f->pipeline, flight_app(f));
    f->from_ready = false;
    return true;
}

static void form_new(struct batch *b, size_t n, struct grouping *g)
{
    const struct coalesce_rules rules = shareable_rules(batch_at(b, b->items[0].pos)->config);
    coalesce(b->items, n, &rules, b->id, g);
    for (size_t i = 0; i < g->ncalls; i++) {
        form_shared(b, g, &g->calls[i]);
        struct call *c = batch_at(b, g->members[g->calls[i].first].pos)->call;
        shared_close(c);
        call_move(c, CALL_RECORDING);
    }
}

bool shared_form(struct batch *b)
{
    const size_t n = b->nitems;
    b->nitems = 0;
    if (n < 2)
        return false;
    struct grouping *g = mem_alloc(sizeof *g);
    b->recorded = true; /* asked for once */
    form_new(b, n, g);
    const bool any = g->ncalls > 0;
    if (any)
        grouping_write(g, &b->text);
    metrics_add(METRIC_JOBS_SHARED, (int64_t)g->n);
    mem_free(g);
    return any;
}
