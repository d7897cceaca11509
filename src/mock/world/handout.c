/* SPDX-License-Identifier: MIT */
#include "mock/world/handout.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "mock/wire/provider.h"

void handout_init(struct handout *h)
{
    *h = (struct handout){.imds = IMDS_HARDENED, .role = "push-role", .life_s = 3600};
}

bool handout_parse_imds(const char *word, enum imds_mode *out)
{
    static const char *const words[] = {"hardened", "any", "v1", "off"};
    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(words[i], word) == 0) {
            *out = (enum imds_mode)i;
            return true;
        }
    return false;
}

static bool set_handout_text(char out[HANDOUT_TEXT_SIZE], const char *value)
{
    if (strlen(value) >= HANDOUT_TEXT_SIZE)
        return false;
    snprintf(out, HANDOUT_TEXT_SIZE, "%s", value);
    return true;
}

bool handout_set(struct handout *h, const char *name, const char *value)
{
    if (strcmp(name, "life_s") == 0)
        return text_int(value, 1, 86400, &h->life_s);
    if (strcmp(name, "imds") == 0)
        return handout_parse_imds(value, &h->imds);
    if (strcmp(name, "role") == 0)
        return set_handout_text(h->role, value);
    if (strcmp(name, "oidc_token") == 0)
        return set_handout_text(h->oidc_token, value);
    if (strcmp(name, "sts") != 0)
        return false;
    h->sts_off = strcmp(value, "off") == 0;
    return h->sts_off || strcmp(value, "on") == 0;
}

void handout_report(const struct handout *h, const struct auth *a, struct buf *out)
{
    const struct {
        const char *name;
        uint64_t n;
    } rows[] = {{"metadata_tokens", h->metadata_tokens},
                {"roles", h->roles},
                {"imds_keys", h->imds_keys},
                {"oidc", h->oidc},
                {"assumed", h->assumed},
                {"refused", h->refused},
                {"issued", a->issued_count},
                {"expired_calls", a->expired_calls}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        buf_printf(out, "%s\"%s\":%llu", i ? "," : "{", rows[i].name,
                   (unsigned long long)rows[i].n);
    buf_puts(out, "}\n");
}

const struct auth_key *handout_issue(struct provider *p)
{
    return auth_issue(&p->auth,
                      clock_wall_ms() + p->clock_skew_ms + p->handout.life_s * INT64_C(1000));
}

void handout_write_keys(const struct auth_key *k, struct buf *out)
{
    char ends[CLOCK_UTC_SIZE];
    clock_format_utc(k->expires_ms, ends);
    buf_printf(out,
               "\"AccessKeyId\":\"%s\",\"AccessKeySecret\":\"%s\",\"SecurityToken\":\"%s\","
               "\"Expiration\":\"%s\"",
               k->id, k->secret, k->token, ends);
}
