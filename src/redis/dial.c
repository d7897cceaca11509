/* SPDX-License-Identifier: MIT */
#include "redis/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/mem.h"
#include "base/timer.h"

enum {
    LOOKUP_MAX_MS = 15000, /* leaves the C library time for a second name server */
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_PROBES = 3,
};

struct dial {
    struct event_base *base;
    struct resolver *resolver;
    struct dial_opts opts;
    struct tls_opts tls;
    dial_fn fn;
    void *arg;
    struct timer *timer;
    struct lookup *lookup;
    struct bufferevent *bev;
    struct resolve_answer addresses;
    size_t next; /* address to try */
    bool begun;
    struct err why;
};

void dial_explain(struct bufferevent *bev, short what, struct err *out)
{
    int error = EVUTIL_SOCKET_ERROR();
    unsigned long code;
    do /* libevent mixes results of SSL_get_error(), which belong to no library, among them */
        code = bufferevent_get_openssl_error(bev);
    while (code && !ERR_SYSTEM_ERROR(code) && ERR_GET_LIB(code) == 0);
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    long verify = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    const char *reason = ERR_reason_error_string(code);
    if (verify != X509_V_OK)
        err_set(out, "certificate: %s", X509_verify_cert_error_string(verify));
    else if (ERR_SYSTEM_ERROR(code))
        err_set(out, "%s", evutil_socket_error_to_string(ERR_GET_REASON(code)));
    else if (code)
        err_set(out, "TLS: %s", reason ? reason : "failed");
    else if (what & BEV_EVENT_EOF)
        err_set(out, "closed by the server");
    else
        err_set(out, "%s", error ? evutil_socket_error_to_string(error) : "connection lost");
}

static void dial_free(struct dial *d)
{
    if (d->lookup)
        resolve_cancel(d->lookup);
    if (d->bev)
        bufferevent_free(d->bev);
    timer_free(d->timer);
    mem_free(d);
}

static void finish_dial(struct dial *d, struct bufferevent *bev)
{
    dial_fn fn = d->fn;
    void *arg = d->arg;
    const struct err why = d->why;
    dial_free(d);
    fn(arg, bev, bev ? "" : why.text);
}

static void set_socket_options(int fd, bool tcp, int idle)
{
    const int one = 1, interval = KEEPALIVE_INTERVAL_S, probes = KEEPALIVE_PROBES;
    if (!tcp)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!idle)
        return;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void try_next(struct dial *d);

static void on_dial_event(struct bufferevent *bev, short what, void *arg)
{
    struct dial *d = arg;
    if (what & BEV_EVENT_CONNECTED) {
        bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
        d->bev = NULL;
        set_socket_options(bufferevent_getfd(bev), !d->opts.unix_path[0], d->opts.keepalive_s);
        finish_dial(d, bev);
        return;
    }
    dial_explain(bev, what, &d->why);
    bufferevent_free(d->bev);
    d->bev = NULL;
    try_next(d);
}

static struct bufferevent *bufferevent_make(struct dial *d)
{
    if (!d->opts.tls)
        return bufferevent_socket_new(d->base, -1, BEV_OPT_CLOSE_ON_FREE);
    SSL *ssl = tls_client_new(&d->tls, &d->why);
    if (!ssl)
        return NULL;
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        d->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        err_set(&d->why, "TLS: cannot make a connection");
    else /* a killed server sends no close_notify; that is a lost connection, not an error */
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* The callback is set after the call: a failure at once would call it from inside. */
static bool connect_to(struct dial *d, const struct sockaddr *address, int len)
{
    struct sockaddr_storage copy;
    memcpy(&copy, address, (size_t)len);
    d->bev = bufferevent_make(d);
    if (!d->bev)
        return false;
    if (bufferevent_socket_connect(d->bev, (struct sockaddr *)&copy, len) != 0) {
        err_set(&d->why, "%s", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
        bufferevent_free(d->bev);
        d->bev = NULL;
        return false;
    }
    bufferevent_setcb(d->bev, NULL, NULL, on_dial_event, d);
    timer_once(d->timer, d->opts.timeout_ms);
    return true;
}

static bool connect_next(struct dial *d)
{
    struct sockaddr_storage *at = &d->addresses.v[d->next++];
    bool v6 = at->ss_family == AF_INET6;
    const in_port_t port = htons((in_port_t)d->opts.port);
    *(v6 ? &((struct sockaddr_in6 *)at)->sin6_port : &((struct sockaddr_in *)at)->sin_port) = port;
    return connect_to(d, (struct sockaddr *)at,
                      v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
}

static void try_next(struct dial *d)
{
    while (d->next < d->addresses.n)
        if (connect_next(d))
            return;
    finish_dial(d, NULL);
}

static void on_dial_lookup(void *arg, const struct resolve_answer *found)
{
    struct dial *d = arg;
    d->lookup = NULL;
    d->addresses = *found;
    if (!found->n)
        err_set(&d->why, "name lookup: %s", found->why);
    try_next(d);
}

/* An address in text needs nobody's answer. */
static bool read_dial_address(const char *host, struct resolve_answer *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->v[0];
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->v[0];
    out->n = 1;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
        v4->sin_family = AF_INET;
    else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
        v6->sin6_family = AF_INET6;
    else
        out->n = 0;
    return out->n;
}

static void lookup_start(struct dial *d)
{
    if (read_dial_address(d->opts.host, &d->addresses)) {
        try_next(d);
    } else if (!d->resolver) {
        err_set(&d->why, "name lookup: no resolver");
        finish_dial(d, NULL);
    } else {
        timer_once(d->timer, d->opts.lookup_ms ? d->opts.lookup_ms : LOOKUP_MAX_MS);
        d->lookup = resolve_start(d->resolver, d->opts.host, on_dial_lookup, d);
    }
}

static void connect_unix(struct dial *d)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", d->opts.unix_path);
    if (!connect_to(d, (struct sockaddr *)&address, sizeof address))
        finish_dial(d, NULL);
}

static void on_dial_timer(void *arg)
{
    struct dial *d = arg;
    if (!d->begun) {
        d->begun = true;
        if (d->opts.unix_path[0])
            connect_unix(d);
        else
            lookup_start(d);
        return;
    }
    err_set(&d->why, d->lookup ? "name lookup timed out" : "connecting timed out");
    if (d->lookup)
        resolve_cancel(d->lookup);
    d->lookup = NULL;
    if (d->bev)
        bufferevent_free(d->bev);
    d->bev = NULL;
    try_next(d);
}

struct dial *dial_start(struct event_base *base, struct resolver *resolver,
                        const struct dial_opts *opts, dial_fn fn, void *arg)
{
    struct dial *d = mem_zalloc(sizeof *d);
    d->base = base;
    d->resolver = resolver;
    d->opts = *opts;
    if (opts->tls) {
        d->tls = *opts->tls;
        d->opts.tls = &d->tls;
    }
    d->fn = fn;
    d->arg = arg;
    d->timer = timer_new(base, on_dial_timer, d);
    timer_once(d->timer, 0);
    return d;
}

void dial_cancel(struct dial *d)
{
    dial_free(d);
}

/* --- secrets --------------------------------------------------------------------------------- */

static void wipe_dial(const void *data, size_t len, void *text)
{
    (void)data;
    mem_wipe(text, len);
    free(text);
}

void dial_write_wiped(struct bufferevent *bev, char *text, size_t len)
{
    evbuffer_add_reference(bufferevent_get_output(bev), text, len, wipe_dial, text);
}
