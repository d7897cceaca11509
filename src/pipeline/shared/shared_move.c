/* SPDX-License-Identifier: MIT */
#include "pipeline/shared/shared_move.h"

#include <assert.h>
#include <stdio.h>

#include "pipeline/again.h"
#include "pipeline/shared/shared_call.h"

enum { ENVELOPES_MAX = 4 << 20 };

/* The envelopes stand one behind the other in one buffer, which must have been filled before any
 * of them can be pointed to. */
static void write_envelopes(const struct call_member *m, size_t n, struct queue_moved *out,
                            struct buf *text)
{
    for (size_t i = 0; i < n; i++) {
        size_t from = text->len;
        again_keep_begun(m[i].flight);
        envelope_write(&m[i].flight->env, text);
        out[i].envelope_len = text->len - from;
    }
    assert(buf_ok(text));
    const char *p = buf_text(text);
    for (size_t i = 0; i < n; p += out[i++].envelope_len)
        out[i].envelope = p;
}

/* The envelopes name the call that they become, and their tasks of it. */
static void begin_moving(struct call_member *m, size_t n, const char *id, struct queue_moved *out)
{
    const unsigned first = m[0].task;
    m[0].moved = n;
    for (size_t i = 0; i < n; i++) {
        struct flight *f = m[i].flight;
        snprintf(f->env.call, sizeof f->env.call, "%s", id);
        f->env.task = m[i].task - first;
        f->env.tasks = m[n - 1].task - first + 1;
        f->end = END_RETRY;
        flight_move(f, FLIGHT_ENDING);
        out[i] = (struct queue_moved){.pos = f->pos, .crashes = f->crashes};
    }
}

void shared_move(struct call *c, size_t from, size_t n, const char *id, int64_t at_ms,
                 bool with_next, queue_done_fn fn)
{
    struct call_member *m = c->members + from;
    struct queue_moved moved[GROUPING_MEMBERS_MAX];
    struct buf grouping, envelopes;
    buf_init(&grouping, GROUPING_TEXT_MAX);
    buf_init(&envelopes, ENVELOPES_MAX);
    shared_write(c, from, n, id, &grouping);
    begin_moving(m, n, id, moved);
    write_envelopes(m, n, moved, &envelopes);
    const struct queue_regrouping r = {.members = moved,
                                       .n = n,
                                       .grouping = buf_text(&grouping),
                                       .grouping_len = grouping.len,
                                       .at_ms = at_ms,
                                       .with_next = with_next};
    queue_regroup(m->flight->lease, &r, fn, m);
    buf_free(&grouping);
    buf_free(&envelopes);
}
