/* SPDX-License-Identifier: MIT */
#include "config/marks.h"

#include <stdlib.h>
#include <string.h>

#include "aliyun/sign.h"
#include "base/text.h"

enum { MARK_LEN = 8, ITEM_MAX = 4 << 20 };

/* A NUL ends every text, so that no two different items are the same bytes. */
static void add_mark(struct buf *b, const char *text)
{
    buf_add(b, text ? text : "", text ? strlen(text) + 1 : 0);
    buf_putc(b, text ? '+' : '-');
}

static void take_mark(struct buf *item, char out[MARK_LEN + 1])
{
    unsigned char sum[32];
    sign_sha256(buf_text(item), item->len, sum);
    text_hex(sum, MARK_LEN / 2, out);
    buf_free(item);
}

static void begin_item(struct buf *item, const char *kind, const char *name)
{
    buf_init(item, ITEM_MAX);
    add_mark(item, kind);
    add_mark(item, name);
}

static void mark_limits(const struct config *c, char out[MARK_LEN + 1])
{
    struct buf item;
    const struct target_limits *l = &c->limits;
    begin_item(&item, "limits", "");
    buf_printf(&item, "%d %zu %zu %zu %zu %zu %zu", CONFIG_PLAN_VERSION, l->devices, l->accounts,
               l->aliases, l->depth, l->operands, l->tags);
    take_mark(&item, out);
}

static void mark_app(const struct app *a, char out[MARK_LEN + 1])
{
    struct buf item;
    char *push = a->push ? json_dumps(a->push, JSON_COMPACT) : NULL;
    begin_item(&item, "app", a->name);
    add_mark(&item, a->app_key);
    add_mark(&item, a->device_type);
    add_mark(&item, a->push_type);
    add_mark(&item, a->title);
    add_mark(&item, a->store_offline ? "offline" : "");
    add_mark(&item, push);
    take_mark(&item, out);
    free(push);
}

static void mark_group(const struct config_group *g, char out[MARK_LEN + 1])
{
    struct buf item;
    begin_item(&item, "group", g->name);
    for (size_t i = 0; i < g->n; i++)
        add_mark(&item, g->apps[i]->app.name);
    take_mark(&item, out);
}

static void mark_template(const char *code, uint64_t hash, char out[MARK_LEN + 1])
{
    struct buf item;
    begin_item(&item, "template", code);
    buf_printf(&item, "%016llx", (unsigned long long)hash);
    take_mark(&item, out);
}

void marks_write(const struct config *c, struct buf *out)
{
    char mark[MARK_LEN + 1];
    const char *code;
    size_t at = 0;
    uint64_t hash;
    mark_limits(c, mark);
    buf_puts(out, mark);
    for (size_t i = 0; i < c->napps; i++) {
        mark_app(&c->apps[i].app, mark);
        buf_puts(out, mark);
    }
    for (size_t i = 0; i < c->ngroups; i++) {
        mark_group(&c->groups[i], mark);
        buf_puts(out, mark);
    }
    while ((code = template_next_code(c->templates, &at, &hash))) {
        mark_template(code, hash, mark);
        buf_puts(out, mark);
    }
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool is_among(const char *marks, const char mark[MARK_LEN + 1])
{
    for (size_t n = strlen(marks) / MARK_LEN; n--; marks += MARK_LEN)
        if (memcmp(marks, mark, MARK_LEN) == 0)
            return true;
    return false;
}

static void note_lack(const char *marks, const char mark[MARK_LEN + 1], const char *kind,
                      const char *name, struct buf *out)
{
    if (is_among(marks, mark))
        return;
    buf_puts(out, out->len ? ", " : "");
    buf_puts(out, kind);
    buf_puts(out, name);
}

static void note_template(const struct config *c, const char *code, const char *marks,
                          struct buf *out)
{
    char mark[MARK_LEN + 1];
    const char *next;
    size_t at = 0;
    uint64_t hash;
    while ((next = template_next_code(c->templates, &at, &hash)))
        if (strcmp(next, code) == 0) {
            mark_template(code, hash, mark);
            note_lack(marks, mark, "template ", code, out);
        }
}

void marks_write_lacking(const struct config *c, const struct marks_of *job, const char *marks,
                         struct buf *out)
{
    char mark[MARK_LEN + 1];
    const struct config_group *group = job->group ? config_group_find(c, job->group) : NULL;
    mark_limits(c, mark);
    note_lack(marks, mark, "limits", "", out);
    if (group) {
        mark_group(group, mark);
        note_lack(marks, mark, "group ", job->group, out);
    }
    for (size_t i = 0; i < job->napps; i++) {
        const struct config_app *app = config_app_find(c, job->apps[i]);
        if (app) {
            mark_app(&app->app, mark);
            note_lack(marks, mark, "app ", job->apps[i], out);
        }
    }
    if (job->code)
        note_template(c, job->code, marks, out);
}
