/* SPDX-License-Identifier: MIT
 * One value for one parameter: documented name, right type, allowed value. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/params.h"
#include "job/written/numbers.h"

static const char *type_wanted(const struct param_row *row)
{
    static const char *const names[] = {
        [PARAM_INT] = "an integer",  [PARAM_BOOL] = "true or false",
        [PARAM_DOUBLE] = "a number", [PARAM_JSON] = "an object, an array or JSON text",
        [PARAM_STRING] = "a string", [PARAM_TIME] = "a string",
    };
    return names[row->type];
}

static const char *type_given(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "an array",
        [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number with a fraction",
        [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",
        [JSON_NULL] = "null",
    };
    return names[json_typeof(value)];
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

bool params_check_values(const struct param_row *row, const char *text, struct err *e)
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
    if (!params_check_values(row, digits, e))
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
    if (!params_check_values(row, text, e))
        return false;
    params_set(p, row->name, text);
    return true;
}

bool params_check_json(const struct param_row *row, const json_t *value, struct err *e)
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

/* PHP has one type for lists and objects, and writes an empty one as a list. */
static bool is_php_object(const struct param_row *row, const json_t *value)
{
    return row->values && strcmp(row->values, "object") == 0 && json_is_array(value) &&
           json_array_size(value) == 0;
}

static bool override_json(struct params *p, const struct param_row *row, const json_t *value,
                          struct err *e)
{
    if (is_php_object(row, value)) {
        params_set(p, row->name, "{}");
        return true;
    }
    if (!params_check_json(row, value, e))
        return false;
    /* Member order is the producer's, so the text, and with it the token, is stable. */
    char *text = json_dumps(value, JSON_COMPACT);
    if (!text)
        return err_set(e, "%s: cannot be written as JSON", row->name);
    numbers_restore(text, strlen(text));
    params_set_copy(p, row->name, text);
    free(text);
    return true;
}

static bool override_json_text(struct params *p, const struct param_row *row, const json_t *value,
                               struct err *e)
{
    const char *text = json_string_value(value);
    json_t *parsed = numbers_load(text, json_string_length(value), 0, NULL);
    bool empty = is_php_object(row, parsed);
    bool ok = empty || params_check_json(row, parsed, e);
    json_decref(parsed);
    if (ok)
        params_set(p, row->name, empty ? "{}" : text);
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

/* The row of a parameter that may be set; NULL with e. */
static const struct param_row *find_open(const char *name, struct err *e)
{
    const struct param_row *row = params_find(name);
    if (row && !row->reserved)
        return row;
    if (row)
        err_set(e, "%s: set by pushbridge, a job cannot override it", name);
    else if (strlen(name) > 64)
        err_set(e, "a name of %zu bytes: not a parameter of Push", strlen(name));
    else
        err_set(e, "%s: not a parameter of Push", name);
    return NULL;
}

bool params_takes_text(const char *name, struct err *e)
{
    const struct param_row *row = find_open(name, e);
    if (!row || row->type == PARAM_STRING)
        return row != NULL;
    return err_set(e, "%s: must be %s, without arguments", name, type_wanted(row));
}

bool params_set_defaults(struct params *p, json_t *defaults, int platforms, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(defaults, name, value)
    {
        const struct param_row *row = params_find(name);
        bool elsewhere = row && row->platforms && !(row->platforms & platforms);
        if (!elsewhere && !params_override(p, name, value, e))
            return false;
    }
    return true;
}

bool params_override(struct params *p, const char *name, json_t *value, struct err *e)
{
    const struct param_row *row = find_open(name, e);
    if (!row)
        return false;
    if (!type_fits(row, value))
        return err_set(e, "%s: %s, must be %s", name, type_given(value), type_wanted(row));
    if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
        return err_set(e, "%s: contains a NUL character", name);
    return override_value(p, row, value, e);
}
