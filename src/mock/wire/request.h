/* SPDX-License-Identifier: MIT
 * A call as it arrived: method, headers, parameters, raw body, and which of the two signature
 * schemes it uses. Read from the raw bytes; nothing is shared with the client's code. */
#ifndef PB_MOCK_WIRE_REQUEST_H
#define PB_MOCK_WIRE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "mock/check/refusal.h"
#include "mock/check/tasks.h"
#include "mock/wire/fields.h"

struct evhttp_request;
struct evkeyvalq;

enum { REQUEST_BODY_MAX = 8 << 20, REQUEST_HEADERS_MAX = 1 << 20 };

struct request {
    const char *method; /* "GET", "POST", or "OTHER" */
    bool v3; /* the headers say who calls what (ACS3-HMAC-SHA256); otherwise parameters do (V1) */
    bool wants_json;
    struct evkeyvalq *headers; /* borrowed */
    struct fields fields;
    struct tasks tasks; /* of a MassPush; of other actions empty */
    char *body;         /* raw, NUL-terminated */
    size_t body_len;
    const char *action, *version; /* from parameter or header; NULL when absent */
};

/* Borrows req for the request's life. r is filled when the request cannot be read at all; the
 * struct must be freed in both cases. */
bool request_read(struct request *q, struct evhttp_request *req, size_t url_max, struct refusal *r);
void request_free(struct request *q);

/* A part of request_read, which tests call too: from headers and sorted fields it finds the scheme,
 * action, version and the format of the answer. An Authorization of ACS3 is V3, even beside V1's
 * parameters; otherwise SignatureVersion or Action among the parameters is V1, whatever x-acs-*
 * headers say; what has neither is V3 if it has the header x-acs-action. */
void request_find_scheme(struct request *q);

const char *request_header(const struct request *q, const char *name); /* NULL when absent */

/* True for the names that V1 puts among the parameters without belonging to the action. */
bool request_name_is_common(const struct request *q, const char *name);

#endif
