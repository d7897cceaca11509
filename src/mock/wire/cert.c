/* SPDX-License-Identifier: MIT */
#include "mock/wire/cert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"

enum { VALID_S = 397 * 86400, RENEW_S = 86400, BACKDATE_S = 300, ALT_NAMES_MAX = 8192 };

struct paths {
    char ca[4096], cert[4096], key[4096];
};

static bool make_paths(struct paths *p, const char *dir, struct err *e)
{
    if (strlen(dir) > 4000)
        return err_set(e, "%.40s…: the path is too long", dir);
    snprintf(p->ca, sizeof(p->ca), "%s/ca.pem", dir);
    snprintf(p->cert, sizeof(p->cert), "%s/server.pem", dir);
    snprintf(p->key, sizeof(p->key), "%s/server-key.pem", dir);
    return true;
}

static X509 *load_key_pair(const char *path)
{
    FILE *f = fopen(path, "r");
    X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f)
        fclose(f);
    return cert;
}

static bool files_usable(const struct paths *p)
{
    X509 *ca = load_key_pair(p->ca), *cert = load_key_pair(p->cert);
    time_t soon = time(NULL) + RENEW_S;
    bool ok = ca && cert && access(p->key, R_OK) == 0 &&
              X509_cmp_time(X509_get0_notAfter(ca), &soon) > 0 &&
              X509_cmp_time(X509_get0_notAfter(cert), &soon) > 0;
    X509_free(ca);
    X509_free(cert);
    return ok;
}

/* --- making --- */

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = ext && X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    return ok;
}

static bool set_random_serial(X509 *cert)
{
    BIGNUM *n = BN_new();
    bool ok = BN_rand(n, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
              BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert));
    BN_free(n);
    return ok;
}

static X509 *new_cert(EVP_PKEY *key, const char *common_name)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S);
    X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    if (set_random_serial(cert))
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *make_ca(EVP_PKEY *key)
{
    X509 *ca = new_cert(key, "pushbridge-mock throw-away CA");
    if (ca && X509_set_issuer_name(ca, X509_get_subject_name(ca)) &&
        add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(ca, ca, NID_subject_key_identifier, "hash") &&
        X509_sign(ca, key, EVP_sha256()))
        return ca;
    X509_free(ca);
    return NULL;
}

static bool is_ip(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static void add_alt_names(struct buf *b, const char *const *names, int count)
{
    buf_puts(b, "DNS:localhost,IP:127.0.0.1,IP:::1");
    for (int i = 0; i < count; i++)
        buf_printf(b, ",%s:%s", is_ip(names[i]) ? "IP" : "DNS", names[i]);
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *alt_names)
{
    X509 *cert = new_cert(key, "pushbridge-mock");
    if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca)) &&
        add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
        add_extension(cert, ca, NID_authority_key_identifier, "keyid:always") &&
        add_extension(cert, ca, NID_subject_alt_name, alt_names) &&
        X509_sign(cert, ca_key, EVP_sha256()))
        return cert;
    X509_free(cert);
    return NULL;
}

/* Writes a certificate, or the key where cert is NULL, and renames it into place. */
static bool save_files(const char *path, X509 *cert, EVP_PKEY *key, struct err *e)
{
    char temporary[4200];
    snprintf(temporary, sizeof(temporary), "%s.%ld", path, (long)getpid());
    mode_t old_mask = umask(cert ? 022 : 077);
    FILE *f = fopen(temporary, "w");
    umask(old_mask);
    bool ok = f && (cert ? PEM_write_X509(f, cert)
                         : PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    if (f)
        ok = fclose(f) == 0 && ok;
    if (ok && rename(temporary, path) == 0)
        return true;
    err_set(e, "%s: %s", path, strerror(errno));
    unlink(temporary);
    return false;
}

static bool make_files(const struct paths *p, const char *const *names, int count, struct err *e)
{
    struct buf alt_names;
    buf_init(&alt_names, ALT_NAMES_MAX);
    add_alt_names(&alt_names, names, count);
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = ca_key ? make_ca(ca_key) : NULL;
    X509 *cert =
        ca && key && buf_ok(&alt_names) ? make_server(key, ca, ca_key, buf_text(&alt_names)) : NULL;
    bool ok = cert ? save_files(p->ca, ca, NULL, e) && save_files(p->key, NULL, key, e) &&
                         save_files(p->cert, cert, NULL, e)
                   : err_set(e, "a certificate cannot be made; is every --tls-name a name?");
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    buf_free(&alt_names);
    return ok;
}

static SSL_CTX *open_context(const struct paths *p, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    if (SSL_CTX_use_certificate_chain_file(ctx, p->cert) == 1 &&
        SSL_CTX_use_PrivateKey_file(ctx, p->key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(ctx) == 1)
        return ctx;
    err_set(e, "%s: %s", p->cert, ERR_reason_error_string(ERR_get_error()));
    SSL_CTX_free(ctx);
    return NULL;
}

struct ssl_ctx_st *cert_server_context(const char *dir, const char *const *names, int name_count,
                                       struct err *e)
{
    struct paths p;
    if (!make_paths(&p, dir, e))
        return NULL;
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        err_set(e, "%s: %s", dir, strerror(errno));
        return NULL;
    }
    if (!files_usable(&p) && !make_files(&p, names, name_count, e))
        return NULL;
    return open_context(&p, e);
}
