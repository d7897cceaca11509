/* SPDX-License-Identifier: MIT */
#include "job/template/template_values.h"

#include <string.h>

#include "job/template/template_text.h"

enum { DEPTH_MAX = 16 };

/* Does a text hold arguments, or braces that stand for themselves? */
static bool has_dynamic_text(json_t *values)
{
    const char *name;
    json_t *v;
    size_t i;
    if (json_is_string(values))
        return strpbrk(json_string_value(values), "{}") != NULL;
    json_object_foreach(values, name, v) if (has_dynamic_text(v)) return true;
    json_array_foreach(values, i, v) if (has_dynamic_text(v)) return true;
    return false;
}

static bool check_value_text(const char *text, struct err *e)
{
    struct template_text t = {0};
    bool ok = template_text_compile(&t, text, e);
    template_text_free(&t);
    return ok;
}

static bool check_values(json_t *values, int depth, struct err *e)
{
    const char *name;
    json_t *v;
    size_t i;
    if (depth > DEPTH_MAX)
        return err_set(e, "nested deeper than %d", (int)DEPTH_MAX);
    if (json_is_string(values))
        return check_value_text(json_string_value(values), e);
    json_object_foreach(values, name, v)
    {
        if (!check_values(v, depth + 1, e))
            return err_prefix(e, name);
    }
    json_array_foreach(values, i, v)
    {
        if (!check_values(v, depth + 1, e))
            return false;
    }
    return true;
}

bool template_values_check(json_t *values, struct err *e)
{
    return check_values(values, 0, e);
}

/* --- rendering ------------------------------------------------------------------------------- */

static json_t *render_text(const char *text, const struct job *job, struct err *e)
{
    struct template_text t = {0};
    struct buf out;
    json_t *made = NULL;
    buf_init(&out, TEMPLATE_TEXT_MAX);
    const char *lacks =
        template_text_compile(&t, text, e) ? template_text_render(&t, job, &out) : "";
    if (lacks && *lacks)
        err_set(e, "argument {%.64s} is not in the job", lacks);
    else if (!buf_ok(&out))
        err_set(e, "a text of more than %d bytes", (int)TEMPLATE_TEXT_MAX);
    else if (!lacks && !(made = json_stringn(buf_text(&out), out.len)))
        err_set(e, "not valid UTF-8");
    template_text_free(&t);
    buf_free(&out);
    return made;
}

static json_t *render_object(json_t *values, const struct job *job, struct err *e)
{
    const char *name;
    json_t *v, *out = json_object();
    json_object_foreach(values, name, v)
    {
        json_t *made = template_values_render(v, job, e);
        if (!made) {
            err_prefix(e, name);
            json_decref(out);
            return NULL;
        }
        json_object_set_new_nocheck(out, name, made);
    }
    return out;
}

static json_t *render_array(json_t *values, const struct job *job, struct err *e)
{
    size_t i;
    json_t *v, *out = json_array();
    json_array_foreach(values, i, v)
    {
        json_t *made = template_values_render(v, job, e);
        if (!made) {
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, made);
    }
    return out;
}

json_t *template_values_render(json_t *values, const struct job *job, struct err *e)
{
    if (!has_dynamic_text(values))
        return json_incref(values);
    if (json_is_string(values))
        return render_text(json_string_value(values), job, e);
    return json_is_object(values) ? render_object(values, job, e) : render_array(values, job, e);
}
