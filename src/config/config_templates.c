/* SPDX-License-Identifier: MIT */
#include "config/config_templates.h"

#include <string.h>

#include "aliyun/parts.h"

static bool add_builtin(struct template_set *set, struct err *e)
{
    return template_set_add(set, "I10000", NULL, NULL,
                            "Arranging Result Initialized. (School: {0})", e) &&
           template_set_add(set, "I10001", NULL, NULL, "Arranging Result Changed. (School: {0})",
                            e) &&
           template_set_add(set, "I20000", NULL, NULL, "Restart. (School: {0})", e);
}

static int apps_platforms(const struct config *c)
{
    int platforms = 0;
    for (size_t i = 0; i < c->napps; i++) {
        const struct app *a = &c->apps[i].app;
        const char *own = json_string_value(json_object_get(a->push, "DeviceType"));
        platforms |= params_part_platforms(own ? own : a->device_type);
    }
    return platforms;
}

static bool refuse_template(const struct setting_template *t, struct err *e)
{
    char prefix[160];
    snprintf(prefix, sizeof prefix, "template %.128s", t->code);
    return err_prefix(e, prefix);
}

/* A variant for a platform is for nothing else, so that its other parameters would be mistakes. */
static bool check_template_push(const struct setting_template *t, struct err *e)
{
    const char *name;
    json_t *value;
    if (!t->platform)
        return true;
    json_object_foreach(t->push, name, value)
    {
        const struct param_row *row = params_find(name);
        if (row && row->platforms && !(row->platforms & params_platforms(t->platform)))
            return err_set(e, "push: %s: no parameter of the platform %s", name, t->platform);
    }
    return true;
}

static bool compile_template(struct template_set *set, const struct setting_template *t,
                             int platforms, struct err *e)
{
    int checked = t->platform ? params_part_platforms(t->platform) : platforms;
    if (!check_template_push(t, e))
        return refuse_template(t, e);
    json_t *parts = t->parts ? parts_expand(t->parts, checked, e) : NULL;
    if (t->parts && !parts)
        return refuse_template(t, e);
    const struct template_entry entry = {.code = t->code,
                                         .platform = t->platform,
                                         .locale = t->locale,
                                         .title = t->title,
                                         .message = t->message,
                                         .parts = parts,
                                         .push = t->push};
    bool ok = template_set_add_entry(set, &entry, e);
    json_decref(parts);
    return ok;
}

bool config_templates_read(struct config *c, const struct settings *s, struct err *e)
{
    int platforms = apps_platforms(c);
    c->templates = template_set_new();
    if (!s->templates_given)
        return add_builtin(c->templates, e);
    for (size_t i = 0; i < s->ntemplates; i++) {
        const struct setting_template *t = &s->templates[i];
        if ((t->message || t->parts || t->push) && !compile_template(c->templates, t, platforms, e))
            return err_prefix(e, t->origin);
    }
    return true;
}
