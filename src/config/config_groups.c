/* SPDX-License-Identifier: MIT */
#include "config/config_groups.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool refuse_group(const struct setting_list *list, const char *what, const char *name,
                         struct err *e)
{
    return err_set(e, "%s: group \"%.64s\": %s%.64s", list->origin,
                   settings_get(list, "name")->text, what, name);
}

static bool has(const struct config_group *g, const struct config_app *app)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->apps[i] == app)
            return true;
    return false;
}

static bool add_app(const struct config *c, const struct setting_list *list, bool calls,
                    const char *name, struct config_group *g, struct err *e)
{
    const struct config_app *app = config_app_find(c, name);
    if (!app)
        return !calls || refuse_group(list, "apps: no app ", name, e);
    if (has(g, app))
        return refuse_group(list, "apps: there twice: ", name, e);
    if (g->n == CONFIG_GROUP_MAX)
        return refuse_group(list, "apps: at most 3", "", e);
    g->apps[g->n++] = app;
    return true;
}

static bool add_apps(const struct config *c, const struct setting_list *list, bool calls,
                     struct config_group *g, struct err *e)
{
    const char *p = settings_get(list, "apps")->text;
    for (bool ok = true; ok && *p; p += *p == ',') {
        size_t len = strcspn(p, ",");
        char *name = mem_dup(p, len);
        ok = add_app(c, list, calls, name, g, e);
        mem_free(name);
        if (!ok)
            return false;
        p += len;
    }
    return true;
}

static bool read_group(const struct config *c, const struct setting_list *list, bool calls,
                       struct config_group *g, struct err *e)
{
    *g = (struct config_group){.name = settings_get(list, "name")->text};
    if (!settings_is_label(g->name))
        return refuse_group(list, "name: letters, digits, '_', '-' and '.' only", "", e);
    if (config_app_find(c, g->name))
        return refuse_group(list, "an app has that name", "", e);
    if (config_group_find(c, g->name))
        return refuse_group(list, "is there twice", "", e);
    return add_apps(c, list, calls, g, e);
}

static int compare_group_names(const void *a, const void *b)
{
    const struct config_group *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Sorted, so that the order in the file does not change the configuration's digest. */
bool config_groups_read(struct config *c, struct settings *s, bool calls, struct err *e)
{
    assert(s->ngroups <= CONFIG_GROUPS_MAX);
    c->groups = s->ngroups ? mem_zalloc(s->ngroups * sizeof *c->groups) : NULL;
    for (size_t i = 0; i < s->ngroups; i++) {
        struct config_group g;
        if (!read_group(c, &s->groups[i], calls, &g, e))
            return false;
        c->groups[c->ngroups++] = g;
    }
    if (c->groups)
        qsort(c->groups, c->ngroups, sizeof *c->groups, compare_group_names);
    return true;
}
