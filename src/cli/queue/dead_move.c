/* SPDX-License-Identifier: MIT */
#include "cli/queue/dead_move.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/queue/dead_print.h"
#include "cli/queue/dead_walk.h"

enum { ENVELOPE_MAX = 64 * 1024 };

/* Why a letter that was selected stays. */
enum stay {
    STAY_MAYBE_SENT,
    STAY_SHARED,
    STAY_UNREADABLE,
    STAY_LARGE,
    STAY_NO_QUEUE,
    STAY_BAD,
    STAY_TOO_LARGE,
    STAY_BYTES_GONE,
    STAY_GONE,
    STAYS
};
static const char *const stay_text[STAYS] = {
    [STAY_MAYBE_SENT] = "may have reached phones (--maybe-sent takes them too)",
    [STAY_SHARED] = "whose call was shared with other jobs, and so was its token (--token new)",
    [STAY_UNREADABLE] = "unreadable",
    [STAY_LARGE] = "too long to be read, so by Redis' own commands only",
    [STAY_NO_QUEUE] = "of a queue that is not configured or not named (--queue NAME)",
    [STAY_BAD] = "with members that cannot go back",
    [STAY_TOO_LARGE] = "longer than queue.job_max_bytes still",
    [STAY_BYTES_GONE] = "whose bytes are gone",
    [STAY_GONE] = "taken by somebody else meanwhile",
};

struct moving {
    struct tool *tool;
    const struct dead_args *args;
    struct queue *queue; /* of the group */
    struct queue_letter group[QUEUE_MOVE_MAX];
    struct buf envelopes[QUEUE_MOVE_MAX];
    size_t n, bytes;
    int64_t selected, moved, page_moved, stayed[STAYS];
    int64_t next_ms; /* not before this, by the rate */
    bool lost, answered;
};

/* --- groups ---------------------------------------------------------------------------------- */

static void note_moved(struct moving *m, enum queue_removed how)
{
    switch (how) {
    case MOVED_DONE:
        m->moved++;
        m->page_moved++;
        break;
    case MOVED_GONE:
        m->stayed[STAY_GONE]++;
        break;
    case MOVED_BYTES_GONE:
        m->stayed[STAY_BYTES_GONE]++;
        break;
    case MOVED_TOO_LARGE:
        m->stayed[STAY_TOO_LARGE]++;
        break;
    case MOVED_UNKNOWN:
        m->lost = true;
    }
}

static void on_group_moved(void *arg, const enum queue_removed *each, size_t n)
{
    struct moving *m = arg;
    for (size_t i = 0; i < n; i++)
        note_moved(m, each[i]);
    m->answered = true;
}

static void keep_rate(struct moving *m)
{
    int64_t now = clock_mono_ms(), rate = m->args->rate_per_s;
    if (!rate)
        return;
    if (m->next_ms > now)
        link_pause(link_base(m->tool->link), m->next_ms - now);
    else
        m->next_ms = now;
    m->next_ms += ((int64_t)m->n * 1000 + rate - 1) / rate;
}

static void move_group(struct moving *m)
{
    if (m->n && !m->lost) {
        keep_rate(m);
        for (size_t i = 0; i < m->n; i++)
            m->group[i].place -= m->page_moved; /* those before it are out */
        m->answered = false;
        queue_dead_move(m->queue, m->group, m->n, m->args->action == DEAD_DROP, on_group_moved, m);
        link_run(m->tool->link, &m->answered);
    }
    for (size_t i = 0; i < m->n; i++)
        buf_free(&m->envelopes[i]);
    m->n = m->bytes = 0;
}

/* A slow rate is kept letter by letter, else they would come in bursts. */
static size_t group_max(const struct moving *m)
{
    int64_t rate = m->args->rate_per_s;
    if (!rate || rate > 10 * QUEUE_MOVE_MAX)
        return QUEUE_MOVE_MAX;
    return rate > 10 ? (size_t)rate / 10 : 1;
}

/* --- letters --------------------------------------------------------------------------------- */

/* The key of bytes that lie in the queue's oversize hash; NULL: somewhere else. */
static const char *oversize_of(const struct queue *q, const char *ref)
{
    const char *key = queue_oversize_key(q);
    size_t len = strlen(key);
    return strncmp(ref, key, len) == 0 && ref[len] == ' ' ? ref + len + 1 : NULL;
}

/* The token is that of the whole call. Where nothing was sent by it, any other is as good. */
static bool has_lost_token(const struct moving *m, const struct letter *l)
{
    return l->call && l->maybe_sent && !m->args->token;
}

