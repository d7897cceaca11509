/* SPDX-License-Identifier: MIT */
#include "job/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum argument { ARG_LITERAL, ARG_SCHOOL, ARG_CODE, ARG_TAGS, ARG_PARAM };

struct segment {
    enum argument kind;
    char *text; /* the literal, or the argument's name as written */
    size_t len;
};

struct compiled {
    struct segment *v;
    size_t n;
};

struct template
{
    char *code, *locale; /* locale "": the default variant */
    char *title_text, *message_text;
    struct compiled title, message;
};

/* Sorted by code, then locale, so that finding is a binary search and the hash does not depend on
 * the order of the file. */
struct template_set {
    struct template **v;
    size_t n, cap;
};

/* --- compiling ------------------------------------------------------------------------------- */

#define PARAM_PREFIX "params."

static void add_segment(struct compiled *c, enum argument kind, const char *text, size_t len)
{
    if (kind == ARG_LITERAL && len == 0)
        return;
    c->v = mem_resize(c->v, (c->n + 1) * sizeof *c->v);
    c->v[c->n++] = (struct segment){.kind = kind, .text = mem_dup(text, len), .len = len};
}

static void free_compiled(struct compiled *c)
{
    for (size_t i = 0; i < c->n; i++)
        mem_free(c->v[i].text);
    mem_free(c->v);
    *c = (struct compiled){0};
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* Which argument a name means; ARG_LITERAL: none. */
static enum argument argument_of(const char *name, size_t len)
{
    if (is_word(name, len, "0") || is_word(name, len, "school"))
        return ARG_SCHOOL;
    if (is_word(name, len, "code"))
        return ARG_CODE;
    if (is_word(name, len, "tags"))
        return ARG_TAGS;
    size_t prefix = strlen(PARAM_PREFIX);
    return len > prefix && memcmp(name, PARAM_PREFIX, prefix) == 0 ? ARG_PARAM : ARG_LITERAL;
}

/* The argument that p opens; *end is set behind its closing brace. */
static bool compile_argument(struct compiled *c, const char *p, const char **end, struct err *e)
{
    const char *name = p + 1;
    size_t len = strcspn(name, "{}");
    if (name[len] != '}')
        return err_set(e, "'{' without '}' (a literal brace is written twice)");
    enum argument kind = argument_of(name, len);
    if (kind == ARG_LITERAL)
        return err_set(e, "unknown argument {%.*s}; known: 0, school, code, tags, params.NAME",
                       len < 64 ? (int)len : 64, name);
    add_segment(c, kind, name, len);
    *end = name + len + 1;
    return true;
}

static bool compile(struct compiled *c, const char *text, struct err *e)
{
    if (!text_is_utf8(text, strlen(text)))
        return err_set(e, "not valid UTF-8");
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "{}");
        if (p[len] && p[len] == p[len + 1]) {
            add_segment(c, ARG_LITERAL, p, len + 1);
            p += len + 2;
            continue;
        }
        add_segment(c, ARG_LITERAL, p, len);
        p += len;
        if (*p == '}')
            return err_set(e, "'}' without '{' (a literal brace is written twice)");
        if (*p == '{' && !compile_argument(c, p, &p, e))
            return false;
    }
    return true;
}

/* --- the set --------------------------------------------------------------------------------- */

