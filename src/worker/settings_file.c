/* SPDX-License-Identifier: MIT */
#include "worker/settings_file.h"

#include <libconfig.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "worker/config.h"

enum {
    FILE_MAX = 1024 * 1024,
    TEXT_MAX = 64 * 1024,
    NAME_SIZE = 128,
    ORIGIN_SIZE = 512,
    TEMPLATES_MAX = 2000,
    MESSAGE_MAX = 8192,
};

struct reader {
    const char *file;
    struct settings *out;
    struct err *e;
};

static const char *where(const struct reader *r, const config_setting_t *c, char out[ORIGIN_SIZE])
{
    const char *file = config_setting_source_file(c);
    snprintf(out, ORIGIN_SIZE, "%s:%u", file ? file : r->file, config_setting_source_line(c));
    return out;
}

static bool refuse(const struct reader *r, const config_setting_t *c, const char *name,
                   const char *what)
{
    char at[ORIGIN_SIZE];
    return err_set(r->e, "%s: %s: %s", where(r, c, at), name, what);
}

static const char *type_name(const config_setting_t *c)
{
    switch (config_setting_type(c)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "an integer";
    case CONFIG_TYPE_FLOAT:
        return "a fraction";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "a boolean";
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    default:
        return "a list";
    }
}

static const char *wanted_name(const struct option_row *o)
{
    switch (o->type) {
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_INT32:
        return "an integer";
    case OPTION_BOOL:
        return "true or false";
    case OPTION_LIST:
        return "a list of strings";
    default:
        return "a string in quotes";
    }
}

/* A list's elements, joined with commas. */
static bool join(const config_setting_t *c, struct buf *out)
{
    int n = config_setting_length(c);
    for (int i = 0; i < n; i++) {
        const char *text = config_setting_get_string_elem(c, i);
        if (!text || !*text || strchr(text, ','))
            return false;
        if (i)
            buf_putc(out, ',');
        buf_puts(out, text);
    }
    return n > 0;
}

/* The value as the text that the environment would hold. False when the kind is wrong. */
static bool to_text(const struct option_row *o, bool twin, const config_setting_t *c,
                    struct buf *out)
{
    const char *text = config_setting_get_string(c);
    int type = config_setting_type(c);
    bool number = o->type == OPTION_INT || o->type == OPTION_SIZE || o->type == OPTION_INT32;
    if (number && !twin) {
        buf_int(out, config_setting_get_int64(c));
        return type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
    }
    if (o->type == OPTION_BOOL) {
        buf_puts(out, config_setting_get_bool(c) ? "true" : "false");
        return type == CONFIG_TYPE_BOOL;
    }
    if (o->type == OPTION_LIST && type != CONFIG_TYPE_STRING)
        return config_setting_is_aggregate(c) && !config_setting_is_group(c) && join(c, out);
    buf_puts(out, text ? text : "");
    return text != NULL;
}

static bool read_option(const struct reader *r, struct setting_list *list, const char *name,
                        const config_setting_t *c)
{
    char at[ORIGIN_SIZE], origin[ORIGIN_SIZE + NAME_SIZE];
    bool twin = false;
    int i = option_find(list->table, name, &twin);
    if (i < 0)
        return refuse(r, c, name, "unknown option");
    struct buf text;
    buf_init(&text, TEXT_MAX);
    const struct option_row *o = &list->table->rows[i];
    where(r, c, at);
    snprintf(origin, sizeof origin, twin ? "%s (%s)" : "%s", at, name);
    bool ok = to_text(o, twin, c, &text);
    if (!ok)
        err_set(r->e, "%s: %s: %s instead of %s", at, name, type_name(c), wanted_name(o));
    ok = ok && setting_put(&list->v[i], buf_text(&text), origin, SOURCE_FILE, twin, r->e);
    buf_wipe(&text);
    buf_free(&text);
    return ok;
}

static bool is_section(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < options_general.n; i++)
        if (strncmp(options_general.rows[i].name, name, len) == 0 &&
            options_general.rows[i].name[len] == '.')
            return true;
    return false;
}

static bool read_section(const struct reader *r, const char *section, const config_setting_t *c)
{
    if (!is_section(section))
        return refuse(r, c, section, "unknown option");
    if (!config_setting_is_group(c))
        return refuse(r, c, section, "must be a group { }");
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "%s.%s", section, config_setting_name(member));
        if (!read_option(r, &r->out->general, name, member))
            return false;
    }
    return true;
}

/* Is c a list of at most max groups? */
static bool check_groups(const struct reader *r, const char *name, const config_setting_t *c,
                         int max)
{
    char what[64];
    if (!config_setting_is_list(c))
        return refuse(r, c, name, "must be a list ( { … }, … )");
    if (config_setting_length(c) > max) {
        snprintf(what, sizeof what, "%d elements, at most %d", config_setting_length(c), max);
        return refuse(r, c, name, what);
    }
    for (int i = 0; i < config_setting_length(c); i++)
        if (!config_setting_is_group(config_setting_get_elem(c, (unsigned)i)))
            return refuse(r, c, name, "every element must be a group { }");
    return true;
}

static bool read_app(const struct reader *r, const config_setting_t *c)
{
    char at[ORIGIN_SIZE];
    struct settings *out = r->out;
    out->apps = mem_resize(out->apps, (out->napps + 1) * sizeof *out->apps);
    struct setting_list *list = &out->apps[out->napps++];
    setting_list_init(list, &options_app);
    list->origin = mem_strdup(where(r, c, at));
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        if (!read_option(r, list, config_setting_name(member), member))
            return false;
    }
    return true;
}

