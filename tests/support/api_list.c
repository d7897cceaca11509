/* SPDX-License-Identifier: MIT */
#include "support/api_list.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support/cmocka.h"

enum { LIST_NAME_MAX = 128, LIST_ELEMENTS_MAX = 100 };

/* Read once, and reachable until the test ends. */
static json_t *api_actions;

json_t *api_list_load(const char *path)
{
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (!root)
        fail_msg("%s cannot be read", path);
    return root;
}

static const json_t *rows_of(const char *action)
{
    if (!api_actions) {
        json_t *root = api_list_load("tests/vectors/api-metadata.json");
        json_t *later = api_list_load("tests/vectors/api-later.json");
        const char *name;
        json_t *entry;
        api_actions = json_incref(json_object_get(root, "actions"));
        json_object_foreach(json_object_get(later, "actions"), name, entry)
        {
            json_array_extend(json_object_get(json_object_get(api_actions, name), "parameters"),
                              json_object_get(entry, "parameters"));
        }
        json_decref(root);
        json_decref(later);
    }
    return json_object_get(json_object_get(api_actions, action), "parameters");
}

const char *api_list_member(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

static const json_t *find_row(const json_t *rows, const char *name, size_t len)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *listed = api_list_member(row, "name");
        if (strlen(listed) == len && memcmp(listed, name, len) == 0)
            return row;
    }
    return NULL;
}

/* "3.Title" of "PushTask.3.Title": the field, and the element's number. */
static const char *field_of(const char *rest, int64_t *index)
{
    char number[8];
    size_t len = strcspn(rest, ".");
    if (rest[len] != '.' || len == 0 || len >= sizeof number || rest[0] == '0')
        return NULL;
    memcpy(number, rest, len);
    number[len] = '\0';
    return text_int(number, 1, LIST_ELEMENTS_MAX, index) ? rest + len + 1 : NULL;
}

/* The listed type of a name on the wire, or NULL. */
static const char *type_of(const json_t *rows, const char *name)
{
    int64_t index;
    size_t len = strcspn(name, ".");
    const json_t *row = find_row(rows, name, len);
    const char *type = row ? api_list_member(row, "type") : NULL;
    if (!type || !name[len])
        return type && strcmp(type, "RepeatList") != 0 ? type : NULL;
    const char *rest = name + len + 1;
    if (strcmp(type, "Struct") == 0)
        return *rest ? "String" : NULL;
    if (strcmp(type, "RepeatList") != 0 || !(rest = field_of(rest, &index)))
        return NULL;
    return type_of(json_object_get(row, "fields"), rest);
}

static bool is_double(const char *value)
{
    char *end;
    double d = strtod(value, &end);
    return *value && !*end && isfinite(d);
}

static bool is_json(const char *value)
{
    json_t *root = json_loads(value, JSON_DECODE_ANY, NULL);
    json_decref(root);
    return root != NULL;
}

static bool value_fits(const char *type, const char *value)
{
    int64_t n;
    if (strcmp(type, "Integer") == 0)
        return text_int(value, INT32_MIN, INT32_MAX, &n);
    if (strcmp(type, "Long") == 0)
        return text_int(value, INT64_MIN, INT64_MAX, &n);
    if (strcmp(type, "Boolean") == 0)
        return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    if (strcmp(type, "Double") == 0)
        return is_double(value);
    if (strcmp(type, "String") == 0)
        return text_is_utf8(value, strlen(value));
    return is_json(value);
}

const char *api_list_type(const char *action, const char *name)
{
    return type_of(rows_of(action), name);
}

bool api_list_check_one(const char *action, const char *name, const char *value, struct err *e)
{
    const char *type = type_of(rows_of(action), name);
    if (!type)
        return err_set(e, "%s: not on the list of %s", name, action);
    return value_fits(type, value) || err_set(e, "%s: not a value of type %s", name, type);
}

static bool is_given(const struct param *v, size_t n, const char *prefix, const char *name)
{
    char full[LIST_NAME_MAX];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, full) == 0)
            return true;
    return false;
}

static bool starts_any(const struct param *v, size_t n, const char *prefix)
{
    for (size_t i = 0; i < n; i++)
        if (text_starts(v[i].name, prefix))
            return true;
    return false;
}

static bool required_given(const json_t *rows, const char *prefix, const struct param *v, size_t n,
                           struct err *e);

/* Elements are 1, 2, … without a gap, each with what it requires. */
static bool elements_given(const json_t *row, const struct param *v, size_t n, struct err *e)
{
    char prefix[LIST_NAME_MAX];
    bool gap = false;
    for (int i = 1; i <= LIST_ELEMENTS_MAX; i++) {
        snprintf(prefix, sizeof prefix, "%s.%d.", api_list_member(row, "name"), i);
        bool given = starts_any(v, n, prefix);
        if (given && gap)
            return err_set(e, "%s: a gap before %d", api_list_member(row, "name"), i);
        if (given && !required_given(json_object_get(row, "fields"), prefix, v, n, e))
            return false;
        gap |= !given;
        if (i == 1 && gap && json_is_true(json_object_get(row, "required")))
            return err_set(e, "%.*s is required", (int)strlen(prefix) - 1, prefix);
    }
    return true;
}

static bool required_given(const json_t *rows, const char *prefix, const struct param *v, size_t n,
                           struct err *e)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *name = api_list_member(row, "name");
        if (strcmp(api_list_member(row, "type"), "RepeatList") == 0) {
            if (!elements_given(row, v, n, e))
                return false;
        } else if (json_is_true(json_object_get(row, "required")) &&
                   !is_given(v, n, prefix, name)) {
            return err_set(e, "%s%s is required", prefix, name);
        }
    }
    return true;
}

bool api_list_check(const char *action, const struct param *v, size_t n, struct err *e)
{
    const json_t *rows = rows_of(action);
    if (!rows)
        return err_set(e, "%s: no such action", action);
    for (size_t i = 0; i < n; i++) {
        if (!api_list_check_one(action, v[i].name, v[i].value, e))
            return false;
        if (is_given(v, i, "", v[i].name))
            return err_set(e, "%s: given twice", v[i].name);
    }
    return required_given(rows, "", v, n, e);
}

bool api_list_is_common(const char *name)
{
    static const char *const names[] = {"AccessKeyId",    "Action",           "Format",
                                        "RegionId",       "SecurityToken",    "Signature",
                                        "SignatureNonce", "SignatureVersion", "Timestamp",
                                        "Version",        "SignatureMethod"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

void assert_on_list(const char *action, const struct param *v, size_t n)
{
    struct err e = {""};
    if (!api_list_check(action, v, n, &e))
        fail_msg("%s", e.text);
}
