/* SPDX-License-Identifier: MIT */
#include "config/settings/settings_push.h"

#include <string.h>

#include "aliyun/parts.h"
#include "base/text.h"
#include "job/written/numbers.h"

enum { DEPTH_MAX = 8, TEXT_MAX = 8192 };

/* --- libconfig to JSON ----------------------------------------------------------------------- */

static json_t *to_json(const config_setting_t *c, int depth);

static json_t *to_object(const config_setting_t *c, int depth)
{
    json_t *out = json_object();
    for (int i = 0; out && i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        if (json_object_set_new(out, config_setting_name(member), to_json(member, depth))) {
            json_decref(out);
            out = NULL;
        }
    }
    return out;
}

static json_t *to_array(const config_setting_t *c, int depth)
{
    json_t *out = json_array();
    for (int i = 0; out && i < config_setting_length(c); i++)
        if (json_array_append_new(out, to_json(config_setting_get_elem(c, (unsigned)i), depth))) {
            json_decref(out);
            out = NULL;
        }
    return out;
}

/* NULL: nested too deep, a text too long or not UTF-8. */
static json_t *to_json(const config_setting_t *c, int depth)
{
    if (depth > DEPTH_MAX)
        return NULL;
    switch (config_setting_type(c)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return json_integer(config_setting_get_int64(c));
    case CONFIG_TYPE_FLOAT:
        return depth ? numbers_from_real(config_setting_get_float(c))
                     : json_real(config_setting_get_float(c));
    case CONFIG_TYPE_BOOL:
        return json_boolean(config_setting_get_bool(c));
    case CONFIG_TYPE_STRING:
        return strlen(config_setting_get_string(c)) > TEXT_MAX
                   ? NULL
                   : json_string(config_setting_get_string(c));
    case CONFIG_TYPE_GROUP:
        return to_object(c, depth + 1);
    default:
        return to_array(c, depth + 1);
    }
}

static json_t *read_value(const struct settings_reader *r, const config_setting_t *c)
{
    json_t *value = to_json(c, 0);
    if (!value)
        reader_refuse(r, c, config_setting_name(c),
                      "nested too deep, a text of more than 8192 bytes, or not UTF-8");
    return value;
}

/* JSON text is read here, so that the arguments in its own texts are found and escaped. */
static json_t *read_json_text(const struct settings_reader *r, const config_setting_t *c,
                              json_t *value)
{
    const char *text = json_string_value(value);
    json_t *parsed = numbers_load(text, strlen(text), JSON_REJECT_DUPLICATES, NULL);
    numbers_keep(parsed, text, strlen(text), numbers_everywhere, SIZE_MAX);
    json_decref(value);
    if (!parsed)
        reader_refuse(r, c, config_setting_name(c), "not the JSON text of an object or array");
    return parsed;
}

/* --- parameters ------------------------------------------------------------------------------ */

static bool check_push_value(const char *name, json_t *value, bool arguments, struct err *e)
{
    struct params scratch;
    if (arguments && json_is_string(value) && strpbrk(json_string_value(value), "{}"))
        return params_takes_text(name, e);
    params_init(&scratch);
    bool ok = params_override(&scratch, name, value, e);
    params_free(&scratch);
    return ok;
}

static bool read_param(const struct settings_reader *r, const config_setting_t *c, bool arguments,
                       json_t *out)
{
    char at[READER_AT_SIZE], prefix[READER_AT_SIZE + 8];
    const char *name = config_setting_name(c);
    const struct param_row *row = params_find(name);
    json_t *value = read_value(r, c);
    if (row && row->type == PARAM_JSON && json_is_string(value))
        value = read_json_text(r, c, value);
    if (!value)
        return false;
    json_object_set_new(out, name, value);
    if (check_push_value(name, value, arguments, r->e))
        return true;
    snprintf(prefix, sizeof prefix, "%s: push", reader_where(r, c, at));
    return err_prefix(r->e, prefix);
}

bool settings_push_read(const struct settings_reader *r, const config_setting_t *c, bool arguments,
                        json_t **out)
{
    if (!config_setting_is_group(c))
        return reader_refuse(r, c, "push", "must be a group { }");
    *out = json_object();
    for (int i = 0; i < config_setting_length(c); i++)
        if (!read_param(r, config_setting_get_elem(c, (unsigned)i), arguments, *out))
            return false;
    return true;
}

/* --- parts ----------------------------------------------------------------------------------- */

static bool is_part(const char *name)
{
    const char *part;
    for (size_t i = 0; (part = parts_name(i)); i++)
        if (strcmp(part, name) == 0)
            return true;
    return false;
}

bool settings_part_read(const struct settings_reader *r, const config_setting_t *c, json_t **out,
                        bool *found)
{
    const char *name = config_setting_name(c);
    *found = is_part(name);
    if (!*found)
        return true;
    json_t *value = read_value(r, c);
    if (strcmp(name, "ext") == 0 && json_is_string(value))
        value = read_json_text(r, c, value);
    if (!value)
        return false;
    if (!*out)
        *out = json_object();
    json_object_set_new(*out, name, value);
    return true;
}
