/* SPDX-License-Identifier: MIT */
#include "job/job_schema.h"

#include <math.h>
#include <string.h>

enum { NAME_SHOWN = 64 };

bool reading_refuse(struct reading *r, enum reason reason, const char *fmt, ...)
{
    if (r->why->reason != REASON_NONE)
        return false;
    va_list args;
    va_start(args, fmt);
    err_set_args(&r->why->err, fmt, args);
    va_end(args);
    return job_refuse_as(r->why, reason);
}

int reading_shown(const char *name, size_t len)
{
    if (len > NAME_SHOWN)
        for (len = NAME_SHOWN; len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80;)
            len--;
    return (int)len;
}

const char *job_kind_name(const json_t *value)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "an object",
        [JSON_ARRAY] = "a list",
        [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer",
        [JSON_REAL] = "a number with a fraction or exponent",
        [JSON_TRUE] = "a boolean",
        [JSON_FALSE] = "a boolean",
        [JSON_NULL] = "null",
    };
    if (json_typeof(value) == JSON_REAL && fabs(json_real_value(value)) >= 0x1p63)
        return "a number out of range";
    return names[json_typeof(value)];
}

const char *job_kinds_name(int kinds)
{
    switch (kinds) {
    case KIND_STRING:
        return "a string";
    case KIND_INTEGER:
        return "an integer";
    case KIND_BOOLEAN:
        return "a boolean";
    case KIND_LIST:
        return "a list";
    case KIND_OBJECT:
        return "an object";
    case KIND_STRING | KIND_INTEGER:
        return "a string or an integer";
    case KIND_STRING | KIND_NUMBER:
        return "a number or its digits in a string";
    case KIND_STRING | KIND_OBJECT:
        return "a string or an object";
    default:
        return "a string, a number, a boolean or null";
    }
}

bool job_has_kind(const json_t *value, int kinds)
{
    return (kinds & 1 << json_typeof(value)) != 0;
}

static const struct member *find_member(const struct members *t, const char *key)
{
    size_t skip = strlen(t->prefix);
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].name[skip] == key[0] && strcmp(t->v[i].name + skip, key) == 0)
            return &t->v[i];
    return NULL;
}

static void read_job_member(struct reading *r, const struct members *t, const char *key,
                            json_t *value)
{
    const struct member *m = find_member(t, key);
    if (!m)
        reading_refuse(r, REASON_INVALID_JOB, "%s%.*s: unknown member", t->prefix,
                       reading_shown(key, strlen(key)), key);
    else if (!value || json_typeof(value) == JSON_NULL)
        return;
    else if (!job_has_kind(value, m->kinds))
        reading_refuse(r, REASON_INVALID_JOB, "%s: %s, must be %s", m->name, job_kind_name(value),
                       job_kinds_name(m->kinds));
    else
        m->set(r, m, value);
}

/* PHP has one type for lists and objects, and writes an empty one as a list. */
static bool is_empty_object(const struct members *t, const char *key, const json_t *value)
{
    const struct member *m = find_member(t, key);
    return m && m->kinds & KIND_OBJECT && json_is_array(value) && json_array_size(value) == 0;
}

void members_read(struct reading *r, const struct members *t, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (is_empty_object(t, key, value)) {
            json_object_set_new_nocheck(object, key, json_object());
            value = json_object_get(object, key);
        }
        read_job_member(r, t, key, value);
    }
}

size_t members_given(json_t *object)
{
    const char *key;
    json_t *value;
    size_t n = 0;
    json_object_foreach(object, key, value) n += !json_is_null(value);
    return n;
}
