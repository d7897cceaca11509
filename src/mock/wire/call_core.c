/* SPDX-License-Identifier: MIT */
#include "mock/wire/call_core.h"

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"

int64_t call_provider_now_ms(const struct provider *p)
{
    return clock_wall_ms() + p->clock_skew_ms;
}

void call_set_held(struct call *c, bool held)
{
    struct record_call *note = record_find(&c->provider->record, c->seq);
    if (c->held == held)
        return;
    c->held = held;
    c->provider->held += held ? 1 : -1;
    if (note)
        note->held = held;
}

void call_free(struct call *c)
{
    struct provider *p = c->provider;
    call_set_held(c, false);
    if (c->newer)
        c->newer->older = c->older;
    else
        p->calls = c->older;
    if (c->older)
        c->older->newer = c->newer;
    p->in_flight--;
    timer_free(c->timer);
    if (c->gone)
        event_free(c->gone);
    replay_leave(&p->replay, &c->stay);
    json_decref(c->answer);
    request_free(&c->request);
    mem_free(p->spare);
    p->spare = c;
}
