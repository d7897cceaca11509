/* SPDX-License-Identifier: MIT
 * Who calls, and is it really them: access keys, time window, both signatures, nonce replay. The
 * strings to sign are rebuilt here from the raw request. */
#ifndef PB_MOCK_CHECK_AUTH_H
#define PB_MOCK_CHECK_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "mock/check/refusal.h"
#include "mock/wire/request.h"
#include "mock/world/table.h"

enum {
    AUTH_KEYS_MAX = 32,
    AUTH_ISSUED_MAX = 64,
    AUTH_NONCES_MAX = 1000000,
    AUTH_WINDOW_MS = 15 * 60 * 1000
};

struct auth_key {
    char *id, *secret;
    char *token;        /* of a temporary key; NULL for a permanent one */
    int64_t expires_ms; /* of a key that was handed out, provider's clock; 0: never */
};

struct auth {
    struct auth_key keys[AUTH_KEYS_MAX];
    int key_count;
    struct auth_key issued[AUTH_ISSUED_MAX]; /* handed out; the oldest makes room */
    uint64_t issued_count, expired_calls;
    bool verify; /* false: nothing is checked, everybody is let in */
    struct table nonces;
};

void auth_init(struct auth *a);
void auth_free(struct auth *a);

/* "ID:SECRET" or "ID:SECRET:TOKEN". False when malformed or there are too many. */
bool auth_add_key(struct auth *a, const char *spec);

/* New temporary keys. */
const struct auth_key *auth_issue(struct auth *a, int64_t expires_ms);
/* All that were handed out count as expired from now on. */
void auth_expire_issued(struct auth *a);

/* Checks in the order key, time, signature, nonce; only a correctly signed nonce is remembered. */
bool auth_check(struct auth *a, const struct request *q, int64_t now_ms, struct refusal *r);

#endif
