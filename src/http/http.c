/* SPDX-License-Identifier: MIT */
#include "http/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "http/addresses.h"
#include "http/http_headers.h"
#include "http/multi.h"

enum {
    POOL_MAX = 512,         /* idle easy handles that are kept */
    BODY_KEEP = 16 * 1024,  /* larger response buffers are given back */
    IDLE_MAX_S = 50,        /* below common keep-alive limits of servers and load balancers */
    CONNECTION_MAX_S = 600, /* so that a moved address is noticed */
    CA_CACHE_S = 60,        /* so that a replaced CA file is noticed */
    KEEPALIVE_S = 30,
};

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

const char *http_state_name(enum http_state s)
{
    static const char *const names[] = {[HTTP_ANSWERED] = "answered",
                                        [HTTP_NOT_SENT] = "not_sent",
                                        [HTTP_CERTIFICATE] = "certificate",
                                        [HTTP_UNANSWERED] = "unanswered"};
    return names[s];
}

/* --- what libcurl calls ---------------------------------------------------------------------- */

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
    struct exchange *c = arg;
    buf_add(&c->body, data, size * n);
    return buf_ok(&c->body) ? size * n : 0;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct exchange *c = arg;
    http_headers_read(&c->headers, line, size * n);
    return size * n;
}

/* Just before the request is written. libcurl comes here again when it wants to repeat a request
 * on a new connection; the first one may have been carried out, so only the caller can decide. */
static int on_before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    struct exchange *c = arg;
    if (c->sent) {
        c->stopped = true;
        return CURL_PREREQFUNC_ABORT;
    }
    c->late = clock_boot_ms() > c->latest_boot_ms;
    c->sent = !c->late;
    return c->late ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* --- easy handles ---------------------------------------------------------------------------- */

#define must(call)                                                                                 \
    do {                                                                                           \
        CURLcode must_code = (call);                                                               \
        assert(must_code == CURLE_OK);                                                             \
        (void)must_code;                                                                           \
    } while (0)

static void set_tls(CURL *easy, const struct http_opts *o)
{
    must(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, o->verify ? 1L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, o->verify ? 2L : 0L));
    must(curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S));
    if (o->ca_file) {
        must(curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file));
        must(curl_easy_setopt(easy, CURLOPT_CAPATH, NULL));
    }
}

static void set_connection(CURL *easy, const struct http_opts *o)
{
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    /* A resolver thread that hangs must not stop the loop when its transfer times out. */
    must(curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L));
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
    must(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    /* The empty strings keep the environment's proxy variables out. */
    must(curl_easy_setopt(easy, CURLOPT_PROXY, o->proxy ? o->proxy : ""));
    must(curl_easy_setopt(easy, CURLOPT_NOPROXY, o->proxy ? "" : "*"));
    must(curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L));
    must(curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S));
    must(curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_MAX_S));
    must(curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long)CONNECTION_MAX_S));
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, o->connect_timeout_ms));
    bool h2 = o->version == HTTP_2;
    must(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                          (long)(h2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1)));
    must(curl_easy_setopt(easy, CURLOPT_PIPEWAIT, h2 ? 1L : 0L));
}

static void set_callbacks(struct exchange *c)
{
    must(curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c));
    must(curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error));
    must(curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, on_before_request));
    must(curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c));
    must(curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header));
    must(curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c));
    must(curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body));
    must(curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c));
}

static struct exchange *exchange_new(struct http *h)
{
    struct exchange *c = mem_zalloc(sizeof *c);
    c->http = h;
    c->easy = curl_easy_init();
    assert(c->easy);
    buf_init(&c->body, h->opts.body_max);
    must(curl_easy_setopt(c->easy, CURLOPT_URL, h->base_url));
    must(curl_easy_setopt(c->easy, CURLOPT_POST, 1L));
    set_tls(c->easy, &h->opts);
    set_connection(c->easy, &h->opts);
    set_callbacks(c);
    multi_adopt(h->multi, c->easy);
    return c;
}

static void exchange_free(struct exchange *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->resolved);
    buf_free(&c->body);
    mem_free(c->copy);
    mem_free(c->lines);
    mem_free(c);
}

static struct exchange *exchange_take(struct http *h)
{
    struct exchange *c = h->pool;
    if (!c)
        return exchange_new(h);
    h->pool = c->next;
    h->pooled--;
    return c;
}

