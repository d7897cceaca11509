/* SPDX-License-Identifier: MIT */
#include "fleet/others.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Its place, or one that nobody needs any more. */
static size_t place_of_other(const struct others *o, const char *app, int64_t now_ms)
{
    size_t spare = o->n;
    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->v[i].app, app) == 0)
            return i;
        if (o->v[i].till_ms <= now_ms)
            spare = i;
    }
    return spare;
}

static void see_app_of_other(struct others *o, const char *app, int64_t now_ms)
{
    size_t i = place_of_other(o, app, now_ms);
    if (i == OTHERS_MAX || strlen(app) >= OTHERS_NAME_SIZE)
        return;
    if (i == o->n)
        o->n++;
    snprintf(o->v[i].app, sizeof o->v[i].app, "%s", app);
    o->v[i].till_ms = now_ms + OTHERS_HOLD_MS;
}

static void see_list(struct others *o, const struct config *config, const json_t *names,
                     int64_t now_ms)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && !config_app_find(config, name) && !config_group_find(config, name))
            see_app_of_other(o, name, now_ms);
    }
}

void others_see(struct others *o, const struct config *config, const char *words, int64_t now_ms)
{
    json_t *root = json_loads(words, 0, NULL);
    see_list(o, config, json_object_get(root, "apps"), now_ms);
    see_list(o, config, json_object_get(root, "groups"), now_ms);
    json_decref(root);
}

void others_looked(struct others *o, int64_t asked_ms)
{
    if (asked_ms > o->looked_ms)
        o->looked_ms = asked_ms;
}

bool others_may_have(struct others *o, int64_t since_ms, int64_t now_ms)
{
    if (o->looked_ms >= since_ms + OTHERS_START_MS || now_ms >= since_ms + OTHERS_HOLD_MS)
        return false;
    o->wanted_till_ms = now_ms + 2 * OTHERS_AGAIN_MS;
    return true;
}

bool others_have(const struct others *o, const char *app, int64_t now_ms)
{
    for (size_t i = 0; app && i < o->n; i++)
        if (o->v[i].till_ms > now_ms && strcmp(o->v[i].app, app) == 0)
            return true;
    return false;
}
