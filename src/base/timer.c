/* SPDX-License-Identifier: MIT */
#include "base/timer.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "base/mem.h"

struct timer {
    struct event event;
    int64_t each_ms; /* 0: once */
    timer_fn fn;
    void *arg;
};

static void add_event(struct timer *t, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    const struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(&t->event, &tv);
}

static void on_timer_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *t = arg;
    if (t->each_ms)
        add_event(t, t->each_ms);
    t->fn(t->arg);
}

struct timer *timer_new(struct event_base *base, timer_fn fn, void *arg)
{
    struct timer *t = mem_zalloc(sizeof *t);
    t->fn = fn;
    t->arg = arg;
    event_assign(&t->event, base, -1, 0, on_timer_event, t);
    return t;
}

void timer_free(struct timer *t)
{
    if (!t)
        return;
    event_del(&t->event);
    mem_free(t);
}

void timer_once(struct timer *t, int64_t ms)
{
    t->each_ms = 0;
    add_event(t, ms);
}

void timer_each(struct timer *t, int64_t ms)
{
    assert(ms >= 1);
    t->each_ms = ms;
    add_event(t, ms);
}

void timer_stop(struct timer *t)
{
    t->each_ms = 0;
    event_del(&t->event);
}

void timer_now(struct timer *t)
{
    event_active(&t->event, EV_TIMEOUT, 0);
}

bool timer_is_set(const struct timer *t)
{
    return event_pending(&t->event, EV_TIMEOUT, NULL);
}
