/* SPDX-License-Identifier: MIT */
#include "cli/queue/dead_walk.h"

#include <string.h>

/* A letter may be some megabytes long, so a page is short: all of REDIS_VALUE_BYTES still fit into
 * one reply. */
enum { PAGE = 31 };

struct walk {
    struct tool *tool;
    const struct letter_filter *filter;
    const struct dead_visitor *visitor;
    struct queue *list;
    struct dead_seen seen[PAGE];
    size_t n;
    bool stopped;
};

static bool shares_list(const struct walk *w, const struct queue *q)
{
    return strcmp(queue_dead_list(q), queue_dead_list(w->list)) == 0;
}

/* The queue that a letter names; for one that names none (older letters) the only one there is. */
static struct queue *queue_of(const struct walk *w, const struct letter *l)
{
    struct queue *only = NULL;
    size_t sharing = 0;
    for (size_t i = 0; i < w->tool->n; i++) {
        struct queue *q = w->tool->queues[i];
        if (!shares_list(w, q))
            continue;
        if (l->queue && strcmp(queue_name(q), l->queue) == 0)
            return q;
        only = q;
        sharing++;
    }
    return sharing == 1 && !l->queue ? only : NULL;
}

static bool look_at(struct walk *w, const struct tool_text *text, int64_t place)
{
    struct dead_seen *s = &w->seen[w->n];
    *s = (struct dead_seen){.list = w->list, .place = place, .text = *text};
    bool read = text->large ? err_set(&s->why, "%s", text->p)
                            : letter_read(text->p, text->len, &s->letter, &s->why);
    s->queue = read ? queue_of(w, &s->letter) : w->list;
    if (!letter_matches(&s->letter, w->filter, queue_now_ms(w->list))) {
        letter_free(&s->letter);
        return true;
    }
    w->n++;
    return w->visitor->letter(w->visitor->arg, s);
}

/* Returns how many letters were taken out. */
static int64_t visit_page(struct walk *w, const struct tool_rows *page, int64_t from)
{
    w->n = 0;
    for (size_t i = 0; i < page->n && i < PAGE && !w->stopped; i++)
        w->stopped = !look_at(w, &page->v[i], from + (int64_t)i);
    int64_t taken = w->visitor->page_end ? w->visitor->page_end(w->visitor->arg) : 0;
    for (size_t i = 0; i < w->n; i++)
        letter_free(&w->seen[i].letter);
    return taken;
}

static bool walk_list(struct walk *w)
{
    int64_t from = 0, left = tool_length(w->tool, w->list, QUEUE_DEAD, NULL);
    bool ok = left >= 0;
    while (ok && left > 0 && !w->stopped) {
        struct tool_rows page =
            tool_page(w->tool, w->list, QUEUE_DEAD, NULL, from, left < PAGE ? left : PAGE);
        int64_t n = (int64_t)page.n;
        ok = page.ok;
        from += n - visit_page(w, &page, from);
        left = n ? left - n : 0;
        tool_rows_free(&page);
    }
    return ok;
}

static bool is_first_of_list(const struct walk *w, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (shares_list(w, w->tool->queues[k]))
            return false;
    return true;
}

int dead_walk(struct tool *t, const struct letter_filter *filter, const struct dead_visitor *v)
{
    static struct walk w; /* large */
    w = (struct walk){.tool = t, .filter = filter, .visitor = v};
    for (size_t i = 0; i < t->n && !w.stopped; i++) {
        w.list = t->queues[i];
        if (is_first_of_list(&w, i) && (!tool_clock(t, w.list) || !walk_list(&w)))
            return CLI_FAILED;
    }
    return CLI_OK;
}
