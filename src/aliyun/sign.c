/* SPDX-License-Identifier: MIT */
#include "aliyun/sign.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* OpenSSL 3 looks an algorithm up by name in every one-shot call, which costs more than hashing
 * a request. Algorithms and contexts are therefore made once and kept (one thread uses them). */
struct algorithm {
    const char *name;
    size_t size;
    EVP_MD *md;
    EVP_MD_CTX *hash;
    EVP_MAC_CTX *mac;
};
static struct algorithm sha1 = {.name = "SHA1", .size = 20};
static struct algorithm sha256 = {.name = "SHA256", .size = 32};

/* A library that cannot hash is as broken as one that cannot allocate. */
static void must_hash(bool ok)
{
    if (!ok)
        abort();
}

static EVP_MAC_CTX *make_mac(const char *digest)
{
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must_hash(mac);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
    must_hash(ctx);
    EVP_MAC_free(mac);
    char name[16];
    snprintf(name, sizeof name, "%s", digest);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    must_hash(EVP_MAC_CTX_set_params(ctx, params));
    return ctx;
}

static void prepare_algorithm(struct algorithm *a)
{
    if (a->md)
        return;
    a->md = EVP_MD_fetch(NULL, a->name, NULL);
    must_hash(a->md);
    a->hash = EVP_MD_CTX_new();
    must_hash(a->hash);
    a->mac = make_mac(a->name);
}

static void hash(struct algorithm *a, const void *p, size_t len, unsigned char *out)
{
    prepare_algorithm(a);
    must_hash(EVP_DigestInit_ex2(a->hash, a->md, NULL) && EVP_DigestUpdate(a->hash, p, len) &&
              EVP_DigestFinal_ex(a->hash, out, NULL));
}

static void hmac(struct algorithm *a, const void *key, size_t key_len, const void *p, size_t len,
                 unsigned char *out)
{
    size_t written = 0;
    prepare_algorithm(a);
    must_hash(EVP_MAC_init(a->mac, key, key_len, NULL) && EVP_MAC_update(a->mac, p, len) &&
              EVP_MAC_final(a->mac, out, &written, a->size) && written == a->size);
}

void sign_sha256(const void *p, size_t len, unsigned char out[32])
{
    hash(&sha256, p, len, out);
}

void sign_sha256_hex(const void *p, size_t len, char out[65])
{
    unsigned char digest[32];
    sign_sha256(p, len, digest);
    text_hex(digest, sizeof digest, out);
}

struct sign_begun {
    EVP_MD_CTX *hash;
};

struct sign_begun *sign_sha256_begin(const void *p, size_t len)
{
    struct sign_begun *begun = mem_alloc(sizeof *begun);
    prepare_algorithm(&sha256);
    begun->hash = EVP_MD_CTX_new();
    must_hash(begun->hash && EVP_DigestInit_ex2(begun->hash, sha256.md, NULL) &&
              EVP_DigestUpdate(begun->hash, p, len));
    return begun;
}

void sign_sha256_end(const struct sign_begun *begun, const void *p, size_t len, char out[65])
{
    unsigned char digest[32];
    must_hash(EVP_MD_CTX_copy_ex(sha256.hash, begun->hash) &&
              EVP_DigestUpdate(sha256.hash, p, len) &&
              EVP_DigestFinal_ex(sha256.hash, digest, NULL));
    text_hex(digest, sizeof digest, out);
}

void sign_begun_free(struct sign_begun *begun)
{
    if (begun)
        EVP_MD_CTX_free(begun->hash);
    mem_free(begun);
}

void sign_sha1(const void *p, size_t len, unsigned char out[20])
{
    hash(&sha1, p, len, out);
}

static bool is_unreserved(unsigned char c)
{
    /* Bit c: A–Z a–z 0–9 - _ . ~ */
    static const uint64_t set[4] = {UINT64_C(0x03ff600000000000), UINT64_C(0x47fffffe87fffffe)};
    return set[c >> 6] >> (c & 63) & 1;
}

void sign_encode(struct buf *out, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    char piece[128];
    size_t n = 0;
    for (const unsigned char *u = (const unsigned char *)text; *u; u++) {
        if (n > sizeof piece - 3) {
            buf_add(out, piece, n);
            n = 0;
        }
        if (is_unreserved(*u)) {
            piece[n++] = (char)*u;
            continue;
        }
        piece[n++] = '%';
        piece[n++] = hex[*u >> 4];
        piece[n++] = hex[*u & 15];
    }
    buf_add(out, piece, n);
}

void sign_canonical_query(struct buf *out, const struct params *params)
{
    for (size_t i = 0; i < params->n; i++) {
        assert(i == 0 || strcmp(params->v[i - 1].name, params->v[i].name) < 0);
        if (i)
            buf_putc(out, '&');
        sign_encode(out, params->v[i].name);
        buf_putc(out, '=');
        sign_encode(out, params->v[i].value);
    }
}

void sign_v1_string(struct buf *out, const char *method, const char *canonical_query)
{
    buf_puts(out, method);
    buf_puts(out, "&%2F&");
    sign_encode(out, canonical_query);
}

void sign_v1(const char *secret, const char *string_to_sign, struct buf *signature_base64)
{
    unsigned char mac[20];
    size_t len = strlen(secret);
    char *key = mem_dup(secret, len + 1);
    key[len] = '&';
    hmac(&sha1, key, len + 1, string_to_sign, strlen(string_to_sign), mac);
    mem_wipe(key, len + 1);
    mem_free(key);
    text_base64(signature_base64, mac, sizeof mac);
}

static void add_header_value(struct buf *out, const char *value)
{
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    buf_add(out, value, len);
}

void sign_v3_canonical(struct buf *out, const char *method, const char *canonical_query,
                       const struct sign_header *headers, size_t n, const char *body_sha256_hex)
{
    buf_puts(out, method);
    buf_puts(out, "\n/\n");
    buf_puts(out, canonical_query);
    buf_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        buf_puts(out, headers[i].name);
        buf_putc(out, ':');
        add_header_value(out, headers[i].value);
        buf_putc(out, '\n');
    }
    buf_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(out, ';');
        buf_puts(out, headers[i].name);
    }
    buf_putc(out, '\n');
    buf_puts(out, body_sha256_hex);
}

void sign_v3_string(struct buf *out, const char *canonical_request, size_t len)
{
    char hex[65];
    sign_sha256_hex(canonical_request, len, hex);
    buf_puts(out, "ACS3-HMAC-SHA256\n");
    buf_puts(out, hex);
}

void sign_v3(const char *secret, const char *string_to_sign, size_t len, char signature_hex[65])
{
    unsigned char mac[32];
    hmac(&sha256, secret, strlen(secret), string_to_sign, len, mac);
    text_hex(mac, sizeof mac, signature_hex);
}
