/* SPDX-License-Identifier: MIT
 * The configuration file (libconfig) as raw settings. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_FILE_H
#define PB_CONFIG_SETTINGS_SETTINGS_FILE_H

#include "config/settings/settings.h"

/* False with e: file, line, option. */
MUST_USE bool settings_file_read(const char *file, struct settings *out, struct err *e);

#endif
