/* SPDX-License-Identifier: MIT */
#include "pipeline/turns.h"

#include "base/mem.h"

void turns_init(struct turns *t, size_t napps)
{
    *t = (struct turns){.napps = napps, .v = mem_zalloc((napps + 1) * sizeof *t->v)};
    for (size_t i = 0; i <= napps; i++)
        TAILQ_INIT(&t->v[i].waiting);
}

void turns_free(struct turns *t)
{
    mem_free(t->v);
    t->v = NULL;
}

static bool is_in_turn(const struct call *c)
{
    return c->state == CALL_WAITING || c->state == CALL_OUT;
}

void turns_leave(struct turns *t, struct call *c)
{
    struct turn *turn = &t->v[c->turn_app];
    if (!is_in_turn(c))
        return;
    if (c->state == CALL_WAITING)
        TAILQ_REMOVE(&turn->waiting, c, turn);
    turn->out -= c->state == CALL_OUT;
    turn->held--;
    t->all--;
}

void turns_enter(struct turns *t, struct call *c, size_t app)
{
    struct turn *turn = &t->v[app];
    if (!is_in_turn(c))
        return;
    c->turn_app = app;
    if (c->state == CALL_WAITING)
        TAILQ_INSERT_TAIL(&turn->waiting, c, turn);
    turn->out += c->state == CALL_OUT;
    turn->held++;
    t->all++;
}

struct call *turns_next(struct turns *t)
{
    size_t best = SIZE_MAX, n = t->napps + 1;
    for (size_t k = 0; k < n; k++) {
        size_t app = (t->next + k) % n;
        if (!TAILQ_EMPTY(&t->v[app].waiting) &&
            (best == SIZE_MAX || t->v[app].out < t->v[best].out))
            best = app;
    }
    if (best == SIZE_MAX)
        return NULL;
    t->next = (best + 1) % n;
    return TAILQ_FIRST(&t->v[best].waiting);
}

size_t turns_held(const struct turns *t, size_t app)
{
    return t->v[app].held;
}

size_t turns_apps(const struct turns *t, size_t app)
{
    size_t n = 0;
    for (size_t i = 0; i <= t->napps; i++)
        n += i == app || t->v[i].held;
    return n;
}
