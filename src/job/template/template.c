/* SPDX-License-Identifier: MIT */
#include "job/template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "job/template/template_text.h"
#include "job/template/template_values.h"

struct template
{
    char *code, *platform, *locale; /* "": any platform, the default variant */
    char *title_text, *message_text;
    struct template_text title, message;
    json_t *parts, *push;
};

/* Sorted by code, platform, locale, so that finding is a binary search and the hash does not depend
 * on the order of the file. */
struct template_set {
    struct template **v;
    size_t n, cap;
    bool platforms; /* some entry has one */
};

/* --- the set --------------------------------------------------------------------------------- */

static void free_template(struct template *t)
{
    template_text_free(&t->title);
    template_text_free(&t->message);
    json_decref(t->parts);
    json_decref(t->push);
    mem_free(t->code);
    mem_free(t->platform);
    mem_free(t->locale);
    mem_free(t->title_text);
    mem_free(t->message_text);
    mem_free(t);
}

struct template_set *template_set_new(void)
{
    return mem_zalloc(sizeof(struct template_set));
}

void template_set_free(struct template_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        free_template(set->v[i]);
    mem_free(set->v);
    mem_free(set);
}

/* What an entry is found by; the locale is the first len bytes. */
struct key {
    const char *code, *platform, *locale;
    size_t len;
};

static int compare_keys(const struct template *t, const struct key *k)
{
    int c = strcmp(t->code, k->code);
    if (c == 0)
        c = strcmp(t->platform, k->platform);
    if (c == 0)
        c = strncmp(t->locale, k->locale, k->len);
    return c == 0 && t->locale[k->len] ? 1 : c;
}

