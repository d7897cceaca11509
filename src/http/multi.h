/* SPDX-License-Identifier: MIT
 * libcurl's multi handle on the libevent loop: sockets, timer, finished transfers. Knows nothing
 * of requests. */
#ifndef PB_HTTP_MULTI_H
#define PB_HTTP_MULTI_H

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>

struct multi;

/* The transfer has left the multi handle. Never called from inside multi_add or libcurl. */
typedef void (*multi_done_fn)(void *arg, CURL *easy, CURLcode code);

/* NULL when libcurl cannot be set up. At most max_connections at any time, idle ones included. */
struct multi *multi_new(struct event_base *base, long max_connections, multi_done_fn fn, void *arg);
/* Every transfer must have been removed. May be called from fn. */
void multi_free(struct multi *m);

/* Once per easy handle, before its first multi_add. */
void multi_adopt(struct multi *m, CURL *easy);
void multi_add(struct multi *m, CURL *easy);
void multi_remove(struct multi *m, CURL *easy); /* cancels: no callback */

#endif
