/* SPDX-License-Identifier: MIT */
#include "mock/check/tagexpr.h"

#include <string.h>

#include <jansson.h>

#include "base/text.h"

struct walk {
    int tags;
    struct err *err;
};

static bool check_name(const char *name, struct err *e)
{
    if (!*name)
        return err_set(e, "a tag name is empty");
    if (text_utf8_chars(name) > TAGEXPR_NAME_CHARS)
        return err_set(e, "a tag name is longer than %d characters", TAGEXPR_NAME_CHARS);
    return true;
}

static bool check_tag(struct walk *w, const json_t *value)
{
    if (!json_is_string(value))
        return err_set(w->err, "\"tag\" takes a string");
    if (++w->tags > TAGEXPR_TAGS)
        return err_set(w->err, "more than %d tags", TAGEXPR_TAGS);
    return check_name(json_string_value(value), w->err);
}

static bool check_not(struct walk *w, const json_t *value)
{
    const json_t *tag = json_object_get(value, "tag");
    if (!tag || json_object_size(value) != 1)
        return err_set(w->err, "\"not\" takes one tag");
    return check_tag(w, tag);
}

static bool is_operator(const char *name)
{
    return strcmp(name, "and") == 0 || strcmp(name, "or") == 0;
}

static bool check_node(struct walk *w, json_t *node, int level, bool *positive);

static bool check_operands(struct walk *w, json_t *list, int level)
{
    size_t n = json_array_size(list);
    bool any_positive = false;
    if (level > TAGEXPR_LEVELS)
        return err_set(w->err, "and/or nested deeper than %d levels", TAGEXPR_LEVELS);
    if (!json_is_array(list) || n < 1 || n > TAGEXPR_OPERANDS)
        return err_set(w->err, "and/or takes a list of 1 to %d operands", TAGEXPR_OPERANDS);
    for (size_t i = 0; i < n; i++) {
        bool positive = false;
        if (!check_node(w, json_array_get(list, i), level, &positive))
            return false;
        any_positive |= positive;
    }
    return any_positive || err_set(w->err, "\"not\" stands alone");
}

/* level: how many operators are around node. */
static bool check_node(struct walk *w, json_t *node, int level, bool *positive)
{
    void *member = json_object_iter(node);
    if (!member || json_object_size(node) != 1)
        return err_set(w->err, "every node is an object with one member");
    const char *name = json_object_iter_key(member);
    json_t *value = json_object_iter_value(member);
    *positive = strcmp(name, "not") != 0;
    if (!*positive)
        return check_not(w, value);
    if (strcmp(name, "tag") == 0)
        return check_tag(w, value);
    if (is_operator(name))
        return check_operands(w, value, level + 1);
    return err_set(w->err, "unknown operator");
}

bool tagexpr_check(const char *text, struct err *e)
{
    if (text[0] != '{')
        return check_name(text, e);
    size_t len = strlen(text);
    json_t *root =
        len <= TAGEXPR_BYTES_MAX ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!root)
        return err_set(e, "not a JSON object");
    struct walk w = {.err = e};
    bool positive = true;
    bool ok =
        check_node(&w, root, 0, &positive) && (positive || err_set(e, "\"not\" stands alone"));
    json_decref(root);
    return ok;
}

json_t *tagexpr_parse(const char *text)
{
    return text[0] == '{' ? json_loads(text, 0, NULL) : json_pack("{s:s}", "tag", text);
}

bool tagexpr_holds(json_t *expr, tagexpr_has *has, void *arg)
{
    json_t *tag = json_object_get(expr, "tag"), *no = json_object_get(expr, "not");
    json_t *every = json_object_get(expr, "and");
    json_t *list = every ? every : json_object_get(expr, "or");
    if (tag)
        return has(json_string_value(tag), arg);
    if (no)
        return !tagexpr_holds(no, has, arg);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (tagexpr_holds(json_array_get(list, i), has, arg) != (every != NULL))
            return !every;
    return every != NULL;
}

void tagexpr_each_positive(json_t *expr, tagexpr_visit *visit, void *arg)
{
    json_t *tag = json_object_get(expr, "tag"), *list = json_object_get(expr, "and");
    if (tag)
        visit(json_string_value(tag), arg);
    if (!list)
        list = json_object_get(expr, "or");
    for (size_t i = 0; i < json_array_size(list); i++)
        tagexpr_each_positive(json_array_get(list, i), visit, arg);
}
