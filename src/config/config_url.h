/* SPDX-License-Identifier: MIT
 * URLs of services that the worker calls. */
#ifndef PB_CONFIG_CONFIG_URL_H
#define PB_CONFIG_CONFIG_URL_H

#include <stdbool.h>

#include "base/err.h"

struct config_url {
    char whole[320]; /* scheme and authority, lower-case, without a default port */
    char host[272];  /* as a Host header carries it */
    bool loopback;
};

/* A URL without a path; plain http to loopback, and to plain_host (NULL: none), only. False with
 * e: what is wrong. */
MUST_USE bool config_url_read(const char *url, const char *plain_host, struct config_url *out,
                              struct err *e);

#endif
