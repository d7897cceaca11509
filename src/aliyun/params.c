/* SPDX-License-Identifier: MIT */
#include "aliyun/params.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Values that do not fit into the list's own space, some to a block. */
enum { BLOCK = 4096 };
struct params_text {
    struct params_text *next;
    size_t used, size;
    char text[];
};

/* --- the list ------------------------------------------------------------------------------- */

void params_init(struct params *p)
{
    p->v = p->small;
    p->n = p->ntext = 0;
    p->cap = PARAMS_INLINE;
    p->owned = NULL;
}

void params_free(struct params *p)
{
    if (p->v != p->small)
        mem_free(p->v);
    while (p->owned) {
        struct params_text *next = p->owned->next;
        mem_free(p->owned);
        p->owned = next;
    }
    params_init(p);
}

static struct param *find(const struct params *p, const char *name)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->v[i].name, name) == 0)
            return &p->v[i];
    return NULL;
}

static void grow(struct params *p)
{
    assert(p->n < PARAMS_MAX);
    size_t size = p->n * sizeof *p->v;
    struct param *v =
        p->v == p->small ? memcpy(mem_alloc(2 * size), p->small, size) : mem_resize(p->v, 2 * size);
    p->v = v;
    p->cap *= 2;
}

void params_append(struct params *p, const char *name, const char *value)
{
    if (p->n == p->cap)
        grow(p);
    p->v[p->n++] = (struct param){name, value};
}

void params_set(struct params *p, const char *name, const char *value)
{
    struct param *old = find(p, name);
    if (old)
        old->value = value;
    else
        params_append(p, name, value);
}

/* Room for a value of len bytes and its NUL that lives as long as the list. */
static char *own(struct params *p, size_t len)
{
    if (len < PARAMS_TEXT - p->ntext) {
        char *text = p->text + p->ntext;
        p->ntext += len + 1;
        return text;
    }
    struct params_text *t = p->owned;
    if (!t || t->size - t->used <= len) {
        size_t size = len < BLOCK ? BLOCK : len + 1;
        t = mem_alloc(sizeof *t + size);
        *t = (struct params_text){.next = p->owned, .size = size};
        p->owned = t;
    }
    t->used += len + 1;
    return t->text + t->used - len - 1;
}

void params_set_copy(struct params *p, const char *name, const char *value)
{
    size_t len = strlen(value);
    params_set(p, name, memcpy(own(p, len), value, len + 1));
}

void params_append_copy(struct params *p, const char *prefix, const char *name, const char *value)
{
    size_t before = strlen(prefix), len = strlen(name), size = strlen(value);
    char *full = own(p, before + len);
    memcpy(full, prefix, before);
    memcpy(full + before, name, len + 1);
    params_append(p, full, memcpy(own(p, size), value, size + 1));
}

void params_set_int(struct params *p, const char *name, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    params_set_copy(p, name, digits);
}

const char *params_get(const struct params *p, const char *name)
{
    const struct param *found = find(p, name);
    return found ? found->value : NULL;
}

static int by_name(const void *a, const void *b)
{
    const struct param *x = a, *y = b;
    return strcmp(x->name, y->name);
}

void params_sort(struct params *p)
{
    qsort(p->v, p->n, sizeof *p->v, by_name);
}

/* --- the table ------------------------------------------------------------------------------ */

static int row_cmp(const void *name, const void *row)
{
    return strcmp(name, ((const struct param_row *)row)->name);
}

const struct param_row *params_find(const char *name)
{
    return bsearch(name, params_push, params_push_count, sizeof params_push[0], row_cmp);
}

/* --- overrides ------------------------------------------------------------------------------ */

static const char *type_wanted(const struct param_row *row)
{
    switch (row->type) {
    case PARAM_INT:
        return "an integer";
    case PARAM_BOOL:
        return "true or false";
    case PARAM_DOUBLE:
        return "a number";
    case PARAM_JSON:
        return "an object, an array or JSON text";
    case PARAM_STRING:
    case PARAM_TIME:
        break;
    }
    return "a string";
}

