/* SPDX-License-Identifier: MIT */
#include "redis/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/file.h"

/* OpenSSL would ask whoever sits at the terminal. */
static int no_passphrase(char *out, int room, int write, void *arg)
{
    (void)out, (void)room, (void)write, (void)arg;
    return -1;
}

static bool refuse_tls(struct err *e, const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    const char *reason =
        ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    ERR_clear_error();
    return err_set(e, "TLS: %s %s: %s", what, file, reason ? reason : "unknown error");
}

/* --- files ----------------------------------------------------------------------------------- */

/* OpenSSL would read a path by itself, and wait for whatever it is. */
static bool use_file(SSL_CTX *ctx, const char *what, const char *file,
                     bool (*use)(SSL_CTX *ctx, BIO *pem), struct err *e)
{
    struct buf text;
    struct err why;
    bool ok = file_read(file, TLS_FILE_BYTES, &text, &why);
    if (ok) {
        BIO *pem = BIO_new_mem_buf(buf_text(&text), (int)text.len);
        ok = (pem && use(ctx, pem)) || refuse_tls(e, what, file);
        BIO_free(pem);
    } else {
        err_set(e, "TLS: %s %s", what, why.text);
    }
    buf_wipe(&text);
    buf_free(&text);
    return ok;
}

/* All certificates and lists of revoked ones. */
static bool use_ca(SSL_CTX *ctx, BIO *pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    STACK_OF(X509_INFO) *all = PEM_X509_INFO_read_bio(pem, NULL, no_passphrase, NULL);
    int n = all ? sk_X509_INFO_num(all) : 0, used = 0;
    for (int i = 0; i < n; i++) {
        const X509_INFO *one = sk_X509_INFO_value(all, i);
        used += one->x509 && X509_STORE_add_cert(store, one->x509);
        used += one->crl && X509_STORE_add_crl(store, one->crl);
    }
    sk_X509_INFO_pop_free(all, X509_INFO_free);
    if (all && !used)
        ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_FOUND);
    return used > 0;
}

/* The end of the text is no error. */
static bool at_end(void)
{
    unsigned long code = ERR_peek_last_error();
    bool end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    if (end)
        ERR_clear_error();
    return end;
}

static bool use_chain(SSL_CTX *ctx, BIO *pem)
{
    X509 *one = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
    bool ok = one && SSL_CTX_use_certificate(ctx, one) == 1;
    X509_free(one);
    while (ok && (one = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL))) {
        ok = SSL_CTX_add0_chain_cert(ctx, one) == 1;
        if (!ok)
            X509_free(one);
    }
    return ok && at_end();
}

static bool use_key(SSL_CTX *ctx, BIO *pem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
    bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;
    EVP_PKEY_free(key);
    return ok;
}

static bool load_files(SSL_CTX *ctx, const struct tls_opts *o, struct err *e)
{
    if (!o->ca_file[0] && !SSL_CTX_set_default_verify_paths(ctx))
        return refuse_tls(e, "cannot use CA file", o->ca_file);
    if (o->ca_file[0] && !use_file(ctx, "cannot use CA file", o->ca_file, use_ca, e))
        return false;
    if (!o->cert_file[0])
        return true;
    const char *key = o->key_file[0] ? o->key_file : o->cert_file;
    return use_file(ctx, "cannot use certificate", o->cert_file, use_chain, e) &&
           use_file(ctx, "cannot use key", key, use_key, e);
}

/* --- the session ----------------------------------------------------------------------------- */

static bool is_address_name(const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address_name(name)) /* not allowed in SNI */
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
        refuse_tls(e, "cannot start", "");
        return NULL;
    }
    SSL *ssl = NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        refuse_tls(e, "cannot require 1.2", "");
    else if (load_files(ctx, opts, e))
        ssl = SSL_new(ctx);
    if (ssl && !expect_name(ssl, opts->name)) {
        refuse_tls(e, "cannot check the name", opts->name);
        SSL_free(ssl);
        ssl = NULL;
    }
    SSL_CTX_free(ctx); /* the session holds a reference */
    return ssl;
}