/* Where the template is or belongs; *found says which. */
static size_t place_of_template(const struct template_set *set, const struct key *k, bool *found)
{
    size_t from = 0, to = set->n;
    *found = false;
    while (from < to && !*found) {
        size_t middle = from + (to - from) / 2;
        int c = compare_keys(set->v[middle], k);
        *found = c == 0;
        if (c < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return to < from ? from : to;
}

static void insert(struct template_set *set, struct template *t, size_t at)
{
    if (set->n == set->cap) {
        set->cap = set->cap ? 2 * set->cap : 8;
        set->v = mem_resize(set->v, set->cap * sizeof *set->v);
    }
    memmove(set->v + at + 1, set->v + at, (set->n - at) * sizeof *set->v);
    set->v[at] = t;
    set->n++;
    set->platforms |= *t->platform != '\0';
}

static bool compile_member(struct template_text *c, const char *name, const char *text,
                           struct err *e)
{
    if (!text || template_text_compile(c, text, e))
        return true;
    return err_prefix(e, name);
}

static bool compile(struct template *t, const struct template_entry *entry, struct err *e)
{
    return compile_member(&t->title, "title", entry->title, e) &&
           compile_member(&t->message, "message", entry->message, e) &&
           template_values_check(entry->parts, e) &&
           (template_values_check(entry->push, e) || err_prefix(e, "push"));
}

static bool refused(const struct key *k, struct err *e)
{
    char prefix[224];
    snprintf(prefix, sizeof prefix, "template %.128s%s%.16s%s%.32s", k->code,
             *k->platform ? " " : "", k->platform, *k->locale ? " " : "", k->locale);
    return err_prefix(e, prefix);
}

bool template_set_add_entry(struct template_set *set, const struct template_entry *entry,
                            struct err *e)
{
    bool found;
    const char *locale = entry->locale ? entry->locale : "";
    const struct key key = {entry->code, entry->platform ? entry->platform : "", locale,
                            strlen(locale)};
    size_t at = place_of_template(set, &key, &found);
    if (found) {
        err_set(e, "defined twice");
        return refused(&key, e);
    }
    struct template *t = mem_zalloc(sizeof *t);
    if (!compile(t, entry, e)) {
        free_template(t);
        return refused(&key, e);
    }
    t->code = mem_strdup(key.code);
    t->platform = mem_strdup(key.platform);
    t->locale = mem_strdup(key.locale);
    t->title_text = mem_strdup(entry->title);
    t->message_text = mem_strdup(entry->message);
    t->parts = json_incref(entry->parts);
    t->push = json_incref(entry->push);
    insert(set, t, at);
    return true;
}

bool template_set_add(struct template_set *set, const char *code, const char *locale,
                      const char *title, const char *message, struct err *e)
{
    const struct template_entry entry = {
        .code = code, .locale = locale, .title = title, .message = message};
    return template_set_add_entry(set, &entry, e);
}

/* --- finding --------------------------------------------------------------------------------- */

/* The locale one step shorter: without its last subtag. */
static size_t shorter(const char *locale, size_t len)
{
    while (len > 0 && locale[len - 1] != '-')
        len--;
    return len ? len - 1 : 0;
}

static const struct template *find_variant(const struct template_set *set, const char *code,
                                           const char *platform, const char *locale)
{
    struct key key = {code, platform, locale, strlen(locale)};
    for (;; key.len = shorter(locale, key.len)) {
        bool found;
        size_t at = place_of_template(set, &key, &found);
        if (found)
            return set->v[at];
        if (!key.len)
            return NULL;
    }
}

static void add_layers(const struct template_set *set, const char *code, const char *platform,
                       const char *locale, struct template_pick *out)
{
    const struct template *whole = find_variant(set, code, platform, "");
    const struct template *variant = locale ? find_variant(set, code, platform, locale) : whole;
    if (whole)
        out->layers[out->n++] = whole;
    if (variant && variant != whole)
        out->layers[out->n++] = variant;
}

bool template_pick(const struct template_set *set, const char *code, const char *platform,
                   const char *locale, struct template_pick *out)
{
    *out = (struct template_pick){0};
    add_layers(set, code, "", locale, out);
    if (set->platforms)
        add_layers(set, code, platform, locale, out);
    for (size_t i = 0; i < out->n; i++)
        if (out->layers[i]->message_text)
            out->text = out->layers[i];
    return out->text != NULL;
}

bool template_has_title(const struct template *t)
{
    return t->title_text != NULL;
}

/* --- hash ------------------------------------------------------------------------------------ */

/* Absent and empty differ, and so do "ab","c" and "a","bc": the text is added with its NUL. */
static uint64_t hash_template_text(uint64_t h, const char *text)
{
    h = hash_add(h, text ? "\1" : "", 1);
    return hash_add(h, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* What a template of texts alone does not have leaves its hash as it is. */
static uint64_t add_values(uint64_t h, const char *name, const json_t *values)
{
    char *text = values ? json_dumps(values, JSON_COMPACT) : NULL;
    if (text)
        h = hash_template_text(hash_template_text(h, name), text);
    free(text);
    return h;
}

static uint64_t add_template(uint64_t h, const struct template *t)
{
    h = hash_template_text(h, t->code);
    h = hash_template_text(h, t->locale);
    h = hash_template_text(h, t->title_text);
    h = hash_template_text(h, t->message_text);
    if (*t->platform)
        h = hash_template_text(hash_template_text(h, "platform"), t->platform);
    h = add_values(h, "parts", t->parts);
    return add_values(h, "push", t->push);
}

uint64_t template_set_hash(const struct template_set *set)
{
    uint64_t h = HASH_START;
    for (size_t i = 0; i < set->n; i++)
        h = add_template(h, set->v[i]);
    return h;
}

const char *template_next_code(const struct template_set *set, size_t *at, uint64_t *hash)
{
    if (*at >= set->n)
        return NULL;
    const char *code = set->v[*at]->code;
    *hash = HASH_START;
    for (; *at < set->n && strcmp(set->v[*at]->code, code) == 0; ++*at)
        *hash = add_template(*hash, set->v[*at]);
    return code;
}

/* --- rendering ------------------------------------------------------------------------------- */

static bool render_whole(const struct template *t, const struct template_text *c,
                         const struct job *job, struct buf *out, struct err *e)
{
    const char *lacks = template_text_render(c, job, out);
    return !lacks ||
           err_set(e, "template %.128s: argument {%.64s} is not in the job", t->code, lacks);
}

bool template_render(const struct template *t, const struct job *job, struct buf *title,
                     struct buf *message, struct err *e)
{
    return render_whole(t, &t->title, job, title, e) &&
           render_whole(t, &t->message, job, message, e);
}

static bool render_values(const struct template *t, json_t *values, const struct job *job,
                          json_t **out, struct err *e)
{
    char prefix[160];
    *out = values ? template_values_render(values, job, e) : NULL;
    if (*out || !values)
        return true;
    snprintf(prefix, sizeof prefix, "template %.128s", t->code);
    return err_prefix(e, prefix);
}

bool template_render_push(const struct template *t, const struct job *job, json_t **out,
                          struct err *e)
{
    return render_values(t, t->push, job, out, e);
}

bool template_render_parts(const struct template *t, const struct job *job, json_t **out,
                           struct err *e)
{
    return render_values(t, t->parts, job, out, e);
}
