/* SPDX-License-Identifier: MIT */
#include "config/settings/settings_reader.h"

#include <stdio.h>

const char *reader_where(const struct settings_reader *r, const config_setting_t *c,
                         char out[READER_AT_SIZE])
{
    const char *file = config_setting_source_file(c);
    snprintf(out, READER_AT_SIZE, "%s:%u", file ? file : r->file, config_setting_source_line(c));
    return out;
}

bool reader_refuse(const struct settings_reader *r, const config_setting_t *c, const char *name,
                   const char *what)
{
    char at[READER_AT_SIZE];
    return err_set(r->e, "%s: %s: %s", reader_where(r, c, at), name, what);
}

bool reader_check_groups(const struct settings_reader *r, const char *name,
                         const config_setting_t *c, int max)
{
    char what[64];
    if (!config_setting_is_list(c))
        return reader_refuse(r, c, name, "must be a list ( { … }, … )");
    if (config_setting_length(c) > max) {
        snprintf(what, sizeof what, "%d elements, at most %d", config_setting_length(c), max);
        return reader_refuse(r, c, name, what);
    }
    for (int i = 0; i < config_setting_length(c); i++)
        if (!config_setting_is_group(config_setting_get_elem(c, (unsigned)i)))
            return reader_refuse(r, c, name, "every element must be a group { }");
    return true;
}
