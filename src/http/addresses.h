/* SPDX-License-Identifier: MIT
 * The addresses of the one name that all calls of a struct http connect to: looked up as Redis'
 * names are (host/resolve.h), handed to libcurl, renewed beside the calls. libcurl's own lookup
 * would hold each first call for as long as the C library waits for a name server that drops
 * questions for IPv6 addresses. */
#ifndef PB_HTTP_ADDRESSES_H
#define PB_HTTP_ADDRESSES_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>

enum {
    ADDRESSES_FRESH_MS = 60000, /* after which a call has them looked up again, beside it */
    ADDRESSES_AGAIN_MS = 1000,  /* between two lookups of a name that was in doubt or not found */
};

struct addresses;

/* The lookup that calls wait for has ended: why is "" when addresses are known. */
typedef void (*addresses_fn)(void *arg, const char *why);

/* url: whom libcurl connects to, the proxy where there is one. limit_ms: of a lookup that calls
 * wait for. NULL where nothing is to be looked up here: an address, localhost, or a name that is
 * not ASCII and for libcurl to translate. */
struct addresses *addresses_new(struct event_base *base, const char *url, long limit_ms,
                                addresses_fn fn, void *arg);
void addresses_free(struct addresses *a);

/* Before each call. False: none is known yet, and fn will come, not before this returns. */
bool addresses_known(struct addresses *a);
/* A connection to them failed: the next call has them looked up again. */
void addresses_doubt(struct addresses *a);

/* Counts their changes from 1; 0: none known yet. */
unsigned addresses_version(const struct addresses *a);
/* For CURLOPT_RESOLVE; the caller's, to be kept until the transfer is over. */
struct curl_slist *addresses_list(const struct addresses *a);

#endif
