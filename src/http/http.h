/* SPDX-License-Identifier: MIT
 * HTTP(S) calls: libcurl's multi_socket interface on the libevent loop. Connections are capped,
 * reused and kept alive; easy handles are pooled; names are looked up by addresses.h. libcurl never
 * sends a request twice: a second PREREQ callback within one transfer aborts it. Redirects are not
 * followed. Proxies of the environment are ignored. */
#ifndef PB_HTTP_HTTP_H
#define PB_HTTP_HTTP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct http;

enum http_version { HTTP_1_1, HTTP_2 };

struct http_opts {
    const char *base_url; /* "https://host[:port]": every request goes there */
    const char *ca_file;  /* NULL: system store */
    const char *proxy;    /* NULL: none */
    bool verify;          /* false only for a loopback endpoint whose configuration says so */
    enum http_version version;
    long max_connections; /* ≥ 1 */
    long timeout_ms, connect_timeout_ms;
    size_t body_max; /* of a response: 256 KiB; a longer one is UNANSWERED */
    bool secret;     /* requests and responses are wiped after use */
};

enum http_state {
    HTTP_ANSWERED,    /* a complete response */
    HTTP_NOT_SENT,    /* no byte of the request left: DNS, connect, TLS handshake */
    HTTP_CERTIFICATE, /* TLS verification failed; nothing left */
    HTTP_UNANSWERED,  /* sent at least in part; no complete response */
};
const char *http_state_name(enum http_state s);

struct http_header {
    const char *name, *value;
};
struct http_request {
    const char *method; /* "GET", "PUT"; NULL: POST. A static text. GET has no body */
    const char *target; /* "/…", percent-encoded */
    const char *body;   /* may hold NUL; copied */
    size_t len;
    const struct http_header *headers; /* copied; without Host, Content-Length */
    size_t nheaders;
    /* Boot clock of the moment when the caller saw that a call of timeout_ms may run (I3a): it is
     * over by then + timeout_ms, and no first byte leaves later, however long the process was
     * stopped in between. 0: the moment of http_post(). */
    int64_t checked_boot_ms;
};

/* Valid during the callback only. Header values are NULL when absent. */
struct http_result {
    enum http_state state;
    int status;
    const char *body;
    size_t len;
    const char *content_type, *retry_after, *acs_retry_after, *ratelimit_user, *ratelimit_user_api,
        *date;
    const char *error;   /* what libcurl says, "" when answered */
    bool resend_stopped; /* libcurl wanted to send it again and was stopped */
};
typedef void (*http_done_fn)(void *arg, const struct http_result *result);

/* NULL with e when libcurl cannot be set up. curl_global_init is done here once. */
struct http *http_new(struct event_base *base, const struct http_opts *opts, struct err *e);
/* Cancels what is in flight (callbacks with UNANSWERED or NOT_SENT run first), closes all. */
void http_free(struct http *h);

/* Starts a POST, or what req->method says. The callback comes exactly once, never before http_post
 * returns. */
void http_post(struct http *h, const struct http_request *req, http_done_fn fn, void *arg);
size_t http_in_flight(const struct http *h);

#endif
