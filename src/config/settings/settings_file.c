/* SPDX-License-Identifier: MIT */
#include "config/settings/settings_file.h"

#include <ctype.h>
#include <errno.h>
#include <libconfig.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/settings/settings_push.h"
#include "config/settings/settings_template.h"

enum {
    FILE_MAX = 1024 * 1024,
    TEXT_MAX = 64 * 1024,
    NAME_SIZE = 128,
};

/* What a name in the file may hold behind its first byte; numbers, too, but for their point and
 * sign. */
#define NAME_BYTES "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_*"

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
static bool join_elements(const config_setting_t *c, struct buf *out)
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
        return config_setting_is_aggregate(c) && !config_setting_is_group(c) &&
               join_elements(c, out);
    buf_puts(out, text ? text : "");
    return text != NULL;
}

static bool read_option(const struct settings_reader *r, struct setting_list *list,
                        const char *name, const config_setting_t *c)
{
    char at[READER_AT_SIZE], origin[READER_AT_SIZE + NAME_SIZE];
    bool twin = false;
    int i = option_find(list->table, name, &twin);
    if (i < 0)
        return reader_refuse(r, c, name, "unknown option");
    struct buf text;
    buf_init(&text, TEXT_MAX);
    const struct option_row *o = &list->table->rows[i];
    reader_where(r, c, at);
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

static bool read_section(const struct settings_reader *r, const char *section,
                         const config_setting_t *c)
{
    if (!is_section(section))
        return reader_refuse(r, c, section, "unknown option");
    if (!config_setting_is_group(c))
        return reader_refuse(r, c, section, "must be a group { }");
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "%s.%s", section, config_setting_name(member));
        if (!read_option(r, &r->out->general, name, member))
            return false;
    }
    return true;
}

/* Another entry at the end of *lists. */
static struct setting_list *list_new(const struct settings_reader *r, const config_setting_t *c,
                                     const struct option_table *table, struct setting_list **lists,
                                     size_t *n)
{
    char at[READER_AT_SIZE];
    *lists = mem_resize(*lists, (*n + 1) * sizeof **lists);
    struct setting_list *list = &(*lists)[(*n)++];
    setting_list_init(list, table);
    list->origin = mem_strdup(reader_where(r, c, at));
    return list;
}

static bool read_setting_list(const struct settings_reader *r, const config_setting_t *c,
                              struct setting_list *list)
{
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *member = config_setting_get_elem(c, (unsigned)i);
        const char *name = config_setting_name(member);
        bool is_push = list->table == &options_app && strcmp(name, "push") == 0;
        if (is_push ? !settings_push_read(r, member, false, &list->push)
                    : !read_option(r, list, name, member))
            return false;
    }
    return true;
}

static bool read_setting_lists(const struct settings_reader *r, const config_setting_t *c, int max,
                               const struct option_table *table, struct setting_list **lists,
                               size_t *n)
{
    if (!reader_check_groups(r, config_setting_name(c), c, max))
        return false;
    for (int i = 0; i < config_setting_length(c); i++) {
        const config_setting_t *entry = config_setting_get_elem(c, (unsigned)i);
        if (!read_setting_list(r, entry, list_new(r, entry, table, lists, n)))
            return false;
    }
    return true;
}

static bool read_config_root(const struct settings_reader *r, const config_setting_t *root)
{
    struct settings *s = r->out;
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *c = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(c);
        bool ok = strcmp(name, "apps") == 0
                      ? read_setting_lists(r, c, CONFIG_APPS_MAX, &options_app, &s->apps, &s->napps)
                  : strcmp(name, "groups") == 0
                      ? read_setting_lists(r, c, CONFIG_GROUPS_MAX, &options_group, &s->groups,
                                           &s->ngroups)
                  : strcmp(name, "templates") == 0 ? settings_template_read(r, c)
                                                   : read_section(r, name, c);
        if (!ok)
            return false;
    }
    return true;
}

/* --- integers as they are written ------------------------------------------------------------ */

/* The end of what begins at p and holds no integer: a comment, a string, a name. p, if none does.
 */
