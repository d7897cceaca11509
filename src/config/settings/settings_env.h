/* SPDX-License-Identifier: MIT
 * Environment variables as raw settings. */
#ifndef PB_CONFIG_SETTINGS_SETTINGS_ENV_H
#define PB_CONFIG_SETTINGS_SETTINGS_ENV_H

#include "config/settings/settings.h"

/* env: "NAME=value" strings, NULL at the end. False with e: the variable that no option has, or
 * two that contradict each other. Empty ones count as not set. */
MUST_USE bool settings_env_read(char **env, struct settings *s, struct err *e);

/* The value of a variable, NULL when it is not set or empty. */
const char *settings_env_find(char **env, const char *name);

#endif
