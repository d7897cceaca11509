/* SPDX-License-Identifier: MIT */
#include "http/http_core.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/addresses.h"

const char *http_state_name(enum http_state s)
{
    static const char *const names[] = {[HTTP_ANSWERED] = "answered",
                                        [HTTP_NOT_SENT] = "not_sent",
                                        [HTTP_CERTIFICATE] = "certificate",
                                        [HTTP_UNANSWERED] = "unanswered"};
    return names[s];
}

/* --- the result ------------------------------------------------------------------------------ */

static bool is_certificate(CURLcode code)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return true;
    default:
        return false;
    }
}

/* libcurl calls it a success when the connection ends within the headers. */
static bool is_complete(const struct exchange *c, CURLcode code)
{
    return code == CURLE_OK && c->headers.complete;
}

static enum http_state http_state_of(const struct exchange *c, CURLcode code)
{
    if (is_complete(c, code))
        return HTTP_ANSWERED;
    if (c->sent)
        return HTTP_UNANSWERED;
    return is_certificate(code) ? HTTP_CERTIFICATE : HTTP_NOT_SENT;
}

static const char *error_of(const struct exchange *c, CURLcode code)
{
    if (code == CURLE_OK)
        return c->headers.complete ? "" : "the answer ended within its headers";
    if (c->stopped)
        return "the connection was lost, a repeat by libcurl was stopped";
    if (c->late)
        return "too late to send";
    return c->error[0] ? c->error : curl_easy_strerror(code);
}

static void http_release(struct http *h)
{
    if (--h->depth == 0 && h->freed) {
        mem_free(h->base_url);
        mem_free(h->ca_file);
        mem_free(h->proxy);
        mem_free(h);
    }
}

static void exchange_end(struct exchange *c, CURLcode code)
{
    struct http *h = c->http;
    bool ok = is_complete(c, code);
    long status = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    const struct http_result result = {
        .state = http_state_of(c, code),
        .status = ok ? (int)status : 0,
        .body = ok ? buf_text(&c->body) : "",
        .len = ok ? c->body.len : 0,
        .content_type = http_headers_get(&c->headers, HEADER_CONTENT_TYPE),
        .retry_after = http_headers_get(&c->headers, HEADER_RETRY_AFTER),
        .acs_retry_after = http_headers_get(&c->headers, HEADER_ACS_RETRY_AFTER),
        .ratelimit_user = http_headers_get(&c->headers, HEADER_RATELIMIT_USER),
        .ratelimit_user_api = http_headers_get(&c->headers, HEADER_RATELIMIT_USER_API),
        .date = http_headers_get(&c->headers, HEADER_DATE),
        .error = error_of(c, code),
        .resend_stopped = c->stopped,
    };
    exchange_unlink(c);
    if (result.state == HTTP_NOT_SENT && h->addresses)
        addresses_doubt(h->addresses);
    h->depth++;
    c->fn(c->arg, &result);
    exchange_release(c);
    http_release(h);
}

static void on_exchange_done(void *arg, CURL *easy, CURLcode code)
{
    (void)arg;
    char *private = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    exchange_end((struct exchange *)(void *)private, code);
}

/* --- on its way ------------------------------------------------------------------------------ */

/* libcurl's memory of names is the multi handle's; each handle tells it of a change, so that it
 * does not matter which one libcurl comes to first. */
static void exchange_resolve(struct exchange *c)
{
    const struct addresses *a = c->http->addresses;
    if (!a || c->resolved_version == addresses_version(a))
        return;
    curl_slist_free_all(c->resolved);
    c->resolved = addresses_list(a);
    c->resolved_version = addresses_version(a);
    must(curl_easy_setopt(c->easy, CURLOPT_RESOLVE, c->resolved));
}

static void exchange_start(struct exchange *c)
{
    exchange_resolve(c);
    exchange_limit(c);
    multi_add(c->http->multi, c->easy);
}

static void exchange_wait(struct exchange *c)
{
    struct http *h = c->http;
    c->next_waiting = NULL;
    *h->last_waiting = c;
    h->last_waiting = &c->next_waiting;
}

static struct exchange *next_waiting(struct http *h)
{
    struct exchange *c = h->waiting;
    h->waiting = c->next_waiting;
    if (!h->waiting)
        h->last_waiting = &h->waiting;
    return c;
}

static void exchange_unresolved(struct exchange *c, const char *why)
{
    snprintf(c->error, sizeof c->error, "name lookup: %s", why);
    exchange_end(c, CURLE_COULDNT_RESOLVE_HOST);
}

/* Whoever posts from within a callback waits for the next answer, or frees all. */
static void on_addresses(void *arg, const char *why)
{
    struct http *h = arg;
    const struct exchange *last = NULL;
    for (struct exchange *c = h->waiting; c; c = c->next_waiting)
        last = c;
    h->depth++;
    while (last && h->waiting) {
        struct exchange *c = next_waiting(h);
        last = c == last ? NULL : last;
        if (*why)
            exchange_unresolved(c, why);
        else
            exchange_start(c);
    }
    http_release(h);
}

/* --- public ---------------------------------------------------------------------------------- */

static bool curl_ready(void)
{
    static bool done;
    if (!done)
        done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    return done;
}

static bool url_ok(const char *url)
{
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok;
}

struct http *http_new(struct event_base *base, const struct http_opts *opts, struct err *e)
{
    assert(opts->max_connections >= 1);
    signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error code */
    if (!curl_ready()) {
        err_set(e, "libcurl cannot be initialised");
        return NULL;
    }
    if (!url_ok(opts->base_url)) {
        err_set(e, "libcurl refuses the URL of the endpoint");
        return NULL;
    }
    struct http *h = mem_zalloc(sizeof *h);
    h->multi = multi_new(base, opts->max_connections, on_exchange_done, h);
    if (!h->multi) {
        err_set(e, "libcurl cannot be set up");
        mem_free(h);
        return NULL;
    }
    h->opts = *opts;
    h->opts.base_url = h->base_url = mem_strdup(opts->base_url);
    h->opts.ca_file = h->ca_file = mem_strdup(opts->ca_file);
    h->opts.proxy = h->proxy = mem_strdup(opts->proxy);
    h->last_waiting = &h->waiting;
    h->addresses = addresses_new(base, opts->proxy ? opts->proxy : opts->base_url,
                                 opts->connect_timeout_ms, on_addresses, h);
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    h->depth++;
    h->waiting = NULL;
    while (h->calls) {
        struct exchange *c = h->calls;
        multi_remove(h->multi, c->easy); /* one that waits for addresses is not there: no harm */
        snprintf(c->error, sizeof c->error, "cancelled");
        exchange_end(c, CURLE_ABORTED_BY_CALLBACK);
    }
    h->freed = true;
    addresses_free(h->addresses);
    while (h->pool)
        exchange_free(exchange_take(h));
    multi_free(h->multi);
    http_release(h);
}

void http_post(struct http *h, const struct http_request *req, http_done_fn fn, void *arg)
{
    assert(!h->freed);
    struct exchange *c = exchange_take(h);
    exchange_reset(c, fn, arg, req->checked_boot_ms);
    exchange_fill(c, req);
    exchange_link(c);
    if (h->addresses && !addresses_known(h->addresses))
        exchange_wait(c);
    else
        exchange_start(c);
}

size_t http_in_flight(const struct http *h)
{
    return h->in_flight;
}
