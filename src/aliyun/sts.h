/* SPDX-License-Identifier: MIT
 * Calls to STS that hand out a role's keys (API reference §9.5). Pure: stamp and nonce are
 * arguments. */
#ifndef PB_ALIYUN_STS_H
#define PB_ALIYUN_STS_H

#include "aliyun/credentials.h"
#include "base/buf.h"

/* How long the keys are asked for: what a role allows unless it was changed. */
enum { STS_DURATION_S = 3600 };

/* Fill target ("/…") and a form body of a POST; both are initialised by the caller. */
void sts_write_oidc(const struct credentials_source *s, const char *oidc_token, const char *stamp,
                    struct buf *target, struct buf *body); /* unsigned */
void sts_write_role(const struct credentials_source *s, const char *stamp, const char *nonce,
                    struct buf *target, struct buf *body);

#endif
