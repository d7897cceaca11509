/* SPDX-License-Identifier: MIT
 * A scripted server: as soon as something arrives it says its lines. It has one connection at a
 * time, or, where commands hear something else than handshakes (then), several. */
#ifndef TEST_FAKE_REDIS_H
#define TEST_FAKE_REDIS_H

#include <event2/event.h>
#include <stddef.h>

enum { FAKE_CONNECTIONS_MAX = 8 };

struct fake {
    struct evconnlistener *listener;
    struct bufferevent *bevs[FAKE_CONNECTIONS_MAX]; /* the newest one last, or alone */
    size_t n;
    const char *answers, *then; /* the latter to all but handshakes; NULL: the same */
    char got[512];              /* what arrived last */
    int port, accepted;
};

/* answers: to every read, or, when then is set afterwards, to handshakes only; borrowed. The test
 * fails when nothing can listen. */
void fake_listen(struct fake *fake, struct event_base *base, const char *answers);
void fake_hang_up(struct fake *fake); /* cuts all connections */
void fake_close(struct fake *fake);   /* likewise, and listens no more */

#define FAKE_ROLE "*1\r\n$6\r\nmaster\r\n"
#define FAKE_INFO(version)                                                                         \
    FAKE_ROLE "$47\r\n# Server\r\nredis_version:" version "\r\nrun_id:0123456\r\n\r\n"
#define FAKE_HELLO FAKE_INFO("7.0.1") "+OK\r\n"

#endif
