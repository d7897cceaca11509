/* SPDX-License-Identifier: MIT */
#include "config/settings/settings.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "host/file.h"

enum {
    SECRET_MAX = 16 * 1024,
    ORIGIN_SIZE = 512,
};

static void setting_clear(struct setting *s)
{
    if (s->text)
        mem_wipe(s->text, strlen(s->text));
    mem_free(s->text);
    mem_free(s->origin);
    mem_free(s->file);
    *s = (struct setting){0};
}

bool setting_put(struct setting *s, const char *text, const char *origin,
                 enum setting_source source, bool is_path, struct err *e)
{
    if (s->text && s->source > source)
        return true;
    if (s->text && s->source == source)
        return err_set(e, "%s and %s are both set: use one", s->origin, origin);
    setting_clear(s);
    *s = (struct setting){mem_strdup(text), mem_strdup(origin), source, is_path, NULL};
    return true;
}

void setting_copy(struct setting *to, const struct setting *from)
{
    setting_clear(to);
    *to = (struct setting){mem_strdup(from->text), mem_strdup(from->origin), from->source, false,
                           mem_strdup(from->file)};
}

void setting_list_init(struct setting_list *list, const struct option_table *table)
{
    list->table = table;
    list->push = NULL;
    list->v = mem_zalloc(table->n * sizeof *list->v);
}

static void list_free(struct setting_list *list)
{
    for (size_t i = 0; list->v && i < list->table->n; i++)
        setting_clear(&list->v[i]);
    mem_free(list->v);
    mem_free(list->origin);
    json_decref(list->push);
}

struct setting *settings_get(const struct setting_list *list, const char *name)
{
    int i = option_find(list->table, name, NULL);
    assert(i >= 0);
    return &list->v[i];
}

const char *settings_text(const struct setting_list *list, const char *name)
{
    const char *text = settings_get(list, name)->text;
    return text && *text ? text : NULL;
}

bool settings_is_label(const char *text)
{
    return !text ||
           !text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")];
}

/* --- whole files ----------------------------------------------------------------------------- */

bool settings_read_whole(const char *path, size_t max, struct buf *out, struct err *e)
{
    if (!file_read(path, max, out, e))
        return false;
    return !memchr(buf_text(out), '\0', out->len) || err_set(e, "%s: holds a NUL byte", path);
}

bool settings_read_value(const char *path, struct buf *out, struct err *e)
{
    if (!settings_read_whole(path, SECRET_MAX, out, e))
        return false;
    while (out->len && strchr("\r\n", out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    return out->len || err_set(e, "%s: the file is empty", path);
}

/* Replaces the path in s by what the file holds. */
static bool read_secret(struct setting *s, struct err *e)
{
    struct buf content;
    bool ok = settings_read_value(s->text, &content, e);
    if (!ok && !strchr(s->text, '/')) /* the secret itself, by mistake? */
        err_set(e, "names no file that can be read (a path without '/' is not shown)");
    if (ok) {
        char origin[ORIGIN_SIZE];
        snprintf(origin, sizeof origin, "%s: %s", s->origin, s->text);
        mem_free(s->origin);
        s->file = s->text;
        s->text = mem_strdup(buf_text(&content));
        s->origin = mem_strdup(origin);
        s->is_path = false;
    } else {
        err_prefix(e, s->origin);
    }
    buf_wipe(&content);
    buf_free(&content);
    return ok;
}

/* --- settling -------------------------------------------------------------------------------- */

/* Secrets of their own files, once it is clear which are wanted; then defaults; then the check. */
static bool list_settle(struct setting_list *list, struct err *e)
{
    for (size_t i = 0; i < list->table->n; i++) {
        const struct option_row *o = &list->table->rows[i];
        struct setting *s = &list->v[i];
        if (!s->text)
            *s = (struct setting){mem_strdup(o->initial), mem_strdup("default"), SOURCE_DEFAULT,
                                  false, NULL};
        if (s->is_path && !read_secret(s, e))
            return false;
        if (option_check(o, s->text, e))
            continue;
        char at[ORIGIN_SIZE];
        const char *origin = s->source == SOURCE_DEFAULT && list->origin ? list->origin : s->origin;
        snprintf(at, sizeof at, "%s: %s", origin, o->name);
        return err_prefix(e, at);
    }
    return true;
}

void settings_init(struct settings *s)
{
    *s = (struct settings){0};
    setting_list_init(&s->general, &options_general);
}

bool settings_settle(struct settings *s, struct err *e)
{
    if (!list_settle(&s->general, e))
        return false;
    for (size_t i = 0; i < s->napps; i++)
        if (!list_settle(&s->apps[i], e))
            return false;
    for (size_t i = 0; i < s->ngroups; i++)
        if (!list_settle(&s->groups[i], e))
            return false;
    return true;
}

void settings_free(struct settings *s)
{
    list_free(&s->general);
    for (size_t i = 0; i < s->napps; i++)
        list_free(&s->apps[i]);
    for (size_t i = 0; i < s->ngroups; i++)
        list_free(&s->groups[i]);
    for (size_t i = 0; i < s->ntemplates; i++) {
        struct setting_template *t = &s->templates[i];
        mem_free(t->code);
        mem_free(t->platform);
        mem_free(t->locale);
        json_decref(t->parts);
        json_decref(t->push);
        mem_free(t->title);
        mem_free(t->message);
        mem_free(t->origin);
    }
    mem_free(s->apps);
    mem_free(s->groups);
    mem_free(s->templates);
    *s = (struct settings){0};
}
