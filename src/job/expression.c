/* SPDX-License-Identifier: MIT */
#include "job/expression.h"

#include <string.h>

#include "base/minmax.h"
#include "base/text.h"

/* --- checking ------------------------------------------------------------------------------- */

struct walk {
    const struct expression_limits *limits;
    size_t tags;
    struct err *e;
};

bool expression_check_name(const char *name, size_t tag_chars, struct err *e)
{
    if (!*name)
        return err_set(e, "a tag name is empty");
    /* A character has at least one byte, so most names need no counting. */
    if (strlen(name) <= tag_chars)
        return true;
    size_t chars = text_utf8_chars(name);
    if (chars > tag_chars)
        return err_set(e, "a tag name of %zu characters, at most %zu", chars, tag_chars);
    return true;
}

static bool check_tag_name(struct walk *w, const json_t *name)
{
    if (!json_is_string(name))
        return err_set(w->e, "\"tag\" takes a string");
    if (++w->tags > w->limits->tags)
        return err_set(w->e, "more than %zu tags in one expression", w->limits->tags);
    return expression_check_name(json_string_value(name), w->limits->tag_chars, w->e);
}

static bool check_not_operand(struct walk *w, const json_t *operand)
{
    const json_t *name = json_object_get(operand, "tag");
    if (!name || json_object_size(operand) != 1)
        return err_set(w->e, "\"not\" takes one tag");
    return check_tag_name(w, name);
}

static bool check_expression_node(struct walk *w, json_t *node, size_t level, bool *positive);

static bool check_operand_list(struct walk *w, const char *op, const json_t *list, size_t level)
{
    const size_t n = json_array_size(list);
    bool any_positive = false;
    if (level > w->limits->depth)
        return err_set(w->e, "\"and\"/\"or\" nested %zu levels deep, at most %zu", level,
                       w->limits->depth);
    if (!json_is_array(list) || n == 0)
        return err_set(w->e, "\"%s\" takes a list of operands", op);
    if (n > w->limits->operands)
        return err_set(w->e, "\"%s\" with %zu operands, at most %zu", op, n, w->limits->operands);
    for (size_t i = 0; i < n; i++) {
        bool positive = true;
        if (!check_expression_node(w, json_array_get(list, i), level, &positive))
            return false;
        any_positive |= positive;
    }
    return any_positive || err_set(w->e, "\"not\" needs a positive operand beside it");
}

/* level: how many and/or are around the node. */
static bool check_expression_node(struct walk *w, json_t *node, size_t level, bool *positive)
{
    void *member = json_object_iter(node);
    if (!member || json_object_size(node) != 1)
        return err_set(w->e, "every node is an object with one member");
    const char *op = json_object_iter_key(member);
    const json_t *value = json_object_iter_value(member);
    *positive = strcmp(op, "not") != 0;
    if (!*positive)
        return check_not_operand(w, value);
    if (strcmp(op, "tag") == 0)
        return check_tag_name(w, value);
    if (strcmp(op, "and") == 0 || strcmp(op, "or") == 0)
        return check_operand_list(w, op, value, level + 1);
    return err_set(w->e, "unknown operator \"%.32s\"", op);
}

bool expression_check(json_t *root, const struct expression_limits *limits, struct err *e)
{
    struct walk w = {.limits = limits, .e = e};
    bool positive = true;
    if (!check_expression_node(&w, root, 0, &positive))
        return false;
    return positive || err_set(e, "\"not\" cannot stand alone");
}

/* --- writing -------------------------------------------------------------------------------- */

#define put(b, literal) buf_add((b), "" literal, sizeof(literal) - 1)

static void write_tag(struct buf *b, const char *name)
{
    put(b, "{\"tag\":");
    buf_json_raw(b, name, strlen(name));
    put(b, "}");
}

static void write_or(struct buf *b, const char *const *tags, size_t n)
{
    put(b, "{\"or\":[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            put(b, ",");
        write_tag(b, tags[i]);
    }
    put(b, "]}");
}

void expression_write_name(struct buf *b, const char *name)
{
    if (name[0] == '{')
        write_tag(b, name);
    else
        buf_puts(b, name);
}

size_t expression_any_max(const struct expression_limits *l)
{
    const size_t carried = l->depth == 0   ? 1
                           : l->depth == 1 ? l->operands
                                           : l->operands * l->operands;
    const size_t max = min_size(carried, l->tags);
    return max ? max : 1; /* a bare name is no expression */
}

void expression_write_any(struct buf *b, const char *const *tags, size_t n, size_t operands)
{
    if (n == 1) {
        expression_write_name(b, tags[0]);
        return;
    }
    if (n <= operands) {
        write_or(b, tags, n);
        return;
    }
    put(b, "{\"or\":[");
    for (size_t i = 0; i < n; i += operands) {
        if (i)
            put(b, ",");
        write_or(b, tags + i, min_size(operands, n - i));
    }
    put(b, "]}");
}

size_t expression_mine_max(const struct expression_limits *l)
{
    if (l->depth < 2 || l->operands < 2 || l->tags < 2)
        return 0;
    return min_size(l->operands, l->tags - 1);
}

/* A group is the school and operands − 1 exclusions, so a full one costs `operands` tags. The
 * outer `and` holds my `or` and at most operands − 1 groups. */
size_t expression_excluded_max(const struct expression_limits *l, size_t nmine)
{
    const size_t per_group = l->operands - 1;
    const size_t budget = l->tags > nmine ? l->tags - nmine : 0;
    const size_t rest = budget % l->operands;
    const size_t n = budget / l->operands * per_group + (rest ? rest - 1 : 0);
    return min_size(n, per_group * per_group);
}

static void write_group(struct buf *b, const char *school, const char *const *excluded, size_t n)
{
    put(b, ",{\"and\":[");
    write_tag(b, school);
    for (size_t i = 0; i < n; i++) {
        put(b, ",{\"not\":");
        write_tag(b, excluded[i]);
        put(b, "}");
    }
    put(b, "]}");
}

void expression_write_part(struct buf *b, const struct expression_part *part, size_t operands)
{
    put(b, "{\"and\":[");
    if (part->nexcluded == 0) {
        write_tag(b, part->school);
        put(b, ",");
    }
    write_or(b, part->mine, part->nmine);
    for (size_t i = 0; i < part->nexcluded; i += operands - 1)
        write_group(b, part->school, part->excluded + i,
                    min_size(operands - 1, part->nexcluded - i));
    put(b, "]}");
}
