/* SPDX-License-Identifier: MIT */
#include "job/template/template_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "job/written/numbers.h"

enum argument { ARG_LITERAL, ARG_SCHOOL, ARG_CODE, ARG_TAGS, ARG_PARAM };

struct segment {
    enum argument kind;
    char *text; /* the literal, or the argument's name as written */
    size_t len;
};

/* --- compiling ------------------------------------------------------------------------------- */

#define PARAM_PREFIX "params."

static void add_segment(struct template_text *c, enum argument kind, const char *text, size_t len)
{
    if (kind == ARG_LITERAL && len == 0)
        return;
    c->v = mem_resize(c->v, (c->n + 1) * sizeof *c->v);
    c->v[c->n++] = (struct segment){.kind = kind, .text = mem_dup(text, len), .len = len};
}

void template_text_free(struct template_text *c)
{
    for (size_t i = 0; i < c->n; i++)
        mem_free(c->v[i].text);
    mem_free(c->v);
    *c = (struct template_text){0};
}

static bool names_argument(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* Which argument a name means; ARG_LITERAL: none. */
static enum argument argument_of(const char *name, size_t len)
{
    if (names_argument(name, len, "0") || names_argument(name, len, "school"))
        return ARG_SCHOOL;
    if (names_argument(name, len, "code"))
        return ARG_CODE;
    if (names_argument(name, len, "tags"))
        return ARG_TAGS;
    size_t prefix = strlen(PARAM_PREFIX);
    return len > prefix && memcmp(name, PARAM_PREFIX, prefix) == 0 ? ARG_PARAM : ARG_LITERAL;
}

/* The argument that p opens; *end is set behind its closing brace. */
static bool compile_argument(struct template_text *c, const char *p, const char **end,
                             struct err *e)
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

bool template_text_compile(struct template_text *c, const char *text, struct err *e)
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

/* --- rendering ------------------------------------------------------------------------------- */

static bool put_param(struct buf *out, const struct job *job, const char *name)
{
    json_t *value = json_object_get(job->params, name);
    size_t len;
    const char *number = numbers_text(value, &len);
    if (number)
        buf_add(out, number, len);
    else if (json_is_string(value))
        buf_add(out, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        buf_int(out, json_integer_value(value));
    else if (json_is_boolean(value))
        buf_puts(out, json_is_true(value) ? "true" : "false");
    else
        return false;
    return true;
}

static bool put_tag_list(struct buf *out, const struct job_list *tags)
{
    for (size_t i = 0; i < tags->n && buf_ok(out); i++) {
        if (i)
            buf_putc(out, ',');
        buf_puts(out, tags->v[i]);
    }
    return tags->n > 0;
}

static bool put_argument(struct buf *out, const char *text)
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
        return put_argument(out, job->school);
    case ARG_CODE:
        return put_argument(out, job->code);
    case ARG_TAGS:
        return put_tag_list(out, &job->tags);
    case ARG_PARAM:
        break;
    }
    return put_param(out, job, s->text + strlen(PARAM_PREFIX));
}

const char *template_text_render(const struct template_text *t, const struct job *job,
                                 struct buf *out)
{
    for (size_t i = 0; i < t->n; i++)
        if (!put_segment(out, &t->v[i], job))
            return t->v[i].text;
    return NULL;
}
