/* SPDX-License-Identifier: MIT */
#include "aliyun/wire.h"

#include <assert.h>
#include <string.h>

#include "aliyun/sign.h"

/* The strict encoding triples a byte at most, V1's double encoding takes five, so everything made
 * from an accepted call (WIRE_VALUES_MAX) fits its buffer. */
enum { QUERY_MAX = 8 << 20, STRING_MAX = 16 << 20 };

static const char version[] = "2016-08-01";
static const char form_type[] = "application/x-www-form-urlencoded";
static const char empty_sha256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

void wire_init(struct wire *w)
{
    *w = (struct wire){0};
    buf_init(&w->target, QUERY_MAX + 2);
    buf_init(&w->body, QUERY_MAX);
    buf_init(&w->values, STRING_MAX);
    buf_init(&w->scratch[0], STRING_MAX);
    buf_init(&w->scratch[1], STRING_MAX);
}

void wire_reset(struct wire *w)
{
    w->nheaders = 0;
    buf_wipe(&w->values);
    buf_reset(&w->target);
    buf_reset(&w->body);
    buf_reset(&w->scratch[0]);
    buf_reset(&w->scratch[1]);
}

static void wipe_buf(struct buf *b)
{
    buf_wipe(b);
    buf_free(b);
}

void wire_free(struct wire *w)
{
    wire_reset(w);
    wipe_buf(&w->target);
    wipe_buf(&w->body);
    wipe_buf(&w->values);
    wipe_buf(&w->scratch[0]);
    wipe_buf(&w->scratch[1]);
}

static void add_header(struct wire *w, const char *name, const char *value)
{
    assert(w->nheaders < sizeof w->headers / sizeof w->headers[0]);
    w->headers[w->nheaders++] = (struct wire_header){.name = name, .at = w->values.len};
    buf_add(&w->values, value, strlen(value) + 1);
}

/* Once all values are added: until then the buffer that holds them may move. */
static void place_headers(struct wire *w)
{
    assert(buf_ok(&w->values));
    for (size_t i = 0; i < w->nheaders; i++)
        w->headers[i].value = buf_text(&w->values) + w->headers[i].at;
}

/* What V1 and V3 sign beside the parameters. */
struct attempt {
    const struct endpoint *ep;
    const struct credentials *cred;
    const char *action, *stamp, *nonce;
};

enum { SIGNED_MAX = 9 };

/* The headers that V3 signs, sorted by name; returns how many. */
static size_t headers_to_sign(const struct attempt *a, const char *content_type,
                              const char *body_sha256, struct sign_header out[SIGNED_MAX])
{
    size_t n = 0;
    if (content_type)
        out[n++] = (struct sign_header){"content-type", content_type};
    out[n++] = (struct sign_header){"host", a->ep->host};
    if (a->cred->security_token)
        out[n++] = (struct sign_header){"x-acs-accesskey-id", a->cred->id};
    out[n++] = (struct sign_header){"x-acs-action", a->action};
    out[n++] = (struct sign_header){"x-acs-content-sha256", body_sha256};
    out[n++] = (struct sign_header){"x-acs-date", a->stamp};
    if (a->cred->security_token)
        out[n++] = (struct sign_header){"x-acs-security-token", a->cred->security_token};
    out[n++] = (struct sign_header){"x-acs-signature-nonce", a->nonce};
    out[n++] = (struct sign_header){"x-acs-version", version};
    return n;
}

static void add_authorization(const struct attempt *a, const struct sign_header *headers, size_t n,
                              const char *signature, struct wire *out)
{
    struct buf *text = &out->scratch[0];
    buf_reset(text);
    buf_puts(text, "ACS3-HMAC-SHA256 Credential=");
    buf_puts(text, a->cred->id);
    buf_puts(text, ",SignedHeaders=");
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_putc(text, ';');
        buf_puts(text, headers[i].name);
    }
    buf_puts(text, ",Signature=");
    buf_puts(text, signature);
    add_header(out, "authorization", buf_text(text));
}

