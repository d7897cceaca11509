/* SPDX-License-Identifier: MIT
 * Which source the keys of an app come from, as the configuration says. */
#ifndef PB_CONFIG_CONFIG_KEYS_H
#define PB_CONFIG_CONFIG_KEYS_H

#include "config/config.h"
#include "config/settings/settings.h"

/* aliyun.credentials_file, where nobody set it, below HOME. Always true. */
bool config_keys_default_file(char **env, struct settings *s);

/* Fills the endpoints of STS and of the metadata service. */
MUST_USE bool config_keys_endpoints(struct config *c, const struct settings *s, struct err *e);

/* Whether an app's list has any of the static keys. */
bool config_keys_any(const struct setting_list *list);

/* What the app's entry does not say is taken from the general options; then app->source is filled.
 * After the general keys have stood in for the entry's; own_keys: it had some itself. */
void config_keys_settle(struct setting_list *list, const struct settings *s, bool own_keys,
                        struct config_app *app);

/* A source other than static ones is complete and can be read as far as that needs no network. */
MUST_USE bool config_keys_check(const struct config_app *app, struct err *e);

/* Reads the profile that the source names. */
MUST_USE bool config_keys_profile(const struct credentials_source *s, struct profile *out,
                                  struct err *e);

#endif
