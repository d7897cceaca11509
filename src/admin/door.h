/* SPDX-License-Identifier: MIT
 * Where HTTP requests come in: evhttp with what it lacks. A request's head, the time for it and the
 * number of connections are bounded, and nobody waits for a place: who has asked nothing yet makes
 * room for who comes next. */
#ifndef PB_ADMIN_DOOR_H
#define PB_ADMIN_DOOR_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

struct door;

struct door_limits {
    unsigned places; /* connections at once, at least 1 */
    int silence_s;   /* between two bytes */
    int64_t life_ms; /* of a connection, which has one request: no trickle keeps it */
};

/* fn gets each whole request, and answers it before it returns. Heads that others may read in
 * another way (a NUL, a header's name with blanks or without a letter, Transfer-Encoding) it does
 * not get: 400. */
typedef void (*door_fn)(struct evhttp_request *req, void *arg);
struct door *door_new(struct event_base *base, const struct door_limits *limits, door_fn fn,
                      void *arg);
void door_free(struct door *d);

/* Connections come from there on. False: cannot listen there. */
bool door_bind(struct door *d, const char *host, uint16_t port);
bool door_accept(struct door *d, int fd); /* a listening socket, the door's if true */

#endif
