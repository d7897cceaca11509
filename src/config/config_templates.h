/* SPDX-License-Identifier: MIT
 * The templates of a configuration: those of the file, else the built-in ones. */
#ifndef PB_CONFIG_CONFIG_TEMPLATES_H
#define PB_CONFIG_CONFIG_TEMPLATES_H

#include "config/config.h"
#include "config/settings/settings.h"

/* After config_apps_read(): fills c->templates. Parts of a notice are checked for the platforms
 * that the configured apps push to. False with e: file, line, template, member. */
MUST_USE bool config_templates_read(struct config *c, const struct settings *s, struct err *e);

#endif
