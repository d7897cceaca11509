/* SPDX-License-Identifier: MIT
 * Names → addresses without blocking the loop: getaddrinfo() in threads of its own, so that a name
 * means here what it means to `getent ahosts` on the same host (nsswitch, hosts file, search list,
 * a second name server, TCP, a resolv.conf that has changed). Questions for one name that are asked
 * meanwhile share one answer; nothing is remembered afterwards. */
#ifndef PB_HOST_RESOLVE_H
#define PB_HOST_RESOLVE_H

#include <event2/event.h>
#include <stddef.h>
#include <sys/socket.h>

enum {
    RESOLVE_HOST_MAX = 255, /* bytes of a name */
    RESOLVE_ADDRESSES_MAX = 16,
    RESOLVE_THREADS_MAX = 16, /* at once; names wait for one beyond that */
    /* A name server may drop questions for IPv6 addresses; the C library waits for these 5 s or
     * more. After so long IPv4 addresses are asked for beside it, and the first answer counts. */
    RESOLVE_ALONE_MS = 250,
};

struct resolver;
struct lookup;

struct resolve_answer {
    struct sockaddr_storage v[RESOLVE_ADDRESSES_MAX]; /* in the order to try them in; port 0 */
    size_t n;                                         /* 0: none was found … */
    const char *why;                                  /* … and why; "" otherwise */
};

/* The answer is valid during the call only. */
typedef void (*resolve_fn)(void *arg, const struct resolve_answer *answer);

/* One a loop. NULL: no descriptor is left for it. */
struct resolver *resolver_new(struct event_base *base);
/* NULL is allowed, and so is a callback's own. Lookups that are left get no callback. Threads that
 * still ask end by themselves. */
void resolver_free(struct resolver *r);

/* host: a name, or an address in text, at most RESOLVE_HOST_MAX bytes. fn comes exactly once, never
 * before this returns, unless it is cancelled; the lookup is gone then. There is no time limit but
 * the C library's: the caller has its own, and cancels. */
struct lookup *resolve_start(struct resolver *r, const char *host, resolve_fn fn, void *arg);
void resolve_cancel(struct lookup *l);

#endif
