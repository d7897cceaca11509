/* SPDX-License-Identifier: MIT */
#include "worker/groups_apart.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"

enum { APPS_SIZE = 1024 };

static void write_names(const struct config_group *g, struct buf *out)
{
    buf_init(out, APPS_SIZE);
    for (size_t i = 0; i < g->n; i++) {
        buf_puts(out, i ? "," : "");
        buf_puts(out, g->apps[i]->app.name);
    }
}

void groups_apart_write(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->ngroups; i++) {
        struct buf names;
        write_names(&config->groups[i], &names);
        buf_puts(out, i ? "," : ",\"group_apps\":[");
        buf_json_or_null(out, buf_text(&names));
        buf_free(&names);
    }
    if (config->ngroups)
        buf_putc(out, ']');
}

/* What a worker says of a group; NULL: nothing. */
static const char *apps_of(const json_t *words, const char *group)
{
    const json_t *names = json_object_get(words, "groups");
    const json_t *apps = json_object_get(words, "group_apps");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && strcmp(name, group) == 0)
            return json_string_value(json_array_get(apps, i));
    }
    return NULL;
}

/* The first that are others; NULL: none. */
static const char *find_others(json_t *const *words, size_t n, const char *group, const char *own)
{
    for (size_t i = 0; i < n; i++) {
        const char *apps = apps_of(words[i], group);
        if (apps && strcmp(apps, own) != 0)
            return apps;
    }
    return NULL;
}

void groups_apart_see(struct groups_apart *g, const struct config *config, const char *const *words,
                      size_t n, groups_apart_fn fn, void *arg)
{
    if (g->config != config)
        *g = (struct groups_apart){.config = config};
    if (!config->ngroups)
        return;
    json_t **read = mem_alloc((n + 1) * sizeof(json_t *));
    for (size_t i = 0; i < n; i++)
        read[i] = json_loads(words[i], 0, NULL);
    for (size_t i = 0; i < config->ngroups; i++) {
        struct buf own;
        write_names(&config->groups[i], &own);
        const char *group = config->groups[i].name;
        const char *theirs = find_others(read, n, group, buf_text(&own));
        if (theirs && !g->told[i])
            fn(arg, group, buf_text(&own), theirs);
        g->told[i] = theirs != NULL;
        buf_free(&own);
    }
    for (size_t i = 0; i < n; i++)
        json_decref(read[i]);
    mem_free(read);
}
