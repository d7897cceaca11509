/* SPDX-License-Identifier: MIT */
#include "aliyun/sts.h"

#include "aliyun/params.h"
#include "aliyun/sign.h"

static const char version[] = "2015-04-01";
enum { STRING_MAX = 256 * 1024 };

static void set_sts_params(struct params *p, const char *action, const char *stamp)
{
    params_append(p, "Action", action);
    params_append(p, "Version", version);
    params_append(p, "Format", "JSON");
    params_append(p, "Timestamp", stamp);
}

static void set_role(struct params *p, const struct credentials_source *s)
{
    params_append(p, "RoleArn", s->role_arn);
    params_append(p, "RoleSessionName", s->session);
    params_set_int(p, "DurationSeconds", STS_DURATION_S);
    if (s->policy)
        params_append(p, "Policy", s->policy);
}

static void write_params(struct params *p, struct buf *out)
{
    params_sort(p);
    sign_canonical_query(out, p);
    params_free(p);
}

void sts_write_oidc(const struct credentials_source *s, const char *oidc_token, const char *stamp,
                    struct buf *target, struct buf *body)
{
    struct params query, form;
    params_init(&query);
    params_init(&form);
    set_sts_params(&query, "AssumeRoleWithOIDC", stamp);
    set_role(&form, s);
    params_append(&form, "OIDCProviderArn", s->provider_arn);
    params_append(&form, "OIDCToken", oidc_token);
    buf_puts(target, "/?");
    write_params(&query, target);
    write_params(&form, body);
}

void sts_write_role(const struct credentials_source *s, const char *stamp, const char *nonce,
                    struct buf *target, struct buf *body)
{
    struct params p;
    struct buf string, signature;
    params_init(&p);
    set_sts_params(&p, "AssumeRole", stamp);
    set_role(&p, s);
    params_append(&p, "AccessKeyId", s->id);
    params_append(&p, "SignatureMethod", "HMAC-SHA1");
    params_append(&p, "SignatureNonce", nonce);
    params_append(&p, "SignatureVersion", "1.0");
    buf_putc(target, '/');
    write_params(&p, body);
    buf_init(&string, STRING_MAX);
    buf_init(&signature, STRING_MAX);
    sign_v1_string(&string, "POST", buf_text(body));
    sign_v1(s->secret, buf_text(&string), &signature);
    buf_puts(body, "&Signature=");
    sign_encode(body, buf_text(&signature));
    buf_free(&string);
    buf_free(&signature);
}