static bool may_move(struct moving *m, const struct dead_seen *s, enum stay *why)
{
    bool drop = m->args->action == DEAD_DROP;
    const struct letter *l = &s->letter;
    if (!l->root && !(drop && m->args->filter.unreadable)) {
        *why = STAY_UNREADABLE;
        return false;
    }
    if (s->text.large) {
        *why = STAY_LARGE;
        return false;
    }
    if (!s->queue) {
        *why = STAY_NO_QUEUE;
        return false;
    }
    if (drop)
        return true;
    *why = STAY_MAYBE_SENT;
    if (l->maybe_sent && !m->args->maybe_sent)
        return false;
    *why = STAY_SHARED;
    return !has_lost_token(m, l);
}

static bool set_replay(struct moving *m, const struct dead_seen *s, struct queue_letter *out)
{
    const struct letter *l = &s->letter;
    struct buf *envelope = &m->envelopes[m->n];
    struct err e;
    int64_t now = queue_now_ms(s->list);
    if (!letter_envelope(l, m->args->token, now, envelope, &e))
        return false;
    out->envelope = buf_text(envelope);
    out->envelope_len = envelope->len;
    out->bytes = l->bytes;
    out->bytes_len = l->len;
    out->at_ms = now;
    /* Its last call may still be handled, also when its connection was lost before its time was
     * over: two at once are what the provider cannot tell. */
    const struct config *c = m->tool->config;
    int64_t settled = l->done_at_ms + c->timeout_ms + c->settle_ms;
    if (l->maybe_sent && settled > now)
        out->at_ms = settled;
    return true;
}

static bool prepare_letter(struct moving *m, const struct dead_seen *s, enum stay *why)
{
    struct queue_letter *out = &m->group[m->n];
    const struct letter *l = &s->letter;
    *out = (struct queue_letter){.place = s->place, .text = s->text.p, .len = s->text.len};
    buf_init(&m->envelopes[m->n], ENVELOPE_MAX);
    *why = STAY_BYTES_GONE;
    if (l->job_ref && !l->bytes && !(out->oversize = oversize_of(s->queue, l->job_ref)))
        return m->args->action == DEAD_DROP;
    *why = STAY_BAD;
    if (m->args->action == DEAD_DROP || set_replay(m, s, out))
        return true;
    buf_free(&m->envelopes[m->n]);
    return false;
}

static void move_letter(struct moving *m, const struct dead_seen *s)
{
    enum stay why;
    if (m->n && (s->queue != m->queue || m->bytes + s->text.len > QUEUE_MOVE_BYTES))
        move_group(m);
    if (!prepare_letter(m, s, &why)) {
        m->stayed[why]++;
        return;
    }
    m->queue = s->queue;
    m->bytes += s->text.len;
    if (++m->n == group_max(m))
        move_group(m);
}

static bool on_letter(void *arg, const struct dead_seen *s)
{
    struct moving *m = arg;
    enum stay why;
    if (!may_move(m, s, &why)) {
        m->stayed[why]++;
        return true;
    }
    m->selected++;
    if (m->args->dry_run)
        dead_print_row(s);
    else
        move_letter(m, s);
    return !m->lost && m->selected != m->args->limit;
}

static int64_t on_page_end(void *arg)
{
    struct moving *m = arg;
    move_group(m);
    int64_t taken = m->page_moved;
    m->page_moved = 0;
    return taken;
}

/* --- the whole ------------------------------------------------------------------------------- */

static int64_t report_moves(const struct moving *m)
{
    const char *what = m->args->action == DEAD_DROP ? "dropped" : "replayed";
    int64_t stayed = 0;
    if (m->args->dry_run)
        cli_line(stdout, "%" PRId64 " would be %s", m->selected, what);
    else
        cli_line(stdout, "%" PRId64 " %s", m->moved, what);
    for (size_t i = 0; i < STAYS; i++) {
        stayed += m->stayed[i];
        if (m->stayed[i])
            cli_line(stdout, "%" PRId64 " left: %s", m->stayed[i], stay_text[i]);
    }
    return stayed;
}

int dead_move(struct tool *t, const struct dead_args *args)
{
    struct moving m = {.tool = t, .args = args};
    const struct dead_visitor v = {.letter = on_letter, .page_end = on_page_end, .arg = &m};
    if (args->dry_run)
        dead_print_head();
    int code = dead_walk(t, &args->filter, &v);
    int64_t stayed = report_moves(&m);
    if (m.lost) {
        fputs("pushbridge dead: Redis did not answer the last step, which may or may not have been "
              "done; nothing is lost, run it again\n",
              stderr);
        return CLI_FAILED;
    }
    if (args->filter.nids && m.selected == 0) {
        fputs(stayed ? "pushbridge dead: nothing was moved\n"
                     : "pushbridge dead: no dead letter has that id\n",
              stderr);
        return CLI_FAILED;
    }
    return code;
}
