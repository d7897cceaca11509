/* SPDX-License-Identifier: MIT
 * What the readers of the configuration file share: where a setting stands, and refusing it. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_READER_H
#define PB_CONFIG_SETTINGS_SETTINGS_READER_H

#include <libconfig.h>

#include "config/settings/settings.h"

enum { READER_AT_SIZE = 512 };

struct settings_reader {
    const char *file;
    struct settings *out;
    struct err *e;
};

/* "FILE:LINE" */
const char *reader_where(const struct settings_reader *r, const config_setting_t *c,
                         char out[READER_AT_SIZE]);
/* False, with the place, the name and what is wrong. */
bool reader_refuse(const struct settings_reader *r, const config_setting_t *c, const char *name,
                   const char *what);
/* Is c a list of at most max groups? */
bool reader_check_groups(const struct settings_reader *r, const char *name,
                         const config_setting_t *c, int max);

#endif
