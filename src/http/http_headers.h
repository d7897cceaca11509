/* SPDX-License-Identifier: MIT
 * The few response headers that are of use; all others are passed over. */
#ifndef PB_HTTP_HTTP_HEADERS_H
#define PB_HTTP_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

enum http_header_id {
    HEADER_CONTENT_TYPE,
    HEADER_RETRY_AFTER,
    HEADER_ACS_RETRY_AFTER,
    HEADER_RATELIMIT_USER,
    HEADER_RATELIMIT_USER_API,
    HEADER_DATE,
    HEADER_COUNT
};

enum {
    HEADER_VALUE_SIZE = 256,        /* longer values are cut */
    HEADERS_BYTES_MAX = 256 * 1024, /* of all lines of an exchange: 1xx responses, trailers */
};

struct http_headers {
    char values[HEADER_COUNT][HEADER_VALUE_SIZE];
    bool seen[HEADER_COUNT];
    bool complete; /* the empty line came */
    size_t bytes;
};

void http_headers_reset(struct http_headers *h); /* before an exchange */
/* One line as it came, status lines included: each begins a new response (after a 1xx). False:
 * there are too many, which a library that keeps them all does not bound in trailers. */
bool http_headers_read(struct http_headers *h, const char *line, size_t len);
const char *http_headers_get(const struct http_headers *h, enum http_header_id id); /* or NULL */

#endif
