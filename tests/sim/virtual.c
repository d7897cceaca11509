/* SPDX-License-Identifier: MIT */
#include "sim/virtual.h"

#include <assert.h>
#include <stdlib.h>

#include "base/timer.h"

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
struct timer *__wrap_timer_new(struct event_base *base, timer_fn fn, void *arg);
void __wrap_timer_free(struct timer *t);
void __wrap_timer_once(struct timer *t, int64_t ms);
void __wrap_timer_now(struct timer *t);
bool __wrap_timer_is_set(const struct timer *t);

/* Its happenings of an earlier setting find another number and do nothing. */
struct timer {
    timer_fn fn;
    void *arg;
    int64_t setting;
    bool set;
};

int64_t __wrap_clock_mono_ms(void)
{
    return world.us / 1000;
}

uint64_t __wrap_clock_random_below(uint64_t n)
{
    return virtual_random(n);
}

struct timer *__wrap_timer_new(struct event_base *base, timer_fn fn, void *arg)
{
    (void)base;
    struct timer *t = calloc(1, sizeof *t);
    assert(t);
    t->fn = fn;
    t->arg = arg;
    return t;
}

/* Happenings may still name it: it stays till the program ends. */
void __wrap_timer_free(struct timer *t)
{
    t->setting++;
}

static void on_timer(void *arg, int64_t setting)
{
    struct timer *t = arg;
    if (setting != t->setting)
        return;
    t->set = false;
    t->fn(t->arg);
}

void __wrap_timer_once(struct timer *t, int64_t ms)
{
    t->set = true;
    virtual_at(world.us + ms * 1000, on_timer, t, ++t->setting);
}

void __wrap_timer_now(struct timer *t)
{
    if (!t->set)
        __wrap_timer_once(t, 0);
}

bool __wrap_timer_is_set(const struct timer *t)
{
    return t->set;
}
