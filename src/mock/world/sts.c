/* SPDX-License-Identifier: MIT
 * STS: AssumeRoleWithOIDC, unsigned, and AssumeRole, signed. */
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/text.h"
#include "mock/wire/answer.h"
#include "mock/wire/provider.h"
#include "mock/world/handout.h"

enum { DURATION_MIN_S = 900, DURATION_MAX_S = 43200 };

/* Read whole only where the name occurs: every push comes by here. */
static bool may_be_ours(struct evhttp_request *http)
{
    struct evbuffer *in = evhttp_request_get_input_buffer(http);
    const char *uri = evhttp_request_get_uri(http);
    static const char name[] = "AssumeRole";
    const char *header = evhttp_find_header(evhttp_request_get_input_headers(http), "x-acs-action");
    if (strstr(uri, name) || (header && text_starts(header, name)))
        return true;
    return !strchr(uri, '?') && evbuffer_search(in, name, sizeof(name) - 1, NULL).pos >= 0;
}

static bool is_ours(const struct request *q)
{
    return q->action && text_starts(q->action, "AssumeRole") && q->version &&
           strcmp(q->version, "2015-04-01") == 0;
}

static bool need_sts_field(const struct request *q, const char *name, struct refusal *r)
{
    const char *value = fields_get(&q->fields, name);
    return (value && *value) || refusal_named(r, "Missing", name, "", "It is mandatory.");
}

static bool check_common(const struct request *q, struct refusal *r)
{
    int64_t s;
    const char *duration = fields_get(&q->fields, "DurationSeconds");
    if (duration && !text_int(duration, DURATION_MIN_S, DURATION_MAX_S, &s))
        return refusal_set(r, 400, "InvalidParameter.DurationSeconds", "Out of range.");
    return need_sts_field(q, "RoleArn", r) && need_sts_field(q, "RoleSessionName", r);
}

static bool check_oidc(const struct handout *h, const struct request *q, struct refusal *r)
{
    if (!need_sts_field(q, "OIDCProviderArn", r) || !need_sts_field(q, "OIDCToken", r) ||
        !need_sts_field(q, "Timestamp", r))
        return false;
    if (*h->oidc_token && strcmp(fields_get(&q->fields, "OIDCToken"), h->oidc_token) != 0)
        return refusal_set(r, 400, "AuthenticationFail.OIDCToken.Invalid",
                           "The OIDC token is not the one that is taken.");
    return true;
}

/* Counts what is granted. */
static bool check_sts_call(struct provider *p, const struct request *q, struct refusal *r)
{
    struct handout *h = &p->handout;
    bool oidc = strcmp(q->action, "AssumeRoleWithOIDC") == 0;
    if (h->sts_off)
        return refusal_set(r, 503, "ServiceUnavailable", "STS was told to be down.");
    if (!oidc && strcmp(q->action, "AssumeRole") != 0)
        return refusal_set(r, 404, "InvalidApi.NotFound", "No such action.");
    if (oidc ? !check_oidc(h, q, r)
             : !auth_check(&p->auth, q, clock_wall_ms() + p->clock_skew_ms, r))
        return false;
    if (!check_common(q, r))
        return false;
    *(oidc ? &h->oidc : &h->assumed) += 1;
    return true;
}

static void send_json(struct evhttp_request *http, int status, struct buf *out)
{
    evhttp_add_header(evhttp_request_get_output_headers(http), "content-type",
                      "application/json;charset=utf-8");
    evbuffer_add(evhttp_request_get_output_buffer(http), buf_text(out), out->len);
    evhttp_send_reply(http, status, NULL, NULL);
}

static void answer_sts_call(struct provider *p, struct evhttp_request *http,
                            const struct request *q)
{
    char id[ANSWER_ID_SIZE];
    struct refusal r = {0};
    struct buf out;
    buf_init(&out, ANSWER_MAX);
    answer_new_request_id(id);
    if (check_sts_call(p, q, &r)) {
        buf_printf(&out, "{\"RequestId\":\"%s\",\"Credentials\":{", id);
        handout_write_keys(handout_issue(p), &out);
        buf_puts(&out, "}}");
        send_json(http, 200, &out);
    } else {
        p->handout.refused++;
        answer_error(&out, true, id, r.code, r.text);
        send_json(http, r.status, &out);
    }
    buf_free(&out);
}

bool sts_answer(struct provider *p, struct evhttp_request *http)
{
    struct request q;
    struct refusal r = {0};
    if (!may_be_ours(http))
        return false;
    bool ours = request_read(&q, http, p->url_max, &r) && is_ours(&q);
    if (ours)
        answer_sts_call(p, http, &q);
    request_free(&q);
    return ours;
}
