/* SPDX-License-Identifier: MIT
 * Both signature schemes of the provider (API reference §2): V1 = RPC HMAC-SHA1 over parameters,
 * V3 = ACS3-HMAC-SHA256 over a canonical request. Pure: stamp and nonce are arguments. */
#ifndef PB_ALIYUN_SIGN_H
#define PB_ALIYUN_SIGN_H

#include "aliyun/params.h"
#include "base/buf.h"

/* Percent-encodes UTF-8 bytes; A–Z a–z 0–9 - _ . ~ stay (§2.1). */
void sign_encode(struct buf *out, const char *text);

/* Sorted name=value pairs joined with '&', both encoded. params must be sorted. */
void sign_canonical_query(struct buf *out, const struct params *params);

/* V1: METHOD & %2F & enc(canonical). */
void sign_v1_string(struct buf *out, const char *method, const char *canonical_query);
void sign_v1(const char *secret, const char *string_to_sign, struct buf *signature_base64);

struct sign_header {
    const char *name, *value; /* lower-case name; sorted by name by the caller */
};
/* V3: the canonical request of §2.5. path is "/". */
void sign_v3_canonical(struct buf *out, const char *method, const char *canonical_query,
                       const struct sign_header *headers, size_t n, const char *body_sha256_hex);
/* V3 string to sign from a canonical request. */
void sign_v3_string(struct buf *out, const char *canonical_request, size_t len);
void sign_v3(const char *secret, const char *string_to_sign, size_t len, char signature_hex[65]);

void sign_sha256(const void *p, size_t len, unsigned char out[32]);
void sign_sha256_hex(const void *p, size_t len, char out[65]);

/* A text of which only the end differs: its beginning is hashed once. Never NULL. */
struct sign_begun;
struct sign_begun *sign_sha256_begin(const void *p, size_t len);
void sign_sha256_end(const struct sign_begun *begun, const void *p, size_t len, char out[65]);
void sign_begun_free(struct sign_begun *begun); /* NULL: nothing */

void sign_sha1(const void *p, size_t len, unsigned char out[20]); /* for UUIDv5 */

#endif
