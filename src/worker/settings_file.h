/* SPDX-License-Identifier: MIT
 * The configuration file (libconfig) as raw settings. */
#ifndef PB_SETTINGS_FILE_H
#define PB_SETTINGS_FILE_H

#include "worker/settings.h"

/* False with e: file, line, option. */
bool settings_file_read(const char *file, struct settings *out, struct err *e);

#endif
