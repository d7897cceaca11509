/* SPDX-License-Identifier: MIT */
#include "mock/check/auth.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "mock/check/sigcheck.h"

/* What both schemes carry, in different places. */
struct claim {
    const char *key_id, *nonce, *stamp, *token;
    struct sigcheck_v3 v3;
};

static const struct auth_key *find_key(const struct auth *a, const char *id)
{
    for (int i = 0; i < a->key_count; i++)
        if (strcmp(a->keys[i].id, id) == 0)
            return &a->keys[i];
    for (int i = 0; i < AUTH_ISSUED_MAX; i++)
        if (a->issued[i].id && strcmp(a->issued[i].id, id) == 0)
            return &a->issued[i];
    return NULL;
}

static bool read_v1(const struct request *q, struct claim *c, struct refusal *r)
{
    static const char *const needed[] = {"AccessKeyId",    "SignatureMethod", "SignatureVersion",
                                         "SignatureNonce", "Timestamp",       "Signature"};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (!fields_get(&q->fields, needed[i]))
            return refusal_named(r, "Missing", needed[i], "",
                                 "A common parameter that is mandatory is missing.");
    if (strcmp(fields_get(&q->fields, "SignatureMethod"), "HMAC-SHA1") != 0 ||
        strcmp(fields_get(&q->fields, "SignatureVersion"), "1.0") != 0)
        return refusal_set(r, 400, "IncompleteSignature",
                           "SignatureMethod must be HMAC-SHA1, SignatureVersion 1.0.");
    c->key_id = fields_get(&q->fields, "AccessKeyId");
    c->nonce = fields_get(&q->fields, "SignatureNonce");
    c->stamp = fields_get(&q->fields, "Timestamp");
    c->token = fields_get(&q->fields, "SecurityToken");
    return true;
}

static bool read_v3(const struct request *q, struct claim *c, struct refusal *r)
{
    if (!sigcheck_read_v3(q, &c->v3, r))
        return false;
    c->key_id = c->v3.key_id;
    c->nonce = request_header(q, "x-acs-signature-nonce");
    c->stamp = request_header(q, "x-acs-date");
    c->token = request_header(q, "x-acs-security-token");
    if (!c->nonce)
        return refusal_named(r, "Missing", "SignatureNonce", "",
                             "x-acs-signature-nonce is missing.");
    if (!c->stamp)
        return refusal_named(r, "Missing", "Timestamp", "", "x-acs-date is missing.");
    return true;
}

static bool check_token(struct auth *a, const struct auth_key *key, const char *given,
                        int64_t now_ms, struct refusal *r)
{
    if (key->token && !given)
        return refusal_set(r, 400, "MissingSecurityToken", "SecurityToken is mandatory.");
    if (!key->token && given)
        return refusal_set(r, 400, "InvalidSecurityToken.MismatchWithAccessKey",
                           "The SecurityToken does not belong to this access key.");
    if (key->token && strcmp(key->token, given) != 0)
        return refusal_set(r, 400, "InvalidSecurityToken.Malformed",
                           "Specified SecurityToken is malformed.");
    if (key->expires_ms && now_ms >= key->expires_ms) {
        a->expired_calls++;
        return refusal_set(r, 400, "InvalidSecurityToken.Expired",
                           "Specified SecurityToken is expired.");
    }
    return true;
}

static bool check_stamp(const char *stamp, int64_t now_ms, struct refusal *r)
{
    int64_t stamp_ms;
    if (strlen(stamp) != 20 || stamp[19] != 'Z' || !clock_parse_rfc3339(stamp, &stamp_ms))
        return refusal_set(r, 400, "InvalidTimeStamp.Format",
                           "Specified time stamp or date value is not well formatted.");
    if (llabs(now_ms - stamp_ms) > AUTH_WINDOW_MS)
        return refusal_set(r, 400, "InvalidTimeStamp.Expired",
                           "Specified time stamp or date value is expired.");
    return true;
}

static bool check_nonce(struct auth *a, const struct claim *c, struct refusal *r)
{
    char key[400];
    if (strlen(c->nonce) > 256)
        return refusal_named(r, "Invalid", "SignatureNonce", ".LengthExceed", "At most 256 bytes.");
    snprintf(key, sizeof(key), "%s %s", c->key_id, c->nonce);
    if (table_get(&a->nonces, key))
        return refusal_set(r, 400, "SignatureNonceUsed",
                           "Specified signature nonce was used already.");
    table_put(&a->nonces, key);
    return true;
}

void auth_init(struct auth *a)
{
    *a = (struct auth){.verify = true};
    table_init(&a->nonces, AUTH_NONCES_MAX, 0);
}

void auth_free(struct auth *a)
{
    for (int i = 0; i < a->key_count; i++)
        mem_free(a->keys[i].id);
    for (int i = 0; i < AUTH_ISSUED_MAX; i++)
        mem_free(a->issued[i].id);
    table_free(&a->nonces);
}

bool auth_add_key(struct auth *a, const char *spec)
{
    size_t len = strlen(spec);
    const char *colon = strchr(spec, ':');
    if (!colon || colon == spec || !colon[1] || len > 4096 || a->key_count == AUTH_KEYS_MAX)
        return false;
    struct auth_key *key = &a->keys[a->key_count];
    key->id = mem_dup(spec, len);
    key->secret = key->id + (colon - spec);
    *key->secret++ = '\0';
    key->token = strchr(key->secret, ':');
    if (key->token)
        *key->token++ = '\0';
    if (strlen(key->id) > 128 || strlen(key->secret) > 256) {
        mem_free(key->id);
        return false;
    }
    a->key_count++;
    return true;
}

const struct auth_key *auth_issue(struct auth *a, int64_t expires_ms)
{
    enum { ID_SIZE = 29, SECRET_SIZE = 33, TOKEN_SIZE = 65 };
    unsigned char random[60];
    struct auth_key *key = &a->issued[a->issued_count++ % AUTH_ISSUED_MAX];
    mem_free(key->id);
    char *text = mem_alloc(ID_SIZE + SECRET_SIZE + TOKEN_SIZE);
    *key = (struct auth_key){text, text + ID_SIZE, text + ID_SIZE + SECRET_SIZE, expires_ms};
    clock_random(random, sizeof(random));
    memcpy(text, "STS.", 4);
    text_hex(random, 12, text + 4);
    text_hex(random + 12, 16, key->secret);
    text_hex(random + 28, 32, key->token);
    return key;
}

void auth_expire_issued(struct auth *a)
{
    for (int i = 0; i < AUTH_ISSUED_MAX; i++)
        if (a->issued[i].id)
            a->issued[i].expires_ms = 1;
}

bool auth_check(struct auth *a, const struct request *q, int64_t now_ms, struct refusal *r)
{
    struct claim claim = {0};
    if (!a->verify)
        return true;
    if (q->v3 ? !read_v3(q, &claim, r) : !read_v1(q, &claim, r))
        return false;
    assert(claim.key_id && claim.stamp);
    const struct auth_key *key = find_key(a, claim.key_id);
    if (!key)
        return refusal_set(r, 404, "InvalidAccessKeyId.NotFound",
                           "Specified access key is not found.");
    return check_token(a, key, claim.token, now_ms, r) && check_stamp(claim.stamp, now_ms, r) &&
           (q->v3 ? sigcheck_v3(q, &claim.v3, key->secret, r) : sigcheck_v1(q, key->secret, r)) &&
           check_nonce(a, &claim, r);
}
