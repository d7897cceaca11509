/* SPDX-License-Identifier: MIT
 * The two signature schemes, rebuilt from the request as it arrived. */
#ifndef PB_MOCK_CHECK_SIGCHECK_H
#define PB_MOCK_CHECK_SIGCHECK_H

#include <stdbool.h>

#include "mock/check/refusal.h"
#include "mock/wire/request.h"

/* The parts of "ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…". */
struct sigcheck_v3 {
    char key_id[129];
    char signed_headers[2049];
    char signature[65];
};

bool sigcheck_read_v3(const struct request *q, struct sigcheck_v3 *out, struct refusal *r);

/* Every header that must be signed is, the list is sorted, the body's hash is true, and the
 * signature fits. */
bool sigcheck_v3(const struct request *q, const struct sigcheck_v3 *given, const char *secret,
                 struct refusal *r);

bool sigcheck_v1(const struct request *q, const char *secret, struct refusal *r);

#endif
