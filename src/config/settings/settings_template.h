/* SPDX-License-Identifier: MIT
 * The list `templates` of the configuration file: templates and their variants, one entry each. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_TEMPLATE_H
#define PB_CONFIG_SETTINGS_SETTINGS_TEMPLATE_H

#include "config/settings/settings_reader.h"

bool settings_template_read(const struct settings_reader *r, const config_setting_t *c);

#endif
