/* SPDX-License-Identifier: MIT */
#include "pipeline/call.h"

#include <assert.h>

#include "pipeline/pipeline_core.h"

#define TO(state) (1u << CALL_##state)

/* From each state to which. READY is the crossing: whatever happened to a call, it is decided there
 * what comes next, and nowhere else is it sent or ended, but for a job that is not to make it. */
static const unsigned legal[] = {
    [CALL_EMPTY] = TO(FORMING),   [CALL_FORMING] = TO(EMPTY) | TO(RECORDING) | TO(READY) | TO(OVER),
    [CALL_RECORDING] = TO(READY), [CALL_READY] = TO(WAITING) | TO(HELD) | TO(OUT) | TO(OVER),
    [CALL_WAITING] = TO(READY),   [CALL_HELD] = TO(READY),
    [CALL_OUT] = TO(READY),       [CALL_OVER] = 0,
};

static bool is_busy(enum call_state s)
{
    return s != CALL_EMPTY && s != CALL_OVER;
}

void call_move(struct call *c, enum call_state to)
{
    struct pipeline *p = c->pipeline;
    const enum call_state from = c->state;
    assert(legal[from] >> to & 1);
    turns_leave(&p->turns, c);
    p->busy += (size_t)is_busy(to) - (size_t)is_busy(from);
    p->out += (to == CALL_OUT) - (from == CALL_OUT);
    p->held += (to == CALL_HELD) - (from == CALL_HELD);
    c->state = to;
    if (to == CALL_WAITING || to == CALL_OUT)
        turns_enter(&p->turns, c, call_app(c));
}

size_t call_app(const struct call *c)
{
    return flight_app(call_leader(c));
}

enum limit_action call_action(const struct call *c)
{
    return c->mass ? LIMIT_MASSPUSH : LIMIT_PUSH;
}

const char *call_action_name(const struct call *c)
{
    return c->mass ? "MassPush" : "Push";
}

unsigned call_part(const struct call *c)
{
    const struct flight *f = call_leader(c);
    return f->plan.calls[f->next].part;
}

bool call_may_be_out(const struct call *c)
{
    const struct flight *f = call_leader(c);
    return (f->env.unanswered & flight_part_bit(f)) != 0;
}

bool call_stays_whole(const struct call *c)
{
    return call_is_shared(c) && call_leader(c)->env.unanswered != 0;
}

int64_t call_now_ms(const struct call *c)
{
    return queue_lease_now_ms(call_leader(c)->lease);
}

/* --- parameters ------------------------------------------------------------------------------ */

bool call_lone_params(const struct call *c, struct params *out, struct err *e)
{
    const struct flight *f = call_leader(c);
    if (!c->made)
        return request_params(&f->job, &f->app->app, &f->plan, &f->plan.calls[f->next],
                              (size_t)f->config->payload_max, out, e);
    params_borrow(out, c->made);
    return true;
}
