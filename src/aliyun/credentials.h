/* SPDX-License-Identifier: MIT
 * Where an app's keys come from, what those who hand out temporary keys answer, and when to ask
 * them again (API reference §9). Pure: texts and times in, keys or a time out. */
#ifndef PB_ALIYUN_CREDENTIALS_H
#define PB_ALIYUN_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum credentials_kind {
    CREDENTIALS_STATIC,  /* as configured, or from files that hold one value each */
    CREDENTIALS_PROFILE, /* a section of a credentials file, which says one of the others */
    CREDENTIALS_ECS,     /* the metadata service of an ECS instance with a role */
    CREDENTIALS_OIDC,    /* AssumeRoleWithOIDC */
    CREDENTIALS_ROLE,    /* AssumeRole, signed with static keys: a profile only */
};
const char *credentials_kind_name(enum credentials_kind k);

enum { CREDENTIALS_FILES = 3 };

/* Texts are borrowed; NULL: not set. */
struct credentials_source {
    enum credentials_kind kind;
    const char *id, *secret, *token;      /* STATIC; ROLE: what signs */
    const char *files[CREDENTIALS_FILES]; /* STATIC: those that hold id, secret, token */
    const char *profile, *file;           /* PROFILE */
    const char *role;                     /* ECS; NULL: the service is asked */
    const char *role_arn, *session, *policy;
    const char *provider_arn, *token_file; /* OIDC */
};
bool credentials_source_same(const struct credentials_source *a,
                             const struct credentials_source *b);

/* The section `name` of a credentials file as the source that it describes. The texts of *source
 * are owned by the profile. False with e: no such section, a type that is not supported, a value
 * that is missing. Lines never appear in e. */
struct profile {
    char *text;
    size_t len;
    struct credentials_source source;
};
MUST_USE bool profile_read(const char *text, size_t len, const char *name, struct profile *out,
                           struct err *e);
void profile_free(struct profile *p); /* wipes; also an empty one */

/* Keys as they are handed out. Texts are owned. */
struct credentials_owned {
    char *id, *secret, *token; /* token NULL: none */
    int64_t expires_ms;        /* wall clock of the one who gave them; 0: never */
};
/* Copies; false with e when a text could not go into a header: empty, too long, control bytes. */
MUST_USE bool credentials_own(struct credentials_owned *g, const char *id, const char *secret,
                              const char *token, struct err *e);
bool credentials_same(const struct credentials_owned *a,
                      const struct credentials_owned *b); /* the keys, not the expiry */
void credentials_free(struct credentials_owned *g);       /* wipes; also an empty one */

/* Answers of the metadata service and of STS. False with e, *out empty. Nothing of the answer but
 * the Code of a refusal appears in e. */
MUST_USE bool credentials_read_ecs(const char *body, size_t len, struct credentials_owned *out,
                                   struct err *e);
MUST_USE bool credentials_read_sts(const char *body, size_t len, struct credentials_owned *out,
                                   struct err *e);

/* How long to wait before asking for other keys, given what is left of these: until lead_ms before
 * their end, or, where they live too short or are the same again, a third of the rest. Jittered
 * downwards, 1 s to left_ms. */
int64_t credentials_refresh_in_ms(int64_t left_ms, int64_t lead_ms, uint64_t random);

/* After the n-th failure in a row (from 1): 1 s, doubling to 60 s, of which at least half. */
int64_t credentials_retry_in_ms(unsigned failures, uint64_t random);

/* 15 minutes; 60 for the instance role, whose keys the service exchanges by itself. */
int64_t credentials_lead_ms(enum credentials_kind k);

/* "LTAI***": enough to tell keys apart. */
enum { CREDENTIALS_MASKED_SIZE = 12 };
void credentials_mask(const char *id, char out[CREDENTIALS_MASKED_SIZE]);

#endif
