/* SPDX-License-Identifier: MIT */
#include "aliyun/credentials.h"

#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/secrets.h"

enum {
    ID_MAX = 256,
    SECRET_MAX = 256,
    TOKEN_MAX = 8192,
    RETRY_BASE_MS = 1000,
    RETRY_CAP_MS = 60000,
    REFRESH_MIN_MS = 1000,
    AGAIN_MAX_MS = 5 * 60 * 1000, /* while keys are near their end: look so often at least */
    SHOWN_CHARS = 4,
};

const char *credentials_kind_name(enum credentials_kind k)
{
    static const char *const names[] = {[CREDENTIALS_STATIC] = "static",
                                        [CREDENTIALS_PROFILE] = "profile",
                                        [CREDENTIALS_ECS] = "ecs",
                                        [CREDENTIALS_OIDC] = "oidc",
                                        [CREDENTIALS_ROLE] = "ram_role_arn"};
    return names[k];
}

static bool same_value(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* What the kind does not use may differ. */
bool credentials_source_same(const struct credentials_source *a, const struct credentials_source *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case CREDENTIALS_STATIC:
        for (size_t i = 0; i < CREDENTIALS_FILES; i++)
            if (!same_value(a->files[i], b->files[i]))
                return false;
        return same_value(a->id, b->id) && same_value(a->secret, b->secret) &&
               same_value(a->token, b->token);
    case CREDENTIALS_PROFILE:
        return same_value(a->profile, b->profile) && same_value(a->file, b->file);
    case CREDENTIALS_ECS:
        return same_value(a->role, b->role);
    case CREDENTIALS_OIDC:
        return same_value(a->role_arn, b->role_arn) && same_value(a->session, b->session) &&
               same_value(a->provider_arn, b->provider_arn) &&
               same_value(a->token_file, b->token_file);
    case CREDENTIALS_ROLE:
        break;
    }
    return same_value(a->id, b->id) && same_value(a->secret, b->secret) &&
           same_value(a->role_arn, b->role_arn) && same_value(a->session, b->session) &&
           same_value(a->policy, b->policy);
}

/* --- keys that were handed out ---------------------------------------------------------------- */

static bool fits_header(const char *text, size_t max)
{
    size_t len = strnlen(text, max + 1);
    if (!len || len > max)
        return false;
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7F)
            return false;
    return true;
}

bool credentials_own(struct credentials_owned *g, const char *id, const char *secret,
                     const char *token, struct err *e)
{
    *g = (struct credentials_owned){0};
    if (!id || !fits_header(id, ID_MAX))
        return err_set(e, "the AccessKeyId is missing or malformed");
    if (!secret || !fits_header(secret, SECRET_MAX))
        return err_set(e, "the AccessKeySecret is missing or malformed");
    if (token && !fits_header(token, TOKEN_MAX))
        return err_set(e, "the SecurityToken is malformed");
    *g = (struct credentials_owned){mem_strdup(id), mem_strdup(secret), mem_strdup(token), 0};
    secrets_add(secret);
    secrets_add(token);
    return true;
}

bool credentials_same(const struct credentials_owned *a, const struct credentials_owned *b)
{
    return same_value(a->id, b->id) && same_value(a->secret, b->secret) &&
           same_value(a->token, b->token);
}

static void wipe_text(char *text)
{
    if (text)
        mem_wipe(text, strlen(text));
    mem_free(text);
}

void credentials_free(struct credentials_owned *g)
{
    mem_free(g->id);
    wipe_text(g->secret);
    wipe_text(g->token);
    *g = (struct credentials_owned){0};
}

/* jansson frees its strings as they are. */
static void wipe_member(json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (json_is_string(value))
        mem_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
}

