/* SPDX-License-Identifier: MIT
 * Who hands out temporary keys: the metadata service of an ECS instance, and STS. What they have
 * in common, and what can be asked and told on the control port. */
#ifndef PB_MOCK_WORLD_HANDOUT_H
#define PB_MOCK_WORLD_HANDOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "mock/check/auth.h"

struct evhttp_request;
struct provider;

enum imds_mode {
    IMDS_HARDENED, /* a metadata token is needed */
    IMDS_ANY,      /* with or without one */
    IMDS_V1,       /* there are no metadata tokens */
    IMDS_OFF,      /* 503 */
};

enum { HANDOUT_TEXT_SIZE = 256 };

struct handout {
    enum imds_mode imds;
    bool sts_off;                       /* 503 */
    char role[HANDOUT_TEXT_SIZE];       /* of the instance */
    char oidc_token[HANDOUT_TEXT_SIZE]; /* the only one that is taken; "": any */
    int64_t life_s;
    uint64_t metadata_tokens, roles, imds_keys, oidc, assumed, refused;
    char metadata_token[33];          /* the last one */
    const struct auth_key *imds_last; /* what the service hands out until half its life is over */
};

void handout_init(struct handout *h);

bool handout_parse_imds(const char *word, enum imds_mode *out); /* hardened, any, v1, off */

/* One setting by name: life_s, imds, sts (on, off), role, oidc_token. */
bool handout_set(struct handout *h, const char *name, const char *value);

/* {"metadata_tokens":…,…}: counts of requests that were granted, keys issued, calls refused. */
void handout_report(const struct handout *h, const struct auth *a, struct buf *out);

/* Both return false when the request is not theirs; else it is answered. */
bool imds_answer(struct provider *p, struct evhttp_request *http, const char *path);
bool sts_answer(struct provider *p, struct evhttp_request *http);

/* New keys that live life_s from now on the provider's clock; borrowed, known to the provider. */
const struct auth_key *handout_issue(struct provider *p);
/* ,"AccessKeyId":…,"Expiration":…: the members that both kinds of answer have. */
void handout_write_keys(const struct auth_key *k, struct buf *out);

#endif
