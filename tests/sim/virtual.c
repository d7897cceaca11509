/* SPDX-License-Identifier: MIT */
#include "sim/virtual.h"

#include <assert.h>
#include <event2/event.h>
#include <stdlib.h>

struct happening {
    int64_t us;
    uint64_t turn; /* of those at one time, the first said comes first */
    virtual_fn fn;
    void *arg;
    int64_t value;
};

static struct {
    int64_t us;
    uint64_t turns, seed;
    struct happening *v; /* a binary heap */
    size_t n, room;
} world;

static int comes_before(const struct happening *a, const struct happening *b)
{
    return a->us != b->us ? a->us < b->us : a->turn < b->turn;
}

static void swap(size_t a, size_t b)
{
    struct happening h = world.v[a];
    world.v[a] = world.v[b];
    world.v[b] = h;
}

void virtual_reset(uint64_t seed)
{
    world.us = 1200 * INT64_C(1000000);
    world.seed = seed;
    world.n = 0;
    world.turns = 0;
}

int64_t virtual_us(void)
{
    return world.us;
}

uint64_t virtual_random(uint64_t n)
{
    world.seed = world.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (world.seed >> 33) % n : 0;
}

void virtual_at(int64_t us, virtual_fn fn, void *arg, int64_t value)
{
    if (world.n == world.room) {
        world.room = world.room ? 2 * world.room : 1024;
        world.v = realloc(world.v, world.room * sizeof *world.v);
        assert(world.v);
    }
    size_t i = world.n++;
    world.v[i] = (struct happening){us < world.us ? world.us : us, world.turns++, fn, arg, value};
    for (; i && comes_before(&world.v[i], &world.v[(i - 1) / 2]); i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static struct happening take_first(void)
{
    struct happening first = world.v[0];
    world.v[0] = world.v[--world.n];
    for (size_t i = 0, least;; i = least) {
        least = i;
        for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < world.n; k++)
            if (comes_before(&world.v[k], &world.v[least]))
                least = k;
        if (least == i)
            return first;
        swap(i, least);
    }
}

void virtual_run(int64_t until_us)
{
    while (world.n && world.v[0].us <= until_us) {
        struct happening h = take_first();
        world.us = h.us;
        h.fn(h.arg, h.value);
    }
    world.us = until_us;
}

/* --- what the modules call ------------------------------------------------------------------- */

int64_t __wrap_clock_mono_ms(void);
uint64_t __wrap_clock_random_below(uint64_t n);
struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
                               event_callback_fn fn, void *arg);
void __wrap_event_free(struct event *ev);
int __wrap_event_add(struct event *ev, const struct timeval *tv);
void __wrap_event_active(struct event *ev, int what, short n);
int __wrap_event_pending(const struct event *ev, short what, struct timeval *tv);

/* A timer; its happenings of an earlier setting find another number and do nothing. */
struct timer {
    event_callback_fn fn;
    void *arg;
    int64_t setting;
    int set;
};

int64_t __wrap_clock_mono_ms(void)
{
    return world.us / 1000;
}

uint64_t __wrap_clock_random_below(uint64_t n)
{
    return virtual_random(n);
}

struct event *__wrap_event_new(struct event_base *base, evutil_socket_t fd, short what,
                               event_callback_fn fn, void *arg)
{
    (void)base;
    assert(fd == -1 && what == 0);
    struct timer *t = calloc(1, sizeof *t);
    assert(t);
    t->fn = fn;
    t->arg = arg;
    return (struct event *)(void *)t;
}

static struct timer *timer_of(const struct event *ev)
{
    return (struct timer *)(uintptr_t)ev;
}

/* Happenings may still name it: it stays till the program ends. */
void __wrap_event_free(struct event *ev)
{
    timer_of(ev)->setting++;
}

static void on_timer(void *arg, int64_t setting)
{
    struct timer *t = arg;
    if (setting != t->setting)
        return;
    t->set = 0;
    t->fn(-1, EV_TIMEOUT, t->arg);
}

int __wrap_event_add(struct event *ev, const struct timeval *tv)
{
    struct timer *t = timer_of(ev);
    t->set = 1;
    virtual_at(world.us + tv->tv_sec * 1000000 + tv->tv_usec, on_timer, t, ++t->setting);
    return 0;
}

void __wrap_event_active(struct event *ev, int what, short n)
{
    (void)what;
    (void)n;
    if (!timer_of(ev)->set)
        __wrap_event_add(ev, &(const struct timeval){0});
}

int __wrap_event_pending(const struct event *ev, short what, struct timeval *tv)
{
    (void)what;
    (void)tv;
    return timer_of(ev)->set;
}
