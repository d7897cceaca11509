/* SPDX-License-Identifier: MIT
 * What came of an HTTP call, as the readers of the provider's answers take it. */
#ifndef PB_KEYS_HTTP_ANSWER_H
#define PB_KEYS_HTTP_ANSWER_H

#include "aliyun/response.h"
#include "http/http.h"

/* Borrows from r; read now. */
struct response_in http_answer_in(const struct http_result *r);
/* A call without an answer: its class, r's error as the message. */
struct reply http_answer_missing(const struct http_result *r);
/* The reply of an action that answers without a MessageId, or of a call without an answer. */
void http_answer_plain(const struct http_result *r, struct reply *out);

#endif