static const char *type_given(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

static bool type_fits(const struct param_row *row, const json_t *value)
{
    switch (row->type) {
    case PARAM_INT:
        return json_is_integer(value);
    case PARAM_BOOL:
        return json_is_boolean(value);
    case PARAM_DOUBLE:
        return json_is_number(value);
    case PARAM_JSON:
        return json_is_object(value) || json_is_array(value) || json_is_string(value);
    case PARAM_STRING:
    case PARAM_TIME:
        break;
    }
    return json_is_string(value);
}

/* Is the word of len bytes one of "A|B|C"? */
static bool word_allowed(const char *values, const char *word, size_t len)
{
    for (const char *v = values;; v++) {
        size_t n = strcspn(v, "|");
        if (n == len && memcmp(v, word, n) == 0)
            return true;
        v += n;
        if (!*v)
            return false;
    }
}

static bool value_allowed(const struct param_row *row, const char *text)
{
    if (!row->list)
        return word_allowed(row->values, text, strlen(text));
    for (;; text++) {
        size_t n = strcspn(text, ",");
        if (!word_allowed(row->values, text, n))
            return false;
        text += n;
        if (!*text)
            return true;
    }
}

static bool check_values(const struct param_row *row, const char *text, struct err *e)
{
    if (row->values && !value_allowed(row, text))
        return err_set(e, "%s: must be %s of %s", row->name, row->list ? "a comma list" : "one",
                       row->values);
    return true;
}

static bool override_int(struct params *p, const struct param_row *row, const json_t *value,
                         struct err *e)
{
    int64_t n = json_integer_value(value);
    char digits[24];
    if (row->min < row->max && (n < row->min || n > row->max))
        return err_set(e, "%s: %" PRId64 " is not in %" PRId64 " … %" PRId64, row->name, n,
                       row->min, row->max);
    snprintf(digits, sizeof digits, "%" PRId64, n);
    if (!check_values(row, digits, e))
        return false;
    params_set_copy(p, row->name, digits);
    return true;
}

static bool override_double(struct params *p, const struct param_row *row, const json_t *value,
                            struct err *e)
{
    double d = json_number_value(value);
    char digits[32];
    if (row->min < row->max && !(d >= (double)row->min && d <= (double)row->max))
        return err_set(e, "%s: is not in %" PRId64 " … %" PRId64, row->name, row->min, row->max);
    snprintf(digits, sizeof digits, "%.15g", d);
    params_set_copy(p, row->name, digits);
    return true;
}

static bool override_string(struct params *p, const struct param_row *row, const json_t *value,
                            struct err *e)
{
    const char *text = json_string_value(value);
    if (!check_values(row, text, e))
        return false;
    params_set(p, row->name, text);
    return true;
}

static bool check_json(const struct param_row *row, const json_t *value, struct err *e)
{
    if (!json_is_object(value) && !json_is_array(value))
        return err_set(e, "%s: not the JSON text of an object or array", row->name);
    if (row->values && strcmp(row->values, json_is_object(value) ? "object" : "array") != 0)
        return err_set(e, "%s: %s, must be an %s", row->name, type_given(value), row->values);
    if (row->max && json_array_size(value) > (size_t)row->max)
        return err_set(e, "%s: %zu elements, at most %" PRId64, row->name, json_array_size(value),
                       row->max);
    return true;
}

static bool override_json(struct params *p, const struct param_row *row, const json_t *value,
                          struct err *e)
{
    if (!check_json(row, value, e))
        return false;
    /* Member order is the producer's, so the text, and with it the token, is stable. */
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT);
    if (!len)
        return err_set(e, "%s: cannot be written as JSON", row->name);
    char *text = own(p, len);
    json_dumpb(value, text, len, JSON_COMPACT);
    text[len] = '\0';
    params_set(p, row->name, text);
    return true;
}

static bool override_json_text(struct params *p, const struct param_row *row, const json_t *value,
                               struct err *e)
{
    json_t *parsed = json_loadb(json_string_value(value), json_string_length(value), 0, NULL);
    bool ok = check_json(row, parsed, e);
    json_decref(parsed);
    if (ok)
        params_set(p, row->name, json_string_value(value));
    return ok;
}

static bool override_value(struct params *p, const struct param_row *row, const json_t *value,
                           struct err *e)
{
    switch (row->type) {
    case PARAM_INT:
        return override_int(p, row, value, e);
    case PARAM_BOOL:
        params_set(p, row->name, json_is_true(value) ? "true" : "false");
        return true;
    case PARAM_DOUBLE:
        return override_double(p, row, value, e);
    case PARAM_JSON:
        return json_is_string(value) ? override_json_text(p, row, value, e)
                                     : override_json(p, row, value, e);
    case PARAM_STRING:
    case PARAM_TIME:
        break;
    }
    return override_string(p, row, value, e);
}

bool params_override(struct params *p, const char *name, json_t *value, struct err *e)
{
    const struct param_row *row = params_find(name);
    if (!row && strlen(name) > 64)
        return err_set(e, "a name of %zu bytes: not a parameter of Push", strlen(name));
    if (!row)
        return err_set(e, "%s: not a parameter of Push", name);
    if (row->reserved)
        return err_set(e, "%s: set by pushbridge, a job cannot override it", name);
    if (!type_fits(row, value))
        return err_set(e, "%s: %s, must be %s", name, type_given(value), type_wanted(row));
    if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
        return err_set(e, "%s: contains a NUL character", name);
    return override_value(p, row, value, e);
}