/* out->target holds "/?" and the canonical query, out->body the form, if any. Host is signed here,
 * but the transport sends it. */
static void sign_as_v3(const struct attempt *a, struct wire *out)
{
    struct sign_header headers[SIGNED_MAX];
    char signature[65], body[65];
    struct buf *canonical = &out->scratch[0], *string = &out->scratch[1];
    memcpy(body, empty_sha256, sizeof body);
    if (out->body.len)
        sign_sha256_hex(buf_text(&out->body), out->body.len, body);
    size_t n = headers_to_sign(a, out->body.len ? form_type : NULL, body, headers);
    sign_v3_canonical(canonical, "POST", buf_text(&out->target) + 2, headers, n, body);
    sign_v3_string(string, buf_text(canonical), canonical->len);
    assert(buf_ok(&out->target) && buf_ok(&out->body) && buf_ok(canonical));
    sign_v3(a->cred->secret, buf_text(string), string->len, signature);
    for (size_t i = 0; i < n; i++)
        if (strcmp(headers[i].name, "host") != 0)
            add_header(out, headers[i].name, headers[i].value);
    add_header(out, "accept", "application/json");
    add_authorization(a, headers, n, signature, out);
}

static void set_call_params(const struct attempt *a, struct params *p)
{
    params_append(p, "AccessKeyId", a->cred->id);
    params_append(p, "Action", a->action);
    params_append(p, "Format", "JSON");
    if (a->cred->security_token)
        params_append(p, "SecurityToken", a->cred->security_token);
    params_append(p, "SignatureMethod", "HMAC-SHA1");
    params_append(p, "SignatureNonce", a->nonce);
    params_append(p, "SignatureVersion", "1.0");
    params_append(p, "Timestamp", a->stamp);
    params_append(p, "Version", version);
}

/* The body is hashed as it is, so its fields need no order. */
static void put_by_place(const struct params *params, struct wire *out)
{
    struct params query;
    params_of_call(params, &query);
    buf_puts(&out->target, "/?");
    sign_canonical_query(&out->target, &query);
    params_free(&query);
    for (size_t i = 0; i < params->n; i++) {
        if (!params_is_of_task(&params->v[i]))
            continue;
        if (out->body.len)
            buf_putc(&out->body, '&');
        buf_puts(&out->body, params->v[i].name); /* letters, digits and dots */
        buf_putc(&out->body, '=');
        sign_encode(&out->body, params->v[i].value);
    }
}

/* The common parameters go into a list of their own: the next attempt may be signed by V3, which
 * has none. */
static void sign_as_v1(const struct attempt *a, const struct params *params, struct wire *out)
{
    struct params all;
    struct buf *string = &out->scratch[0], *signature = &out->scratch[1];
    params_init(&all);
    params_borrow(&all, params);
    set_call_params(a, &all);
    params_sort(&all);
    buf_putc(&out->target, '/');
    sign_canonical_query(&out->body, &all);
    params_free(&all);
    sign_v1_string(string, "POST", buf_text(&out->body));
    sign_v1(a->cred->secret, buf_text(string), signature);
    buf_puts(&out->body, "&Signature=");
    sign_encode(&out->body, buf_text(signature));
    assert(buf_ok(&out->body) && buf_ok(string));
    add_header(out, "accept", "application/json");
    add_header(out, "content-type", form_type);
}

void wire_sign(const struct endpoint *ep, const struct credentials *cred, const char *action,
               const struct params *params, const char *stamp, const char *nonce, struct wire *out)
{
    const struct attempt a = {ep, cred, action, stamp, nonce};
    bool v3 = ep->signature == SIGNATURE_V3;
    if (v3)
        put_by_place(params, out);
    if (v3 && out->target.len - 2 <= ep->max_url_bytes) {
        sign_as_v3(&a, out);
    } else {
        buf_reset(&out->target);
        buf_reset(&out->body);
        sign_as_v1(&a, params, out);
    }
    place_headers(out);
}