static void exchange_release(struct exchange *c)
{
    struct http *h = c->http;
    if (h->opts.secret) {
        buf_wipe(&c->body);
        mem_wipe(c->copy, c->copy_cap);
    }
    if (h->freed || h->pooled == POOL_MAX) {
        exchange_free(c);
        return;
    }
    if (c->body.cap > BODY_KEEP)
        buf_free(&c->body);
    c->next = h->pool;
    h->pool = c;
    h->pooled++;
}

static void exchange_link(struct exchange *c)
{
    struct http *h = c->http;
    c->prev = NULL;
    c->next = h->calls;
    if (c->next)
        c->next->prev = c;
    h->calls = c;
    h->in_flight++;
}

static void exchange_unlink(struct exchange *c)
{
    struct http *h = c->http;
    if (c->prev)
        c->prev->next = c->next;
    else
        h->calls = c->next;
    if (c->next)
        c->next->prev = c->prev;
    h->in_flight--;
}

/* --- the request ----------------------------------------------------------------------------- */

static size_t copy_size(const struct http_request *req)
{
    size_t n = req->len + 1;
    for (size_t i = 0; i < req->nheaders; i++)
        n += strlen(req->headers[i].name) + strlen(req->headers[i].value) + 3;
    return n;
}

static void exchange_reserve(struct exchange *c, size_t bytes, size_t nlines)
{
    if (bytes > c->copy_cap) {
        mem_free(c->copy);
        c->copy = mem_alloc(bytes);
        c->copy_cap = bytes;
    }
    if (nlines > c->lines_cap) {
        mem_free(c->lines);
        c->lines = mem_alloc(nlines * sizeof *c->lines);
        c->lines_cap = nlines;
    }
}

/* "name: value", or libcurl's form for an empty value, "name;". */
static char *put_line(char *at, const struct http_header *header)
{
    at = stpcpy(at, header->name);
    at = stpcpy(at, header->value[0] ? ": " : ";");
    return stpcpy(at, header->value) + 1;
}

static bool has_content_type(const struct http_request *req)
{
    for (size_t i = 0; i < req->nheaders; i++)
        if (strcasecmp(req->headers[i].name, "content-type") == 0)
            return true;
    return false;
}

/* The lines that keep libcurl from adding headers of its own: what nobody asked for is not signed
 * either. Returns how many follow the request's. */
static size_t suppress(const struct http_request *req, char *lines[2])
{
    static char no_expect[] = "Expect:", no_content_type[] = "Content-Type:";
    lines[0] = no_expect;
    lines[1] = no_content_type;
    return has_content_type(req) ? 1 : 2;
}

/* exchange_fill() has just set POSTFIELDS, which makes any request a POST. */
static void exchange_method(struct exchange *c, const char *method)
{
    bool get = method && strcmp(method, "GET") == 0;
    if (get)
        must(curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L));
    if (c->method != method)
        must(curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, get ? NULL : method));
    c->method = method;
}

static void exchange_fill(struct exchange *c, const struct http_request *req)
{
    char *own[2];
    size_t nown = suppress(req, own), nlines = req->nheaders + nown;
    exchange_reserve(c, copy_size(req), nlines);
    char *at = c->copy;
    for (size_t i = 0; i < nlines; i++) {
        bool ours = i >= req->nheaders;
        c->lines[i].data = ours ? own[i - req->nheaders] : at;
        c->lines[i].next = i + 1 == nlines ? NULL : &c->lines[i + 1];
        if (!ours)
            at = put_line(at, &req->headers[i]);
    }
    if (req->len)
        memcpy(at, req->body, req->len);
    must(curl_easy_setopt(c->easy, CURLOPT_REQUEST_TARGET, req->target));
    must(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->lines));
    must(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, at));
    must(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->len));
    exchange_method(c, req->method);
}

/* The time that is left counts from the caller's check (checked_boot_ms), not from now. */
static void exchange_limit(struct exchange *c)
{
    int64_t left = c->latest_boot_ms - clock_boot_ms();
    must(curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1)));
}

static void exchange_reset(struct exchange *c, http_done_fn fn, void *arg, int64_t checked_boot_ms)
{
    c->fn = fn;
    c->arg = arg;
    c->latest_boot_ms =
        (checked_boot_ms ? checked_boot_ms : clock_boot_ms()) + c->http->opts.timeout_ms;
    c->sent = c->stopped = c->late = false;
    c->error[0] = '\0';
    http_headers_reset(&c->headers);
    buf_reset(&c->body);
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
