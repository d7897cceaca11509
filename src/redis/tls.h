/* SPDX-License-Identifier: MIT
 * TLS client sessions: 1.2 or newer, the peer's chain and name are always checked. */
#ifndef PB_REDIS_TLS_H
#define PB_REDIS_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"

enum { TLS_FILE_BYTES = 4 << 20 }; /* of a file: all public certificates are 0.3 MB */

struct tls_opts {
    const char *ca_file;              /* "": system store */
    const char *cert_file, *key_file; /* "": no client certificate */
    const char *name;                 /* host name or address that the certificate must carry */
};

/* Files are read on each call, so that renewed ones are picked up. NULL with e. */
SSL *tls_client_new(const struct tls_opts *opts, struct err *e);

#endif
