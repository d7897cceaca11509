/* SPDX-License-Identifier: MIT */
#include "mock/check/sigcheck.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/text.h"

enum { SIGN_MAX = 3 * (REQUEST_BODY_MAX + REQUEST_HEADERS_MAX), SHA256_SIZE = 32, SHA1_SIZE = 20 };

static const char scheme_v3[] = "ACS3-HMAC-SHA256";

static void sha256_hex(const void *p, size_t len, char out[2 * SHA256_SIZE + 1])
{
    static EVP_MD *md; /* fetched once: a lookup per call costs more than the hash */
    unsigned char digest[SHA256_SIZE];
    if (!md)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_Digest(p, len, digest, NULL, md, NULL);
    text_hex(digest, sizeof(digest), out);
}

static bool same_text(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && CRYPTO_memcmp(a, b, len) == 0;
}

static bool signature_mismatch(struct refusal *r, const struct buf *signed_text)
{
    return refusal_set(r, 400, "SignatureDoesNotMatch",
                       "Specified signature is not matched with our calculation. "
                       "server string to sign is:%s",
                       buf_text(signed_text));
}

/* The sorted parameters as one canonical query; in_query_only leaves the form body's out. */
static void add_canonical_query(struct buf *b, const struct fields *f, bool in_query_only)
{
    bool first = true;
    for (size_t i = 0; i < f->count; i++) {
        const struct field *field = &f->items[i];
        if (in_query_only ? field->in_form : strcmp(field->name, "Signature") == 0)
            continue;
        if (!first)
            buf_putc(b, '&');
        first = false;
        fields_encode(b, field->name);
        buf_putc(b, '=');
        fields_encode(b, field->value);
    }
}

/* --- V1 --- */

static void expected_v1(const char *secret, const struct buf *text, struct buf *out)
{
    char key[300];
    unsigned char mac[SHA1_SIZE];
    unsigned mac_len = sizeof(mac);
    int key_len = snprintf(key, sizeof(key), "%s&", secret);
    HMAC(EVP_sha1(), key, key_len, (const unsigned char *)buf_text(text), text->len, mac, &mac_len);
    text_base64(out, mac, mac_len);
    OPENSSL_cleanse(key, sizeof(key));
}

bool sigcheck_v1(const struct request *q, const char *secret, struct refusal *r)
{
    const char *given = fields_get(&q->fields, "Signature");
    struct buf query, text, signature;
    buf_init(&query, SIGN_MAX);
    buf_init(&text, SIGN_MAX);
    buf_init(&signature, 64);
    add_canonical_query(&query, &q->fields, false);
    buf_printf(&text, "%s&%%2F&", q->method);
    fields_encode(&text, buf_text(&query));
    expected_v1(secret, &text, &signature);
    bool ok = (given && same_text(buf_text(&signature), given)) || signature_mismatch(r, &text);
    buf_free(&query);
    buf_free(&text);
    buf_free(&signature);
    return ok;
}

/* --- V3 --- */

/* Copies what stands between key and the next comma. */
static bool copy_part(const char *text, const char *key, char *out, size_t size)
{
    const char *at = strstr(text, key);
    if (!at)
        return false;
    at += strlen(key);
    size_t len = strcspn(at, ", ");
    if (!len || len >= size)
        return false;
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

bool sigcheck_read_v3(const struct request *q, struct sigcheck_v3 *out, struct refusal *r)
{
    const char *text = request_header(q, "authorization");
    if (!text)
        return refusal_set(r, 400, "IncompleteSignature",
                           "Neither the header Authorization nor SignatureVersion is given.");
    size_t scheme_len = strlen(scheme_v3);
    if (!text_starts(text, scheme_v3) || text[scheme_len] != ' ' ||
        !copy_part(text, "Credential=", out->key_id, sizeof(out->key_id)) ||
        !copy_part(text, "SignedHeaders=", out->signed_headers, sizeof(out->signed_headers)) ||
        !copy_part(text, "Signature=", out->signature, sizeof(out->signature)))
        return refusal_set(r, 400, "IncompleteSignature", "The header Authorization is malformed.");
    return true;
}

static bool list_has(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = list; (p = strcasestr(p, name)); p += len)
        if ((p == list || p[-1] == ';') && (p[len] == ';' || p[len] == '\0'))
            return true;
    return false;
}

