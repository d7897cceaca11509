/* SPDX-License-Identifier: MIT
 * A configuration for tests of the worker, loaded the way the worker loads it: from variables, and
 * from a file where apps are needed. */
#ifndef TEST_WORKER_CONFIG_H
#define TEST_WORKER_CONFIG_H

#include "config/config.h"

/* provider_port 0: no provider; redis_port 0: the default. vars: NULL-terminated "NAME=value"
 * texts over the fixture's own (a later one replaces an earlier), or NULL; file: libconfig text, or
 * NULL. Fails the test when it is refused. */
void worker_config_load(struct config *c, int provider_port, int redis_port,
                        const char *const *vars, const char *file);
/* text into a new file; path ends in XXXXXX, as mkstemp(3) wants it. */
void worker_config_write(char *path, const char *text);

#endif
