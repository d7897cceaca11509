/* SPDX-License-Identifier: MIT */
#include "aliyun/parts.h"

#include <string.h>

/* A part's parameter on each platform; NULL: the platform has none. */
struct part {
    const char *name, *android, *ios, *harmony;
};
static const struct part parts_table[] = {
    {"subtitle", NULL, "iOSSubtitle", NULL},
    {"sound", "AndroidMusic", "iOSMusic", NULL},
    {"badge", "AndroidBadgeSetNum", "iOSBadge", "HarmonyBadgeSetNum"},
    {"category", NULL, "iOSNotificationCategory", "HarmonyCategory"},
    {"channel", "AndroidNotificationChannel", NULL, NULL},
    {"ext", "AndroidExtParameters", "iOSExtParameters", "HarmonyExtParameters"},
    {"image", "AndroidImageUrl", NULL, "HarmonyImageUrl"}, /* iOS: see attach() */
};
static const struct part open_table[] = {
    {"type", NULL, NULL, NULL}, /* see set_open_type() */
    {"url", "AndroidOpenUrl", NULL, "HarmonyUri"},
    {"activity", "AndroidActivity", NULL, "HarmonyAction"},
};
enum {
    PARTS = sizeof parts_table / sizeof *parts_table,
    OPENS = sizeof open_table / sizeof *open_table
};

const char *parts_name(size_t n)
{
    return n < PARTS ? parts_table[n].name : n == PARTS ? "open" : NULL;
}

static const struct part *find_part(const struct part *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* --- one parameter --------------------------------------------------------------------------- */

static bool is_open_text(const json_t *value)
{
    return json_is_string(value) && strpbrk(json_string_value(value), "{}");
}

static bool check_part_value(const char *param, json_t *value, struct err *e)
{
    struct params scratch;
    if (is_open_text(value))
        return params_takes_text(param, e);
    params_init(&scratch);
    bool ok = params_override(&scratch, param, value, e);
    params_free(&scratch);
    return ok;
}

static bool put_part(json_t *out, const char *param, json_t *value, bool checked, struct err *e)
{
    if (checked && param && !check_part_value(param, value, e))
        return false;
    if (param)
        json_object_set(out, param, value);
    return true;
}

static bool set_part(json_t *out, const struct part *p, json_t *value, int platforms, struct err *e)
{
    return (put_part(out, p->android, value, platforms & PLATFORM_ANDROID, e) &&
            put_part(out, p->ios, value, platforms & PLATFORM_IOS, e) &&
            put_part(out, p->harmony, value, platforms & PLATFORM_HARMONY, e)) ||
           err_prefix(e, p->name);
}

/* --- open ------------------------------------------------------------------------------------ */

/* Without a type, what there is says it. */
static const char *open_type(const json_t *open)
{
    const char *type = json_string_value(json_object_get(open, "type"));
    if (type)
        return type;
    return json_object_get(open, "url")        ? "URL"
           : json_object_get(open, "activity") ? "ACTIVITY"
                                               : "APPLICATION";
}

/* Harmony tells pages of the app apart, not how a page is opened; it has nothing for NONE. */
static const char *harmony_action(const char *type)
{
    if (strcmp(type, "NONE") == 0)
        return NULL;
    return strcmp(type, "APPLICATION") == 0 ? "APP_HOME_PAGE" : "APP_CUSTOM_PAGE";
}

static bool check_open(const json_t *open, const char *type, struct err *e)
{
    if (strcmp(type, "URL") == 0 && !json_object_get(open, "url"))
        return err_set(e, "open.type: URL needs open.url");
    if (strcmp(type, "ACTIVITY") == 0 && !json_object_get(open, "activity"))
        return err_set(e, "open.type: ACTIVITY needs open.activity");
    return true;
}

static bool set_open_type(json_t *out, const char *type, struct err *e)
{
    const char *action = harmony_action(type);
    json_t *text = json_string(type);
    bool ok = put_part(out, "AndroidOpenType", text, true, e) || err_prefix(e, "open.type");
    json_decref(text);
    if (ok && action)
        json_object_set_new(out, "HarmonyActionType", json_string(action));
    return ok;
}

static bool set_open(json_t *out, json_t *open, int platforms, struct err *e)
{
    const char *name;
    json_t *value;
    if (!json_is_object(open))
        return err_set(e, "open: must be a group of type, url, activity");
    json_object_foreach(open, name, value)
    {
        const struct part *p = find_part(open_table, OPENS, name);
        if (!p)
            return err_set(e, "open.%.64s: unknown; known: type, url, activity", name);
        if (!json_is_string(value))
            return err_set(e, "open.%s: must be a string", name);
        if (strcmp(name, "type") != 0 && !set_part(out, p, value, platforms, e))
            return err_prefix(e, "open");
    }
    const char *type = open_type(open);
    return check_open(open, type, e) && set_open_type(out, type, e);
}

/* --- image on iOS ---------------------------------------------------------------------------- */

/* A picture of an iOS notice is the member `attachment` of its extension parameters. */
static void attach(json_t *out, json_t *image)
{
    json_t *ext = json_object_get(out, "iOSExtParameters");
    json_t *with = ext ? json_copy(ext) : json_object();
    if (!json_object_get(with, "attachment"))
        json_object_set(with, "attachment", image);
    json_object_set_new(out, "iOSExtParameters", with);
}

/* --------------------------------------------------------------------------------------------- */

static bool expand(json_t *out, json_t *parts, int platforms, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(parts, name, value)
    {
        const struct part *p = find_part(parts_table, PARTS, name);
        if (p && !set_part(out, p, value, platforms, e))
            return false;
        if (!p && strcmp(name, "open") != 0)
            return err_set(e, "%.64s: no part of a notice", name);
        if (!p && !set_open(out, value, platforms, e))
            return false;
    }
    json_t *image = json_object_get(parts, "image");
    if (image && !json_is_string(image))
        return err_set(e, "image: must be a string");
    if (image)
        attach(out, image);
    return true;
}

json_t *parts_expand(json_t *parts, int platforms, struct err *e)
{
    json_t *out = json_object();
    if (expand(out, parts, platforms, e))
        return out;
    json_decref(out);
    return NULL;
}