static bool must_be_signed(const struct request *q, const char *name)
{
    return strcasecmp(name, "host") == 0 || strncasecmp(name, "x-acs-", 6) == 0 ||
           (q->body_len && strcasecmp(name, "content-type") == 0);
}

static bool all_signed(const struct request *q, const char *list, struct refusal *r)
{
    static const char *const needed[] = {
        "host",       "x-acs-action",          "x-acs-version",
        "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (!request_header(q, needed[i]) || !list_has(list, needed[i]))
            return refusal_set(r, 400, "IncompleteSignature", "The header %s must be signed.",
                               needed[i]);
    const struct evkeyval *header;
    for (header = q->headers->tqh_first; header; header = header->next.tqe_next)
        if (must_be_signed(q, header->key) && !list_has(list, header->key))
            return refusal_set(r, 400, "IncompleteSignature", "The header %.80s must be signed.",
                               header->key);
    return true;
}

static void add_trimmed(struct buf *b, const char *value)
{
    size_t len = strlen(value);
    while (len && isspace((unsigned char)value[len - 1]))
        len--;
    for (; len && isspace((unsigned char)*value); len--)
        value++;
    buf_add(b, value, len);
}

/* One "name:value" line per signed header. False when one is absent, or the list is not in
 * order or not in lower case. */
static bool add_canonical_headers(struct buf *b, const struct request *q, const char *list)
{
    char name[128], last[128] = "";
    for (const char *p = list;; p++) {
        size_t len = strcspn(p, ";");
        if (!len || len >= sizeof(name))
            return false;
        memcpy(name, p, len);
        name[len] = '\0';
        const char *value = request_header(q, name);
        if (!value || strcmp(last, name) >= 0)
            return false;
        for (size_t i = 0; i < len; i++)
            if (isupper((unsigned char)name[i]))
                return false;
        buf_printf(b, "%s:", name);
        add_trimmed(b, value);
        buf_putc(b, '\n');
        memcpy(last, name, len + 1);
        p += len;
        if (!*p)
            return true;
    }
}

static bool body_hash_true(const struct request *q, char hash[65], struct refusal *r)
{
    const char *given = request_header(q, "x-acs-content-sha256");
    sha256_hex(q->body, q->body_len, hash);
    return same_text(hash, given) ||
           refusal_set(r, 400, "SignatureDoesNotMatch",
                       "The header x-acs-content-sha256 is not the hash of the body.");
}

static bool add_canonical_request(struct buf *b, const struct request *q, const char *list,
                                  const char *body_hash, struct refusal *r)
{
    buf_printf(b, "%s\n/\n", q->method);
    add_canonical_query(b, &q->fields, true);
    buf_putc(b, '\n');
    if (!add_canonical_headers(b, q, list))
        return refusal_set(r, 400, "IncompleteSignature",
                           "SignedHeaders must name headers that are present, in lower case, "
                           "sorted.");
    buf_printf(b, "\n%s\n%s", list, body_hash);
    return true;
}

static void expected_v3(const char *secret, const struct buf *request, char out[65])
{
    char text[128], hash[65];
    unsigned char mac[SHA256_SIZE];
    unsigned mac_len = sizeof(mac);
    sha256_hex(buf_text(request), request->len, hash);
    int len = snprintf(text, sizeof(text), "%s\n%s", scheme_v3, hash);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)len, mac,
         &mac_len);
    text_hex(mac, mac_len, out);
}

bool sigcheck_v3(const struct request *q, const struct sigcheck_v3 *given, const char *secret,
                 struct refusal *r)
{
    char body_hash[65], signature[65];
    if (!all_signed(q, given->signed_headers, r) || !body_hash_true(q, body_hash, r))
        return false;
    struct buf text;
    buf_init(&text, SIGN_MAX);
    bool ok = add_canonical_request(&text, q, given->signed_headers, body_hash, r);
    if (ok) {
        expected_v3(secret, &text, signature);
        ok = same_text(signature, given->signature) || signature_mismatch(r, &text);
    }
    buf_free(&text);
    return ok;
}
