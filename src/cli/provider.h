/* SPDX-License-Identifier: MIT
 * One signed call to the provider, waited for: any action but pushing, which is the worker's. */
#ifndef PB_PROVIDER_H
#define PB_PROVIDER_H

#include "cli/link.h"

/* params: the action's own, without AppKey. False with e when no call can be made (credentials,
 * TLS); else *reply says what came of it, class SENT: it was done. */
bool provider_call(struct link *l, const struct config *config, const struct config_app *app,
                   const char *action, struct params *params, struct reply *reply, struct err *e);

#endif
