/* SPDX-License-Identifier: MIT
 * Part of the loader: what of a configuration nobody may read. */
#ifndef PB_CONFIG_CONFIG_SECRETS_H
#define PB_CONFIG_CONFIG_SECRETS_H

#include "config/settings/settings.h"

/* Registers every value of a secret option, and the users and passwords within URLs. */
void config_learn_secrets(const struct settings *s);

#endif
