/* SPDX-License-Identifier: MIT
 * Easy handles, and a request as each of them takes it. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/http_core.h"

enum {
    POOL_MAX = 512,         /* idle easy handles that are kept */
    BODY_KEEP = 16 * 1024,  /* larger response buffers are given back */
    IDLE_MAX_S = 50,        /* below common keep-alive limits of servers and load balancers */
    CONNECTION_MAX_S = 600, /* so that a moved address is noticed */
    CA_CACHE_S = 60,        /* so that a replaced CA file is noticed */
    KEEPALIVE_S = 30,
};

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
    return http_headers_read(&c->headers, line, size * n) ? size * n : 0;
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

void exchange_free(struct exchange *c)
{
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->resolved);
    buf_free(&c->body);
    mem_free(c->copy);
    mem_free(c->lines);
    mem_free(c);
}

struct exchange *exchange_take(struct http *h)
{
    struct exchange *c = h->pool;
    if (!c)
        return exchange_new(h);
    h->pool = c->next;
    h->pooled--;
    return c;
}

void exchange_release(struct exchange *c)
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

void exchange_link(struct exchange *c)
{
    struct http *h = c->http;
    c->prev = NULL;
    c->next = h->calls;
    if (c->next)
        c->next->prev = c;
    h->calls = c;
    h->in_flight++;
}

void exchange_unlink(struct exchange *c)
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

void exchange_fill(struct exchange *c, const struct http_request *req)
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
void exchange_limit(struct exchange *c)
{
    int64_t left = c->latest_boot_ms - clock_boot_ms();
    must(curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)(left > 1 ? left : 1)));
}

void exchange_reset(struct exchange *c, http_done_fn fn, void *arg, int64_t checked_boot_ms)
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
