/* SPDX-License-Identifier: MIT
 * What the parts of the HTTP client share: http_exchange.c prepares what goes out on a handle of
 * libcurl, http.c sends it and says what came of it. Nobody else includes this. */
#ifndef PB_HTTP_HTTP_CORE_H
#define PB_HTTP_HTTP_CORE_H

#include <curl/curl.h>

#include "base/buf.h"
#include "http/http.h"
#include "http/http_headers.h"
#include "http/multi.h"

/* One request and what comes of it, on an easy handle that it keeps while it is in the pool. */
struct exchange {
    struct http *http;
    CURL *easy;
    struct exchange *prev, *next; /* in flight: both; in the pool: next */
    struct exchange *next_waiting;
    struct curl_slist *resolved; /* the addresses that its handle has told libcurl … */
    unsigned resolved_version;   /* … and which they are */
    http_done_fn fn;
    void *arg;
    char *copy; /* header lines and body of the request */
    size_t copy_cap;
    struct curl_slist *lines;
    const char *method; /* that the easy handle is set to */
    size_t lines_cap;
    struct buf body;             /* of the response */
    struct http_headers headers; /* of the response */
    bool sent, stopped, late;
    int64_t latest_boot_ms; /* no first byte after this */
    char error[CURL_ERROR_SIZE];
};

struct http {
    struct multi *multi;
    char *base_url, *ca_file, *proxy;
    struct http_opts opts;
    struct addresses *addresses; /* NULL: libcurl needs none */
    struct exchange *calls, *pool;
    struct exchange *waiting, **last_waiting; /* for the first addresses */
    size_t in_flight, pooled;
    unsigned depth;
    bool freed;
};

/* Failures are out of memory or a wrong call: neither can be handled. */
#define must(call)                                                                                 \
    do {                                                                                           \
        CURLcode must_code = (call);                                                               \
        assert(must_code == CURLE_OK);                                                             \
        (void)must_code;                                                                           \
    } while (0)

/* One of the pool, or a new one. */
struct exchange *exchange_take(struct http *h);
void exchange_release(struct exchange *c); /* back into the pool */
void exchange_free(struct exchange *c);
/* Among those in flight, and no longer. */
void exchange_link(struct exchange *c);
void exchange_unlink(struct exchange *c);

/* As for a new request: no answer yet. checked_boot_ms as in struct http_request. */
void exchange_reset(struct exchange *c, http_done_fn fn, void *arg, int64_t checked_boot_ms);
void exchange_fill(struct exchange *c, const struct http_request *req); /* copies the request */
void exchange_limit(struct exchange *c); /* the time that is left, from now */

#endif
