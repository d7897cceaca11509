/* SPDX-License-Identifier: MIT */
#include "job/grouping.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char id_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

void grouping_begin(struct grouping *g, const char *id, bool mass)
{
    assert(g->ncalls < GROUPING_CALLS_MAX && strlen(id) < GROUPING_ID_SIZE);
    struct grouping_call *c = &g->calls[g->ncalls++];
    *c = (struct grouping_call){.mass = mass, .first = g->n};
    snprintf(c->id, sizeof c->id, "%s", id);
}

void grouping_add(struct grouping *g, unsigned pos, unsigned task)
{
    struct grouping_call *c = &g->calls[g->ncalls - 1];
    assert(g->n < GROUPING_MEMBERS_MAX && task <= c->tasks && task + 1 >= c->tasks);
    g->members[g->n++] = (struct grouping_member){pos, task};
    c->n++;
    c->tasks = task + 1;
}

static void write_call(const struct grouping *g, const struct grouping_call *c, struct buf *out)
{
    buf_printf(out, " %c:%s:", c->mass ? 'M' : 'P', c->id);
    for (size_t i = c->first; i < c->first + c->n; i++) {
        if (i > c->first)
            buf_putc(out, g->members[i].task == g->members[i - 1].task ? ',' : '/');
        buf_int(out, g->members[i].pos);
    }
}

void grouping_write(const struct grouping *g, struct buf *out)
{
    buf_printf(out, "%zu %zu", g->ncalls, g->n);
    for (size_t i = 0; i < g->ncalls; i++)
        write_call(g, &g->calls[i], out);
}

/* --- reading --------------------------------------------------------------------------------- */

struct cursor {
    const char *p, *end;
};

static bool take_char(struct cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

/* A number below 1000 without leading zeros. */
static bool take_number(struct cursor *c, unsigned *out)
{
    unsigned n = 0;
    const char *from = c->p;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - from < 3; c->p++)
        n = n * 10 + (unsigned)(*c->p - '0');
    *out = n;
    return c->p > from && (n == 0 ? c->p - from == 1 : *from != '0');
}

static bool take_id(struct cursor *c, char id[GROUPING_ID_SIZE])
{
    size_t n = 0;
    while (c->p < c->end && *c->p && strchr(id_chars, *c->p) && n < GROUPING_ID_SIZE - 1)
        id[n++] = *c->p++;
    id[n] = '\0';
    return n > 0;
}

static bool take_members(struct cursor *c, bool mass, bool seen[GROUPING_MEMBERS_MAX],
                         struct grouping *out)
{
    unsigned pos, task = 0;
    size_t n = 0;
    for (;; n++) {
        if (!take_number(c, &pos) || pos >= GROUPING_MEMBERS_MAX || seen[pos] ||
            out->n == GROUPING_MEMBERS_MAX)
            return false;
        seen[pos] = true;
        grouping_add(out, pos, task);
        if (take_char(c, ','))
            continue;
        if (!mass || !take_char(c, '/'))
            break;
        task++;
    }
    return n > 0;
}

static bool take_call(struct cursor *c, bool seen[GROUPING_MEMBERS_MAX], struct grouping *out)
{
    char id[GROUPING_ID_SIZE];
    if (!take_char(c, ' '))
        return false;
    bool mass = take_char(c, 'M');
    if ((!mass && !take_char(c, 'P')) || !take_char(c, ':') || !take_id(c, id) ||
        !take_char(c, ':'))
        return false;
    grouping_begin(out, id, mass);
    return take_members(c, mass, seen, out);
}

bool grouping_read(const char *text, size_t len, struct grouping *out, struct err *e)
{
    struct cursor c = {text, text + len};
    bool seen[GROUPING_MEMBERS_MAX] = {false};
    unsigned ncalls, n;
    out->ncalls = out->n = 0;
    bool ok = take_number(&c, &ncalls) && take_char(&c, ' ') && take_number(&c, &n) && ncalls &&
              ncalls <= GROUPING_CALLS_MAX;
    for (unsigned i = 0; ok && i < ncalls; i++)
        ok = take_call(&c, seen, out);
    if (ok && c.p == c.end && out->n == n)
        return true;
    return err_set(e, "grouping: not understood at byte %zu of %zu", (size_t)(c.p - text), len);
}
