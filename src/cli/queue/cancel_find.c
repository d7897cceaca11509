/* SPDX-License-Identifier: MIT */
#include "cli/queue/cancel_find.h"

#include <string.h>

#include "base/mem.h"
#include "job/envelope.h"
#include "job/written/numbers.h"

enum { PAGE = 128, OVERLAP = 32 };

struct finding {
    struct tool *tool;
    struct queue *queue;
    const char *id;
    found_fn fn;
    void *arg;
    bool lost; /* Redis did not answer about an inbox */
};

/* --- does it have this id? ------------------------------------------------------------------- */

/* A text that holds neither the id nor an escape cannot have it: most are not parsed. */
static bool may_hold(const char *p, size_t len, const char *id)
{
    return memmem(p, len, id, strlen(id)) || memchr(p, '\\', len);
}

static bool member_is(const char *p, size_t len, const char *name, const char *id)
{
    if (!may_hold(p, len, id))
        return false;
    json_t *root = numbers_load(p, len, JSON_ALLOW_NUL, NULL);
    const char *text = json_string_value(json_object_get(root, name));
    bool is = text && strcmp(text, id) == 0;
    json_decref(root);
    return is;
}

static bool matches(const struct finding *f, const struct queue_value *v)
{
    if (v->oversize)
        return false; /* it is refused anyway, and its id is not known */
    if (v->envelope_len && member_is(v->envelope, v->envelope_len, "uid", f->id))
        return true;
    return member_is(v->bytes, v->len, "id", f->id);
}

/* --- lists ----------------------------------------------------------------------------------- */

static bool read_element(struct found *at)
{
    if (at->list == QUEUE_PARKED)
        return queue_value_read(at->text.p, at->text.len, &at->value);
    at->value = (struct queue_value){.envelope = "", .bytes = at->text.p, .len = at->text.len};
    return true;
}

/* Returns how many were taken out of the page. */
static int64_t find_in_page(struct finding *f, const struct tool_rows *page, struct found *at,
                            int64_t from)
{
    int64_t taken = 0;
    for (size_t i = 0; i < page->n; i++) {
        at->text = page->v[i];
        at->place = from + (int64_t)i - taken;
        if (read_element(at) && matches(f, &at->value))
            taken += f->fn(f->arg, at);
    }
    return taken;
}

/* Claims take from the front meanwhile, so each page begins some places early. */
static bool find_in_list(struct finding *f, enum queue_list list, const char *name)
{
    struct found at = {.queue = f->queue, .list = list, .name = name};
    int64_t from = 0, left = tool_length(f->tool, f->queue, list, name);
    bool ok = left >= 0;
    while (ok && left > 0) {
        struct tool_rows page = tool_page(f->tool, f->queue, list, name, from, PAGE);
        ok = page.ok;
        left = page.n < PAGE ? 0 : left - (PAGE - OVERLAP);
        from += PAGE - OVERLAP - find_in_page(f, &page, &at, from);
        from = from > 0 ? from : 0;
        tool_rows_free(&page);
    }
    return ok;
}

static bool find_in_inbox(void *arg, const char *name, const char *heartbeat)
{
    struct finding *f = arg;
    (void)heartbeat;
    f->lost = !find_in_list(f, QUEUE_INBOX, name);
    return !f->lost;
}

static bool find_in_parked(struct finding *f)
{
    struct tool_rows all =
        tool_peek(f->tool, f->queue, &(struct queue_question){.what = PEEK_APPS});
    bool ok = all.ok;
    for (size_t i = 0; ok && i < all.n; i++)
        ok = find_in_list(f, QUEUE_PARKED, all.v[i].p);
    tool_rows_free(&all);
    return ok;
}

/* --- members --------------------------------------------------------------------------------- */

static bool find_waiting(void *arg, const char *field, const struct tool_text *text)
{
    struct finding *f = arg;
    struct found at = {.queue = f->queue, .member = true, .field = field, .text = *text};
    if (queue_value_read(at.text.p, at.text.len, &at.value) && matches(f, &at.value))
        f->fn(f->arg, &at);
    return true;
}

/* In the order in which a job moves on, so that one on its way is met. */
bool cancel_find(struct tool *t, struct queue *q, const char *id, found_fn fn, void *arg)
{
    struct finding f = {t, q, id, fn, arg, false};
    return find_in_list(&f, QUEUE_READY, NULL) && tool_each_worker(t, q, find_in_inbox, &f) &&
           !f.lost && find_in_parked(&f) && tool_each_member(t, q, find_waiting, &f);
}

/* --- results --------------------------------------------------------------------------------- */

static json_t *read_sent(const struct tool_text *text, const char *id)
{
    if (!may_hold(text->p, text->len, id))
        return NULL;
    json_t *root = numbers_load(text->p, text->len, JSON_ALLOW_NUL, NULL);
    const char *found = json_string_value(json_object_get(root, "id"));
    const char *status = json_string_value(json_object_get(root, "status"));
    if (found && status && strcmp(found, id) == 0 && strcmp(status, "sent") == 0)
        return root;
    json_decref(root);
    return NULL;
}

json_t *cancel_find_sent(struct tool *t, struct queue *q, const char *id)
{
    int64_t end = tool_length(t, q, QUEUE_RESULTS, NULL);
    int64_t stop = end > CANCEL_RESULTS_MAX ? end - CANCEL_RESULTS_MAX : 0;
    json_t *found = NULL;
    while (!found && end > stop) {
        int64_t from = end - PAGE > stop ? end - PAGE : stop;
        struct tool_rows page = tool_page(t, q, QUEUE_RESULTS, NULL, from, end - from);
        for (size_t i = page.n; i-- > 0 && !found;)
            found = read_sent(&page.v[i], id);
        end = page.ok ? from : stop;
        tool_rows_free(&page);
    }
    return found;
}