static void free_template(struct template *t)
{
    free_compiled(&t->title);
    free_compiled(&t->message);
    mem_free(t->code);
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

/* Orders a template against a code and the first len bytes of a locale. */
static int compare(const struct template *t, const char *code, const char *locale, size_t len)
{
    int c = strcmp(t->code, code);
    if (c == 0)
        c = strncmp(t->locale, locale, len);
    return c == 0 && t->locale[len] ? 1 : c;
}

/* Where the template is or belongs; *found says which. */
static size_t place_of(const struct template_set *set, const char *code, const char *locale,
                       size_t len, bool *found)
{
    size_t from = 0, to = set->n;
    *found = false;
    while (from < to && !*found) {
        size_t middle = from + (to - from) / 2;
        int c = compare(set->v[middle], code, locale, len);
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
}

static bool compile_member(struct compiled *c, const char *name, const char *text, struct err *e)
{
    if (!text || compile(c, text, e))
        return true;
    return err_prefix(e, name);
}

static bool refused(const char *code, const char *locale, struct err *e)
{
    char prefix[192];
    snprintf(prefix, sizeof prefix, "template %.128s%s%.32s", code, *locale ? " " : "", locale);
    return err_prefix(e, prefix);
}

bool template_set_add(struct template_set *set, const char *code, const char *locale,
                      const char *title, const char *message, struct err *e)
{
    bool found;
    const char *variant = locale ? locale : "";
    size_t at = place_of(set, code, variant, strlen(variant), &found);
    if (found) {
        err_set(e, "defined twice");
        return refused(code, variant, e);
    }
    struct template *t = mem_zalloc(sizeof *t);
    if (!compile_member(&t->title, "title", title, e) ||
        !compile_member(&t->message, "message", message, e)) {
        free_template(t);
        return refused(code, variant, e);
    }
    t->code = mem_strdup(code);
    t->locale = mem_strdup(variant);
    t->title_text = mem_strdup(title);
    t->message_text = mem_strdup(message);
    insert(set, t, at);
    return true;
}

/* The locale one step shorter: without its last subtag. */
static size_t shorter(const char *locale, size_t len)
{
    while (len > 0 && locale[len - 1] != '-')
        len--;
    return len ? len - 1 : 0;
}

const struct template *template_find(const struct template_set *set, const char *code,
                                     const char *locale)
{
    const char *asked = locale ? locale : "";
    for (size_t len = strlen(asked);; len = shorter(asked, len)) {
        bool found;
        size_t at = place_of(set, code, asked, len, &found);
        if (found)
            return set->v[at];
        if (!len)
            return NULL;
    }
}

bool template_has_title(const struct template *t)
{
    return t->title_text != NULL;
}

static uint64_t hash_text(uint64_t h, const char *text)
{
    static const uint64_t fnv_prime = UINT64_C(0x100000001b3);
    h = (h ^ (text ? 1 : 0)) * fnv_prime; /* absent and empty differ */
    for (; text && *text; text++)
        h = (h ^ (unsigned char)*text) * fnv_prime;
    return h * fnv_prime; /* as if by a NUL: "ab","c" and "a","bc" differ */
}

uint64_t template_set_hash(const struct template_set *set)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < set->n; i++) {
        h = hash_text(h, set->v[i]->code);
        h = hash_text(h, set->v[i]->locale);
        h = hash_text(h, set->v[i]->title_text);
        h = hash_text(h, set->v[i]->message_text);
    }
    return h;
}

/* --- rendering ------------------------------------------------------------------------------- */

/* The fewest digits that read back as the same number: 19.9, not 19.899999999999999. */
static void put_real(struct buf *out, json_t *value)
{
    char text[64];
    for (size_t digits = 15; digits <= 17; digits++) {
        size_t n =
            json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        text[n < sizeof text ? n : 0] = '\0';
        if (strtod(text, NULL) == json_real_value(value))
            break;
    }
    buf_puts(out, text);
}

static bool put_param(struct buf *out, const struct job *job, const char *name)
{
    json_t *value = json_object_get(job->params, name);
    if (json_is_string(value))
        buf_add(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_int(out, json_integer_value(value));
    else if (json_is_real(value))
        put_real(out, value);
    else if (json_is_boolean(value))
        buf_puts(out, json_is_true(value) ? "true" : "false");
    else
        return false;
    return true;
}

static bool put_tags(struct buf *out, const struct job_list *tags)
{
    for (size_t i = 0; i < tags->n; i++) {
        if (i)
            buf_putc(out, ',');
        buf_puts(out, tags->v[i]);
    }
    return tags->n > 0;
}

static bool put_text(struct buf *out, const char *text)
{
    if (text)
        buf_puts(out, text);
    return text != NULL;
}

static bool put_segment(struct buf *out, const struct segment *s, const struct job *job)
{
    switch (s->kind) {
    case ARG_LITERAL:
        buf_add(out, s->text, s->len);
        return true;
    case ARG_SCHOOL:
        return put_text(out, job->school);
    case ARG_CODE:
        return put_text(out, job->code);
    case ARG_TAGS:
        return put_tags(out, &job->tags);
    case ARG_PARAM:
        break;
    }
    return put_param(out, job, s->text + strlen(PARAM_PREFIX));
}

static bool render(const struct template *t, const struct compiled *c, const struct job *job,
                   struct buf *out, struct err *e)
{
    for (size_t i = 0; i < c->n; i++)
        if (!put_segment(out, &c->v[i], job))
            return err_set(e, "template %.128s: argument {%.64s} is not in the job", t->code,
                           c->v[i].text);
    return true;
}

bool template_render(const struct template *t, const struct job *job, struct buf *title,
                     struct buf *message, struct err *e)
{
    return render(t, &t->title, job, title, e) && render(t, &t->message, job, message, e);
}
