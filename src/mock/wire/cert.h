/* SPDX-License-Identifier: MIT
 * A throw-away certificate authority and a server certificate, for tests on TLS. */
#ifndef PB_MOCK_WIRE_CERT_H
#define PB_MOCK_WIRE_CERT_H

#include <stdbool.h>

#include "base/err.h"

struct ssl_ctx_st;

/* Server context from dir/ca.pem, dir/server.pem and dir/server-key.pem. They are made for
 * localhost, 127.0.0.1, ::1 and the given names, unless all three are there and still valid. The
 * authority's own key is not kept. NULL on failure. */
struct ssl_ctx_st *cert_server_context(const char *dir, const char *const *names, int name_count,
                                       struct err *e);

#endif
