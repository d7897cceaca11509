/* SPDX-License-Identifier: MIT */
#include "aliyun/content.h"

#include <stdio.h>
#include <string.h>

#include "aliyun/sign.h"
#include "base/text.h"

enum { NAME_LEN = CONTENT_CHECK_LEN / 2, HASH_SIZE = NAME_LEN / 2, NAMED_MAX = 8 };

/* The values of a parameter that all tasks have follow each other, each after the hash of those
 * before it. */
static void hash_value(const unsigned char before[HASH_SIZE], const char *value,
                       unsigned char out[HASH_SIZE])
{
    unsigned char both[32 + HASH_SIZE], sum[32];
    sign_sha256(value, strlen(value), both);
    memcpy(both + 32, before, HASH_SIZE);
    sign_sha256(both, sizeof both, sum);
    memcpy(out, sum, HASH_SIZE);
}

static void hash_name(const char *name, char out[NAME_LEN + 1])
{
    unsigned char sum[32];
    sign_sha256(name, strlen(name), sum);
    text_hex(sum, HASH_SIZE, out);
}

struct slots {
    const char *names[CONTENT_NAMES_MAX];
    unsigned char values[CONTENT_NAMES_MAX][HASH_SIZE];
    size_t n;
};

/* CONTENT_NAMES_MAX: there is no room for one more. */
static size_t find_slot(struct slots *s, const char *name)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->names[i], name) != 0)
        i++;
    if (i == s->n && i < CONTENT_NAMES_MAX)
        s->names[s->n++] = name;
    return i;
}

void content_of_common(const struct request_common *common, const struct params *params,
                       struct content *out)
{
    char hex[65];
    request_common_digest(common, params, hex);
    *out = (struct content){.digest = ""};
    snprintf(out->digest, sizeof out->digest, "%.16s", hex);
}

void content_of(const struct params *params, struct content *out)
{
    char hex[65];
    struct slots slots = {.n = 0};
    request_digest(params, hex);
    *out = (struct content){.digest = ""};
    snprintf(out->digest, sizeof out->digest, "%.16s", hex);
    for (size_t i = 0; i < params->n; i++) {
        const char *name = request_content_name(params->v[i].name);
        bool told = name && strcmp(name, "TargetValue") != 0;
        size_t at = told ? find_slot(&slots, name) : CONTENT_NAMES_MAX;
        if (at < CONTENT_NAMES_MAX)
            hash_value(slots.values[at], params->v[i].value, slots.values[at]);
    }
    char *to = out->checks;
    *to = '\0';
    for (size_t i = 0; i < slots.n; i++, to += CONTENT_CHECK_LEN) {
        hash_name(slots.names[i], to);
        text_hex(slots.values[i], HASH_SIZE, to + NAME_LEN);
    }
}

/* --- differences ----------------------------------------------------------------------------- */

/* The check of the parameter that one of the other call's is of; NULL: there is none. */
static const char *find_check(const char *checks, const char *of)
{
    for (size_t n = strlen(checks) / CONTENT_CHECK_LEN; n--; checks += CONTENT_CHECK_LEN)
        if (memcmp(checks, of, NAME_LEN) == 0)
            return checks;
    return NULL;
}

static const char *name_of(const char *check)
{
    char hash[NAME_LEN + 1];
    for (size_t i = 0; i < params_push_count; i++) {
        hash_name(params_push[i].name, hash);
        if (memcmp(hash, check, NAME_LEN) == 0)
            return params_push[i].name;
    }
    return "another parameter";
}

static void add_limit_name(const char *check, size_t *n, struct buf *out)
{
    if (*n < NAMED_MAX) {
        buf_puts(out, *n ? ", " : "");
        buf_puts(out, name_of(check));
    }
    ++*n;
}

static bool is_same(const char *a, const char *b)
{
    return a && memcmp(a, b, CONTENT_CHECK_LEN) == 0;
}

void content_write_differences(const char *was, const char *now, struct buf *out)
{
    size_t n = 0, nwas = strlen(was) / CONTENT_CHECK_LEN, nnow = strlen(now) / CONTENT_CHECK_LEN;
    for (size_t i = 0; i < nnow; i++) {
        const char *check = now + i * CONTENT_CHECK_LEN;
        if (!is_same(find_check(was, check), check))
            add_limit_name(check, &n, out);
    }
    for (size_t i = 0; i < nwas; i++) {
        const char *check = was + i * CONTENT_CHECK_LEN;
        if (!find_check(now, check))
            add_limit_name(check, &n, out);
    }
    if (n > NAMED_MAX)
        buf_printf(out, " and %zu more", n - NAMED_MAX);
}