static bool read_object(json_t *o, struct credentials_owned *out, struct err *e)
{
    const char *ends = json_string_value(json_object_get(o, "Expiration"));
    const char *token = json_string_value(json_object_get(o, "SecurityToken"));
    if (!json_is_object(o) || !token)
        return err_set(e, "the answer holds no keys");
    int64_t expires_ms;
    if (!ends || !clock_parse_rfc3339(ends, &expires_ms))
        return err_set(e, "the answer's Expiration is missing or malformed");
    if (!credentials_own(out, json_string_value(json_object_get(o, "AccessKeyId")),
                         json_string_value(json_object_get(o, "AccessKeySecret")), token, e))
        return false;
    out->expires_ms = expires_ms;
    return true;
}

static bool read_keys(json_t *o, struct credentials_owned *out, struct err *e)
{
    bool ok = read_object(o, out, e);
    wipe_member(o, "AccessKeySecret");
    wipe_member(o, "SecurityToken");
    return ok;
}

/* The parser's own buffers hold what it reads, too. */
static void free_wiped(void *p)
{
    if (p)
        mem_wipe(p, malloc_usable_size(p));
    free(p);
}

static json_t *load_answer(const char *body, size_t len, struct err *e)
{
    json_malloc_t make;
    json_free_t end;
    json_get_alloc_funcs(&make, &end);
    json_set_alloc_funcs(malloc, free_wiped);
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    json_set_alloc_funcs(make, end);
    if (!root)
        err_set(e, "the answer is not JSON");
    return root;
}

bool credentials_read_ecs(const char *body, size_t len, struct credentials_owned *out,
                          struct err *e)
{
    *out = (struct credentials_owned){0};
    json_t *root = load_answer(body, len, e);
    const char *code = json_string_value(json_object_get(root, "Code"));
    bool ok = false;
    if (root && code && strcmp(code, "Success") != 0)
        err_set(e, "the metadata service says %.64s", code);
    else if (root)
        ok = read_keys(root, out, e);
    json_decref(root);
    return ok;
}

bool credentials_read_sts(const char *body, size_t len, struct credentials_owned *out,
                          struct err *e)
{
    *out = (struct credentials_owned){0};
    json_t *root = load_answer(body, len, e);
    bool ok = root && read_keys(json_object_get(root, "Credentials"), out, e);
    json_decref(root);
    return ok;
}

/* --- times ----------------------------------------------------------------------------------- */

static int64_t within(int64_t n, int64_t min, int64_t max)
{
    return n < min ? min : n > max ? max : n;
}

int64_t credentials_lead_ms(enum credentials_kind k)
{
    return (k == CREDENTIALS_ECS ? 60 : 15) * INT64_C(60000);
}

int64_t credentials_refresh_in_ms(int64_t left_ms, int64_t lead_ms, uint64_t random)
{
    int64_t wait = left_ms > lead_ms ? left_ms - lead_ms : 0;
    int64_t again = within(left_ms / 3, REFRESH_MIN_MS, AGAIN_MAX_MS);
    if (wait < again)
        wait = again;
    int64_t spread = min_int(wait, lead_ms) / 10;
    wait -= (int64_t)(random % (uint64_t)(spread + 1));
    return within(wait, REFRESH_MIN_MS, INT64_MAX);
}

int64_t credentials_retry_in_ms(unsigned failures, uint64_t random)
{
    unsigned doublings = failures ? failures - 1 : 0;
    int64_t pause = doublings > 6 ? RETRY_CAP_MS : (int64_t)RETRY_BASE_MS << doublings;
    pause = within(pause, RETRY_BASE_MS, RETRY_CAP_MS);
    return pause / 2 + (int64_t)(random % (uint64_t)(pause / 2 + 1));
}

void credentials_mask(const char *id, char out[CREDENTIALS_MASKED_SIZE])
{
    int shown = strncmp(id, "STS.", 4) == 0 ? 4 + SHOWN_CHARS : SHOWN_CHARS;
    snprintf(out, CREDENTIALS_MASKED_SIZE, "%.*s***",
             strlen(id) > (size_t)shown + SHOWN_CHARS ? shown : 0, id);
}
