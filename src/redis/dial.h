/* SPDX-License-Identifier: MIT
 * One attempt to connect a bufferevent: resolves without blocking, tries each address in turn,
 * plain TCP, unix socket or TLS (the handshake included). */
#ifndef PB_REDIS_DIAL_H
#define PB_REDIS_DIAL_H

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "host/resolve.h"
#include "redis/tls.h"

struct dial;

struct dial_opts {
    const char *unix_path; /* "": TCP to host and port */
    const char *host;
    int port;
    const struct tls_opts *tls; /* NULL: plain. Copied, its strings are borrowed */
    int timeout_ms;             /* for each address */
    int lookup_ms;              /* for the name; 0: 15 s, which a second name server needs */
    int keepalive_s;            /* TCP keepalive after so much silence; 0: none */
};

/* bev is connected, without callbacks, and belongs to the receiver; or NULL and why. */
typedef void (*dial_fn)(void *arg, struct bufferevent *bev, const char *why);

/* The callback comes exactly once, never before this returns, unless cancelled; the dial is gone
 * then. Strings are borrowed until the end. Without a resolver only addresses
 * work. */
struct dial *dial_start(struct event_base *base, struct resolver *resolver,
                        const struct dial_opts *opts, dial_fn fn, void *arg);
void dial_cancel(struct dial *d);

/* Why a connection ended, in an event callback with these flags: what says most comes first. */
void dial_explain(struct bufferevent *bev, short what, struct err *out);

/* Writes len bytes of text, which malloc() made and which is wiped and freed as soon as it is out:
 * no copy of a password stays behind in a buffer. */
void dial_write_wiped(struct bufferevent *bev, char *text, size_t len);

#endif
