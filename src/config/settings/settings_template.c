/* SPDX-License-Identifier: MIT */
#include "config/settings/settings_template.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/settings/settings_push.h"

enum {
    NAME_SIZE = 128,
    TEMPLATES_MAX = 2000,
    PLATFORMS_MAX = 4,
    MESSAGE_MAX = 8192,
};

static bool template_text(const struct settings_reader *r, const config_setting_t *member,
                          size_t max, char **out)
{
    const char *text = config_setting_get_string(member);
    const char *name = config_setting_name(member);
    char what[64];
    if (!text || !*text)
        return reader_refuse(r, member, name, "must be a string in quotes, not empty");
    if (strlen(text) > max) {
        snprintf(what, sizeof what, "%zu bytes, at most %zu", strlen(text), max);
        return reader_refuse(r, member, name, what);
    }
    if (!text_is_utf8(text, strlen(text)))
        return reader_refuse(r, member, name, "is not UTF-8");
    if (*out)
        return reader_refuse(r, member, name, "message and body are the same: use one");
    *out = mem_strdup(text);
    return true;
}

/* The place of the next entry: it may move when there is another. */
static struct setting_template *template_new(const struct settings_reader *r,
                                             const config_setting_t *c)
{
    char at[READER_AT_SIZE];
    struct settings *out = r->out;
    out->templates = mem_resize(out->templates, (out->ntemplates + 1) * sizeof *out->templates);
    struct setting_template *t = &out->templates[out->ntemplates++];
    *t = (struct setting_template){.origin = mem_strdup(reader_where(r, c, at))};
    return t;
}

/* --- one entry ------------------------------------------------------------------------------- */

static char **template_text_place(struct setting_template *t, const char *name, const char *key)
{
    if (strcmp(name, "title") == 0)
        return &t->title;
    if (strcmp(name, "message") == 0 || strcmp(name, "body") == 0)
        return &t->message;
    if (strcmp(name, key) != 0)
        return NULL;
    return strcmp(key, "code") == 0     ? &t->code
           : strcmp(key, "locale") == 0 ? &t->locale
                                        : &t->platform;
}

/* Lists of variants, which are read after the entry itself. */
static bool is_list_key(const char *name, const char *key)
{
    bool is_locale = strcmp(key, "locale") == 0;
    return (strcmp(name, "locales") == 0 && !is_locale) ||
           (strcmp(name, "platforms") == 0 && strcmp(key, "code") == 0);
}

static bool read_template_member(const struct settings_reader *r, const config_setting_t *member,
                                 const char *key, struct setting_template *t)
{
    const char *name = config_setting_name(member);
    char **place = template_text_place(t, name, key);
    bool found;
    if (place)
        return template_text(r, member, place == &t->message ? MESSAGE_MAX : NAME_SIZE, place);
    if (is_list_key(name, key))
        return true;
    if (strcmp(name, "push") == 0)
        return settings_push_read(r, member, true, &t->push);
    if (!settings_part_read(r, member, &t->parts, &found))
        return false;
    return found || reader_refuse(r, member, name, "unknown member of a template");
}

/* key is "code", "locale" or "platform": what the entry is told apart by. */
static bool read_entry(const struct settings_reader *r, const config_setting_t *c, const char *key,
                       struct setting_template *t)
{
    for (int i = 0; i < config_setting_length(c); i++)
        if (!read_template_member(r, config_setting_get_elem(c, (unsigned)i), key, t))
            return false;
    if (!*template_text_place(t, key, key))
        return reader_refuse(r, c, key, "is missing");
    if (!t->message && t->title)
        return reader_refuse(r, c, "title", "needs a message beside it");
    return true;
}

/* --- variants -------------------------------------------------------------------------------- */

static struct setting_template *variant_new(const struct settings_reader *r,
                                            const config_setting_t *c, size_t of)
{
    struct setting_template *t = template_new(r, c);
    const struct setting_template *whole = &r->out->templates[of];
    t->code = mem_strdup(whole->code);
    t->platform = mem_strdup(whole->platform);
    return t;
}

/* of: the entry whose variants they are. */
static bool read_locales(const struct settings_reader *r, const config_setting_t *c, size_t of)
{
    const config_setting_t *locales = config_setting_get_member(c, "locales");
    if (!locales)
        return true;
    if (!reader_check_groups(r, "locales", locales, TEMPLATES_MAX))
        return false;
    for (int i = 0; i < config_setting_length(locales); i++) {
        const config_setting_t *variant = config_setting_get_elem(locales, (unsigned)i);
        struct setting_template *t = variant_new(r, variant, of);
        if (!read_entry(r, variant, "locale", t))
            return false;
        if (!t->message)
            return reader_refuse(r, variant, "message", "is missing");
    }
    return true;
}

static bool check_platform(const struct settings_reader *r, const config_setting_t *c,
                           const struct setting_template *t)
{
    static const char *const known[] = {"ANDROID", "iOS", "HARMONY", "ALL"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(t->platform, known[i]) == 0)
            return !json_object_get(t->push, "DeviceType") ||
                   reader_refuse(r, c, "push", "DeviceType: the platform says it");
    return reader_refuse(r, c, "platform", "must be ANDROID, iOS, HARMONY or ALL");
}

/* Without a message of its own a platform's variant needs the template's. */
static bool has_message(const struct settings_reader *r, const config_setting_t *whole, size_t of,
                        const struct setting_template *t)
{
    return t->message || r->out->templates[of].message ||
           config_setting_get_member(whole, "locales");
}

static bool read_platforms(const struct settings_reader *r, const config_setting_t *c, size_t of)
{
    const config_setting_t *platforms = config_setting_get_member(c, "platforms");
    if (!platforms)
        return true;
    if (!reader_check_groups(r, "platforms", platforms, PLATFORMS_MAX))
        return false;
    for (int i = 0; i < config_setting_length(platforms); i++) {
        const config_setting_t *variant = config_setting_get_elem(platforms, (unsigned)i);
        size_t at = r->out->ntemplates;
        struct setting_template *t = variant_new(r, variant, of);
        if (!read_entry(r, variant, "platform", t) || !check_platform(r, variant, t))
            return false;
        if (!has_message(r, c, of, t))
            return reader_refuse(r, variant, "message", "is missing");
        if (!read_locales(r, variant, at))
            return false;
    }
    return true;
}

/* --- the list -------------------------------------------------------------------------------- */

static bool read_template(const struct settings_reader *r, const config_setting_t *c)
{
    size_t at = r->out->ntemplates;
    struct setting_template *t = template_new(r, c);
    if (!read_entry(r, c, "code", t))
        return false;
    if (!t->message && !config_setting_get_member(c, "locales") &&
        !config_setting_get_member(c, "platforms"))
        return reader_refuse(r, c, "message", "is missing");
    return read_locales(r, c, at) && read_platforms(r, c, at);
}

bool settings_template_read(const struct settings_reader *r, const config_setting_t *c)
{
    r->out->templates_given = true;
    if (!reader_check_groups(r, "templates", c, TEMPLATES_MAX))
        return false;
    for (int i = 0; i < config_setting_length(c); i++)
        if (!read_template(r, config_setting_get_elem(c, (unsigned)i)))
            return false;
    return true;
}
