/* SPDX-License-Identifier: MIT
 * The groups of a configuration: names that stand for several apps. */
#ifndef PB_CONFIG_CONFIG_GROUPS_H
#define PB_CONFIG_CONFIG_GROUPS_H

#include "config/config.h"
#include "config/settings/settings.h"

/* After config_apps_read(): fills c->groups, sorted by name. Without calls, apps that are missing
 * are left out of their groups. False with e: file, line, group. */
MUST_USE bool config_groups_read(struct config *c, struct settings *s, bool calls, struct err *e);

#endif
