/* SPDX-License-Identifier: MIT */
#include "io/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool refuse(struct err *e, const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    ERR_clear_error();
    return err_set(e, "TLS: %s %s: %s", what, file, reason ? reason : "unknown error");
}

static bool load_files(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
    if (o->ca_file[0] ? !SSL_CTX_load_verify_locations(ctx, o->ca_file, NULL)
                      : !SSL_CTX_set_default_verify_paths(ctx))
        return refuse(e, "cannot use CA file", o->ca_file);
    if (!o->cert_file[0])
        return true;
    const char *key = o->key_file[0] ? o->key_file : o->cert_file;
    if (SSL_CTX_use_certificate_chain_file(ctx, o->cert_file) != 1)
        return refuse(e, "cannot use certificate", o->cert_file);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return refuse(e, "cannot use key", key);
    return true;
}

static bool is_address(const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name)) /* not allowed in SNI */
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    char sni[TLSEXT_MAXLEN_host_name + 1]; /* OpenSSL's macro would cast the const away */
    snprintf(sni, sizeof sni, "%s", name);
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni) == 1 &&
           SSL_set1_host(ssl, name) == 1;
}

SSL *tls_client_new(const struct tls_opts *opts, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx) {
        refuse(e, "cannot start", "");
        return NULL;
    }
    SSL *ssl = NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        refuse(e, "cannot require 1.2", "");
    else if (load_files(ctx, opts, e))
        ssl = SSL_new(ctx);
    if (ssl && !expect_name(ssl, opts->name)) {
        refuse(e, "cannot check the name", opts->name);
        SSL_free(ssl);
        ssl = NULL;
    }
    SSL_CTX_free(ctx); /* the session holds a reference */
    return ssl;
}
