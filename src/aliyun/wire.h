/* SPDX-License-Identifier: MIT
 * The bytes of one call: where its parameters go, common ones, headers and signature. Pure: nonce
 * and stamp are arguments, so a test can fix them. */
#ifndef PB_ALIYUN_WIRE_H
#define PB_ALIYUN_WIRE_H

#include "aliyun/params.h"
#include "base/buf.h"

enum { WIRE_VALUES_MAX = 2 << 20 }; /* names and values of one call, in bytes */

struct credentials {
    const char *id, *secret, *security_token; /* token NULL: none */
};

enum signature_version { SIGNATURE_V1, SIGNATURE_V3 };

struct endpoint {
    const char *url;  /* "https://cloudpush.aliyuncs.com" without a path */
    const char *host; /* host[:port] as the Host header carries it */
    enum signature_version signature;
    size_t max_url_bytes; /* 8000: above, V3 becomes V1 with a form body, same token */
    size_t payload_max;   /* 1800 */
};

struct wire_header {
    const char *name, *value; /* the latter the wire's own */
    size_t at;                /* of the value, while values grow */
};
/* What goes out. target is the request target ("/" or "/?query"); the URL is endpoint->url +
 * target. The method is always POST. Host is signed as endpoint->host and left to the transport,
 * which must not add a content-type where the body is empty. */
struct wire {
    struct buf target, body, values;
    struct wire_header headers[12];
    size_t nheaders;
    struct buf scratch[2]; /* of wire_sign(), kept for the next call */
};
void wire_init(struct wire *w);
void wire_reset(struct wire *w); /* keeps memory for the next call */
void wire_free(struct wire *w);  /* wipes */

/* Signs. params holds everything of the action (AppKey, token, JobKey included). Tasks of MassPush
 * go into a form body, under V3 too (§1.2). stamp is UTC text, nonce is unique per attempt. */
void wire_sign(const struct endpoint *ep, const struct credentials *cred, const char *action,
               const struct params *params, const char *stamp, const char *nonce, struct wire *out);

#endif
