/* SPDX-License-Identifier: MIT */
#include "mock/wire/call.h"

#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mock/wire/call_core.h"

static struct call *call_new(struct provider *p)
{
    struct call *c = p->spare ? p->spare : mem_alloc(sizeof(*c));
    p->spare = NULL;
    memset(c, 0, sizeof(*c));
    c->provider = p;
    return c;
}

/* --- pushing --- */

static enum record_outcome act_on_call(struct call *c, struct replay_ids *ids)
{
    struct provider *p = c->provider;
    bool by_fault = c->plan.kind == FAULT_IDS;
    struct deed d = {.provider = p,
                     .request = &c->request,
                     .stay = &c->stay,
                     .mass_ids = by_fault ? c->plan.mass_ids : p->mass_ids,
                     .now_ms = call_provider_now_ms(p),
                     .refusal = &c->refusal};
    enum record_outcome outcome = actions_row(&c->request)->act(&d);
    *ids = d.ids;
    c->answer = d.answer;
    return outcome;
}

static void push_of_call(struct call *c)
{
    struct record *record = &c->provider->record;
    enum record_outcome outcome = RECORD_FAULTED;
    struct replay_ids ids = {0};
    if (c->plan.accepted)
        outcome = act_on_call(c, &ids);
    else if (c->plan.kind == FAULT_THROTTLE)
        outcome = RECORD_THROTTLED;
    record_outcome(record, c->seq, &c->request, outcome);
    struct record_call *note = record_find(record, c->seq);
    if (note) {
        note->ids = ids;
        note->fault = c->plan.kind == FAULT_NONE ? NULL : fault_kind_name(c->plan.kind);
    }
}

static void on_call_due(void *arg)
{
    struct call *c = arg;
    if (c->next_step == STEP_PUSH)
        push_of_call(c);
    call_reply(c);
}

static void wait_then(struct call *c, enum step step, int64_t delay_ms)
{
    c->next_step = step;
    c->timer = timer_new(c->provider->base, on_call_due, c);
    timer_once(c->timer, delay_ms);
}

static void hold_call(struct call *c)
{
    if (!c->plan.late)
        push_of_call(c);
    if (call_watch_client(c))
        call_set_held(c, true);
}

static void go_on(struct call *c)
{
    event_free(c->gone);
    c->gone = NULL;
    call_set_held(c, false);
    if (c->plan.late)
        push_of_call(c);
    call_reply(c);
}

void call_release(struct provider *p, uint64_t hold_id)
{
    for (struct call *c = p->calls, *older; c; c = older) {
        older = c->older;
        if (c->held && (!hold_id || c->plan.hold_id == hold_id))
            go_on(c);
    }
}

static void run_plan(struct call *c)
{
    if (c->plan.hold_id) {
        hold_call(c);
        return;
    }
    bool closes = c->plan.kind == FAULT_DROP || c->plan.kind == FAULT_CLOSE;
    if (c->plan.late && c->plan.delay_ms) {
        wait_then(c, STEP_PUSH, c->plan.delay_ms);
        return;
    }
    push_of_call(c);
    /* evhttp must be off the stack before its connection is freed */
    if (closes || c->plan.delay_ms)
        wait_then(c, STEP_FINISH, c->plan.delay_ms);
    else
        call_reply(c);
}

/* --- the start --- */

static bool within_rates(struct provider *p, struct call *c)
{
    int64_t now_ms = clock_mono_ms(), wait_ms = 0;
    bool in_api = !c->request.tasks.count || rate_take(&p->mass_rate, now_ms, &wait_ms);
    if (in_api && rate_take(&p->rate, now_ms, &wait_ms))
        return true;
    c->throttled = true;
    c->retry_after_ms = p->rate_hints ? wait_ms : 0;
    return refusal_set(&c->refusal, 400, in_api ? "Throttling.User" : "Throttling.Api",
                       "Request was denied due to %s flow control.", in_api ? "user" : "api");
}

static bool check_mock_call(struct call *c, struct refusal *r)
{
    struct provider *p = c->provider;
    const struct request *q = &c->request;
    int64_t now_ms = call_provider_now_ms(p);
    if (!q->action)
        return refusal_named(r, "Missing", "Action", "", "Action is mandatory.");
    if (!q->version)
        return refusal_named(r, "Missing", "Version", "", "Version is mandatory.");
    const struct action *action = actions_row(q);
    if (!action)
        return refusal_set(r, 404, "InvalidApi.NotFound",
                           "Specified api is not found, please check your url and method.");
    return auth_check(&p->auth, q, now_ms, r) && within_rates(p, c) &&
           action->check(&p->rules, q, now_ms, r);
}

static void set_token_key(struct call *c)
{
    const char *token = fields_get(&c->request.fields, "IdempotentToken");
    const char *app = fields_get(&c->request.fields, "AppKey");
    if (!token || !*token)
        return;
    snprintf(c->stay.key, sizeof(c->stay.key), "%.24s %.100s",
             c->provider->token_per_account || !app ? "" : app, token);
}

static void link_call(struct call *c)
{
    struct provider *p = c->provider;
    c->older = p->calls;
    if (c->older)
        c->older->newer = c;
    p->calls = c;
    p->in_flight++;
}

void call_begin(struct provider *p, struct evhttp_request *http)
{
    struct call *c = call_new(p);
    c->http = http;
    link_call(c);
    answer_new_request_id(c->request_id);
    bool ok = request_read(&c->request, http, p->url_max, &c->refusal);
    set_token_key(c);
    replay_enter(&p->replay, &c->stay);
    c->seq = record_arrival(&p->record, &c->request, clock_wall_ms(), c->stay.overlapped);
    snprintf(record_find(&p->record, c->seq)->request_id, ANSWER_ID_SIZE, "%s", c->request_id);
    if (!ok || !check_mock_call(c, &c->refusal)) {
        record_outcome(&p->record, c->seq, &c->request,
                       c->throttled ? RECORD_THROTTLED : RECORD_REFUSED);
        call_reply(c);
        return;
    }
    faults_pick(&p->faults, &c->request, &c->plan);
    run_plan(c);
}

void call_abandon_all(struct provider *p)
{
    while (p->calls)
        call_free(p->calls);
    mem_free(p->spare);
    p->spare = NULL;
}
