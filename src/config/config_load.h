/* SPDX-License-Identifier: MIT
 * What struct config keeps of its making, for config_print() and config_free(). The functions
 * themselves are declared in config.h. */
#ifndef PB_CONFIG_CONFIG_LOAD_H
#define PB_CONFIG_CONFIG_LOAD_H

#include "config/settings/settings.h"

struct config_raw {
    struct settings settings; /* owns the texts that struct config points to */
    struct config *kept;      /* where config_keep() put it */
    size_t holders;
};

#endif
