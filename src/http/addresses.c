/* SPDX-License-Identifier: MIT */
#include "http/addresses.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/timer.h"
#include "host/resolve.h"

enum { LINE_MAX_ = RESOLVE_HOST_MAX + 8 + RESOLVE_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3) };

struct addresses {
    struct resolver *resolver;
    struct lookup *lookup;
    struct timer *timer; /* limits a lookup that calls wait for */
    char host[RESOLVE_HOST_MAX + 1];
    char *port;
    char line[LINE_MAX_]; /* "host:port:address,…"; "": none known */
    unsigned version;
    int64_t due_ms; /* no lookup begins before */
    long limit_ms;
    addresses_fn fn;
    void *arg;
};

/* --- the answer ------------------------------------------------------------------------------ */

static void put_address(struct buf *out, const struct sockaddr_storage *at)
{
    char text[INET6_ADDRSTRLEN];
    if (at->ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)at)->sin6_addr, text, sizeof text);
        buf_printf(out, "[%s]", text);
    } else {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)at)->sin_addr, text, sizeof text);
        buf_puts(out, text);
    }
}

static void keep_answer(struct addresses *a, const struct resolve_answer *answer)
{
    struct buf line;
    buf_init(&line, sizeof a->line - 1);
    buf_printf(&line, "%s:%s:", a->host, a->port);
    for (size_t i = 0; i < answer->n; i++) {
        buf_puts(&line, i ? "," : "");
        put_address(&line, &answer->v[i]);
    }
    if (strcmp(buf_text(&line), a->line) != 0) {
        memcpy(a->line, buf_text(&line), line.len + 1);
        a->version++;
    }
    buf_free(&line);
}

static void end_lookup(struct addresses *a, const char *why)
{
    bool waited = !a->version || timer_is_set(a->timer);
    a->lookup = NULL;
    timer_stop(a->timer);
    if (waited)
        a->fn(a->arg, why);
}

static void on_addresses_found(void *arg, const struct resolve_answer *answer)
{
    struct addresses *a = arg;
    a->due_ms = clock_mono_ms() + (answer->n ? ADDRESSES_FRESH_MS : ADDRESSES_AGAIN_MS);
    if (answer->n)
        keep_answer(a, answer);
    end_lookup(a, answer->why);
}

static void on_addresses_late(void *arg)
{
    struct addresses *a = arg;
    resolve_cancel(a->lookup);
    end_lookup(a, "timed out");
}

/* --- public ---------------------------------------------------------------------------------- */

static bool is_plain_name(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p >= 0x80)
            return false;
    return strlen(host) <= RESOLVE_HOST_MAX && host[0] != '[' &&
           strcasecmp(host, "localhost") != 0 && inet_pton(AF_INET, host, bytes) != 1;
}

/* libcurl splits the URL as it will for the call. */
static bool read_url(const char *url, char host[RESOLVE_HOST_MAX + 1], char **port)
{
    char *name = NULL;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK && is_plain_name(name) &&
              curl_url_get(u, CURLUPART_PORT, port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok)
        snprintf(host, RESOLVE_HOST_MAX + 1, "%s", name);
    curl_free(name);
    curl_url_cleanup(u);
    return ok;
}

struct addresses *addresses_new(struct event_base *base, const char *url, long limit_ms,
                                addresses_fn fn, void *arg)
{
    char host[RESOLVE_HOST_MAX + 1], *port = NULL;
    if (!read_url(url, host, &port))
        return NULL;
    struct addresses *a = mem_zalloc(sizeof *a);
    memcpy(a->host, host, sizeof a->host);
    a->port = port;
    a->limit_ms = limit_ms;
    a->fn = fn;
    a->arg = arg;
    a->timer = timer_new(base, on_addresses_late, a);
    a->resolver = resolver_new(base);
    if (a->resolver)
        return a;
    addresses_free(a);
    return NULL;
}

void addresses_free(struct addresses *a)
{
    if (!a)
        return;
    if (a->lookup)
        resolve_cancel(a->lookup);
    resolver_free(a->resolver);
    timer_free(a->timer);
    curl_free(a->port);
    mem_free(a);
}

/* Nobody waits for a renewal: it has no limit but the C library's. */
bool addresses_known(struct addresses *a)
{
    bool wanted = !a->version || clock_mono_ms() >= a->due_ms;
    if (!a->lookup && wanted) {
        a->lookup = resolve_start(a->resolver, a->host, on_addresses_found, a);
        if (!a->version)
            timer_once(a->timer, a->limit_ms);
    }
    return a->version;
}

void addresses_doubt(struct addresses *a)
{
    int64_t soon_ms = clock_mono_ms() + ADDRESSES_AGAIN_MS;
    if (a->due_ms > soon_ms)
        a->due_ms = soon_ms;
}

unsigned addresses_version(const struct addresses *a)
{
    return a->version;
}

struct curl_slist *addresses_list(const struct addresses *a)
{
    struct curl_slist *list = curl_slist_append(NULL, a->line);
    assert(list);
    return list;
}
