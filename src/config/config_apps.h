/* SPDX-License-Identifier: MIT
 * The apps of a configuration: what an entry says itself, what it takes from the general options.
 */
#ifndef PB_CONFIG_CONFIG_APPS_H
#define PB_CONFIG_CONFIG_APPS_H

#include "config/config.h"
#include "config/settings/settings.h"

/* Adds the entry `default` where an AppKey for it is set and the file has none. False with e where
 * that is one app too many (CONFIG_APPS_MAX). */
MUST_USE bool config_apps_add_default(struct settings *s, struct err *e);

/* After settings_settle(): fills c->apps, sorted by name. calls: every app needs AppKey and
 * credentials. */
MUST_USE bool config_apps_read(struct config *c, struct settings *s, bool calls, struct err *e);

#endif