static const char *skip_other(const char *p)
{
    if (*p == '#' || (p[0] == '/' && p[1] == '/'))
        return p + strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        const char *end = strstr(p + 2, "*/");
        return end ? end + 2 : p + strlen(p);
    }
    if (*p == '"') {
        for (p++; *p && *p != '"'; p++)
            p += *p == '\\' && p[1];
        return p + (*p == '"');
    }
    return isalpha((unsigned char)*p) || *p == '*' ? p + strspn(p, NAME_BYTES) : p;
}

/* What libconfig takes for another value, or not for the same in each version: 1.5 cuts a long
 * integer down to 32 bits, 1.7 reads one that begins with 0 as octal. */
static const char *integer_fault(const char *word, size_t len)
{
    const char *digits = word + (*word == '-' || *word == '+');
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end = NULL;
    errno = 0;
    long long n = strtoll(word, &end, hex ? 16 : 10);
    if (!hex && (size_t)(end - word) < len && strchr(".eE", *end))
        return NULL; /* a fraction */
    if (!hex && digits[0] == '0' && isdigit((unsigned char)digits[1]))
        return "an integer must not begin with 0";
    if (errno == ERANGE)
        return "an integer beyond 64 bits";
    return *end != 'L' && (n > INT32_MAX || n < INT32_MIN)
               ? "an integer beyond 32 bits needs an L at its end"
               : NULL;
}

/* For a text that libconfig has taken. */
static bool check_integers(const char *file, const char *text, struct err *e)
{
    int line = 1;
    for (const char *p = text; *p;) {
        const char *next = skip_other(p);
        size_t sign = *p == '-' || *p == '+';
        if (next == p && isdigit((unsigned char)p[sign])) {
            size_t len = sign + strspn(p + sign, NAME_BYTES ".+");
            const char *fault = integer_fault(p, len);
            if (fault)
                return err_set(e, "%s:%d: %.*s: %s", file, line,
                               (int)(len < NAME_SIZE ? len : NAME_SIZE), p, fault);
            next = p + len;
        }
        for (next += next == p; p < next; p++)
            line += *p == '\n';
    }
    return true;
}

/* --- the text -------------------------------------------------------------------------------- */

/* libconfig's scanner ends the process when it cannot read what it opened, a directory for one: an
 * @include in a file under reload must not do that. Nothing is opened here, so it is refused like
 * any other mistake. */
static const char cannot_include[] = "cannot open include file"; /* libconfig 1.5's own words */

#if LIBCONFIG_VER_MAJOR > 1 || LIBCONFIG_VER_MINOR >= 7
static const char **open_none(struct config_t *parsed, const char *folder, const char *path,
                              const char **why)
{
    (void)parsed;
    (void)folder;
    (void)path;
    *why = cannot_include;
    return NULL;
}

static void forbid_includes(config_t *parsed)
{
    config_set_include_func(parsed, open_none);
}
#else
/* An absolute path, too, is taken as one below this, which is no folder. */
static void forbid_includes(config_t *parsed)
{
    config_set_include_dir(parsed, "/dev/null");
}
#endif

static const char *parse_error(const config_t *parsed)
{
    const char *text = config_error_text(parsed);
    return strcmp(text, cannot_include) == 0 ? "@include: a configuration is one file" : text;
}

static bool parse_config_text(const char *file, const char *text, struct settings *out,
                              struct err *e)
{
    const struct settings_reader r = {file, out, e};
    config_t parsed;
    config_init(&parsed);
    forbid_includes(&parsed);
    bool ok = config_read_string(&parsed, text) == CONFIG_TRUE;
    if (ok) {
        ok = check_integers(file, text, e) && read_config_root(&r, config_root_setting(&parsed));
    } else {
        err_set(e, "%s:%d: %s", file, config_error_line(&parsed), parse_error(&parsed));
    }
    config_destroy(&parsed);
    return ok;
}

/* libconfig gets the text, never the path: its scanner would end the process on a directory. */
bool settings_file_read(const char *file, struct settings *out, struct err *e)
{
    struct buf text;
    bool ok = settings_read_whole(file, FILE_MAX, &text, e) &&
              parse_config_text(file, buf_text(&text), out, e);
    buf_wipe(&text);
    buf_free(&text);
    return ok;
}