static bool read_apps(const struct reader *r, const config_setting_t *c)
{
    if (!check_groups(r, "apps", c, CONFIG_APPS_MAX))
        return false;
    for (int i = 0; i < config_setting_length(c); i++)
        if (!read_app(r, config_setting_get_elem(c, (unsigned)i)))
            return false;
    return true;
}

/* --- templates ------------------------------------------------------------------------------- */

static bool template_text(const struct reader *r, const config_setting_t *member, size_t max,
                          char **out)
{
    const char *text = config_setting_get_string(member);
    const char *name = config_setting_name(member);
    char what[64];
    if (!text || !*text)
        return refuse(r, member, name, "must be a string in quotes, not empty");
    if (strlen(text) > max) {
        snprintf(what, sizeof what, "%zu bytes, at most %zu", strlen(text), max);
        return refuse(r, member, name, what);
    }
    if (!text_is_utf8(text, strlen(text)))
        return refuse(r, member, name, "is not UTF-8");
    *out = mem_strdup(text);
    return true;
}

static struct setting_template *template_new(const struct reader *r, const config_setting_t *c)
{
    char at[ORIGIN_SIZE];
    struct settings *out = r->out;
    out->templates = mem_resize(out->templates, (out->ntemplates + 1) * sizeof *out->templates);
    struct setting_template *t = &out->templates[out->ntemplates++];
    *t = (struct setting_template){.origin = mem_strdup(where(r, c, at))};
    return t;
}

/* One variant's members. key is "code" or "locale"; the member locales is left to the caller. */
static bool read_variant(const struct reader *r, const config_setting_t *c, const char *key,
                         struct setting_template *t)
{
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        const char *name = config_setting_name(member);
        char **place = strcmp(name, "title") == 0     ? &t->title
                       : strcmp(name, "message") == 0 ? &t->message
                       : strcmp(name, key) != 0       ? NULL
                       : strcmp(key, "code") == 0     ? &t->code
                                                      : &t->locale;
        if (!place && strcmp(key, "code") == 0 && strcmp(name, "locales") == 0)
            continue;
        if (!place)
            return refuse(r, member, name, "unknown member of a template");
        if (!template_text(r, member, place == &t->message ? MESSAGE_MAX : NAME_SIZE, place))
            return false;
    }
    return true;
}

static bool read_locales(const struct reader *r, const config_setting_t *locales, const char *code)
{
    if (!check_groups(r, "locales", locales, TEMPLATES_MAX))
        return false;
    for (int i = 0; i < config_setting_length(locales); i++) {
        const config_setting_t *c = config_setting_get_elem(locales, (unsigned)i);
        struct setting_template *t = template_new(r, c);
        t->code = mem_strdup(code);
        if (!read_variant(r, c, "locale", t))
            return false;
        if (!t->locale)
            return refuse(r, c, "locale", "is missing");
        if (!t->message)
            return refuse(r, c, "message", "is missing");
    }
    return true;
}

static bool read_template(const struct reader *r, const config_setting_t *c)
{
    struct setting_template *t = template_new(r, c);
    const config_setting_t *locales = config_setting_get_member(c, "locales");
    if (!read_variant(r, c, "code", t))
        return false;
    if (!t->code)
        return refuse(r, c, "code", "is missing");
    if (!t->message && !locales)
        return refuse(r, c, "message", "is missing");
    if (!t->message && t->title)
        return refuse(r, c, "title", "needs a message beside it");
    return !locales || read_locales(r, locales, t->code);
}

static bool read_templates(const struct reader *r, const config_setting_t *c)
{
    r->out->templates_given = true;
    if (!check_groups(r, "templates", c, TEMPLATES_MAX))
        return false;
    for (int i = 0; i < config_setting_length(c); i++)
        if (!read_template(r, config_setting_get_elem(c, (unsigned)i)))
            return false;
    return true;
}

/* --- public ---------------------------------------------------------------------------------- */

static bool read_root(const struct reader *r, const config_setting_t *root)
{
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *c = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(c);
        bool ok = strcmp(name, "apps") == 0        ? read_apps(r, c)
                  : strcmp(name, "templates") == 0 ? read_templates(r, c)
                                                   : read_section(r, name, c);
        if (!ok)
            return false;
    }
    return true;
}

/* libconfig's scanner ends the process when it cannot read what it opened, a directory for one: an
 * @include in a file under reload must not do that. Nothing can be opened here, so it is refused
 * like any other mistake. */
static const char no_folder[] = "/dev/null";

static bool parse(const char *file, const char *text, struct settings *out, struct err *e)
{
    const struct reader r = {file, out, e};
    config_t parsed;
    config_init(&parsed);
    config_set_include_dir(&parsed, no_folder);
    bool ok = config_read_string(&parsed, text) == CONFIG_TRUE;
    if (ok) {
        ok = read_root(&r, config_root_setting(&parsed));
    } else {
        const char *inner = config_error_file(&parsed);
        err_set(e, "%s:%d: %s", inner ? inner : file, config_error_line(&parsed),
                config_error_text(&parsed));
    }
    config_destroy(&parsed);
    return ok;
}

/* libconfig gets the text, never the path: its scanner would end the process on a directory. */
bool settings_file_read(const char *file, struct settings *out, struct err *e)
{
    struct buf text;
    bool ok = settings_read_whole(file, FILE_MAX, &text, e) && parse(file, buf_text(&text), out, e);
    buf_wipe(&text);
    buf_free(&text);
    return ok;
}
