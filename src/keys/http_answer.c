/* SPDX-License-Identifier: MIT */
#include "keys/http_answer.h"

#include "base/clock.h"
#include "base/said.h"

struct response_in http_answer_in(const struct http_result *r)
{
    return (struct response_in){
        .status = r->status,
        .body = r->body,
        .len = r->len,
        .content_type = r->content_type,
        .retry_after = r->retry_after,
        .acs_retry_after = r->acs_retry_after,
        .ratelimit_user = r->ratelimit_user,
        .ratelimit_user_api = r->ratelimit_user_api,
        .date = r->date,
        .now_wall_ms = clock_wall_ms(),
    };
}

static enum reply_class class_of(enum http_state state)
{
    switch (state) {
    case HTTP_NOT_SENT:
        return REPLY_NOT_SENT;
    case HTTP_CERTIFICATE:
        return REPLY_CERTIFICATE;
    case HTTP_ANSWERED:
    case HTTP_UNANSWERED:
        break;
    }
    return REPLY_UNANSWERED;
}

struct reply http_answer_missing(const struct http_result *r)
{
    struct reply reply = {.class = class_of(r->state)};
    reply.ambiguous = reply.goes_on = reply.class == REPLY_UNANSWERED;
    said_copy(reply.message, sizeof reply.message, r->error);
    return reply;
}

void http_answer_plain(const struct http_result *r, struct reply *out)
{
    const struct response_in in = http_answer_in(r);
    if (r->state == HTTP_ANSWERED)
        response_read_plain(&in, out);
    else
        *out = http_answer_missing(r);
}
