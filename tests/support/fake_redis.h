/* SPDX-License-Identifier: MIT
 * A scripted server: one connection at a time, and as soon as something arrives it says its lines.
 * The first command may come at the heels of the handshake, so what it is to hear is set before.
 * Include after support/redis_server.c, which knows free ports. */
#ifndef TEST_FAKE_REDIS_H
#define TEST_FAKE_REDIS_H

#include <cmocka.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <string.h>

struct fake {
    struct evconnlistener *listener;
    struct bufferevent *bev;
    const char *answers, *then; /* the latter after a handshake; NULL: the same */
    char got[512];              /* what arrived last */
    int port, accepted;
};

static inline void on_fake_read(struct bufferevent *bev, void *arg)
{
    struct fake *fake = arg;
    size_t n = bufferevent_read(bev, fake->got, sizeof fake->got - 1);
    fake->got[n] = '\0';
    bufferevent_write(bev, fake->answers, strlen(fake->answers));
    if (fake->then && strstr(fake->got, "CLIENT"))
        fake->answers = fake->then;
}

static inline void on_fake_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a,
                                  int len, void *arg)
{
    (void)a;
    (void)len;
    struct fake *fake = arg;
    fake->accepted++;
    if (fake->bev)
        bufferevent_free(fake->bev);
    fake->bev = bufferevent_socket_new(evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(fake->bev, on_fake_read, NULL, NULL, fake);
    bufferevent_enable(fake->bev, EV_READ | EV_WRITE);
}

static inline void fake_listen(struct fake *fake, struct event_base *base, const char *answers)
{
    memset(fake, 0, sizeof *fake);
    fake->answers = answers;
    fake->port = free_port();
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)fake->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fake->listener =
        evconnlistener_new_bind(base, on_fake_accept, fake,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
                                8, (struct sockaddr *)&a, sizeof a);
    assert_non_null(fake->listener);
}

static inline void fake_close(struct fake *fake)
{
    if (fake->bev)
        bufferevent_free(fake->bev);
    if (fake->listener)
        evconnlistener_free(fake->listener);
    fake->bev = NULL;
    fake->listener = NULL;
}

#define FAKE_ROLE "*1\r\n$6\r\nmaster\r\n"
#define FAKE_INFO(version)                                                                         \
    FAKE_ROLE "$47\r\n# Server\r\nredis_version:" version "\r\nrun_id:0123456\r\n\r\n"
#define FAKE_HELLO FAKE_INFO("7.0.1") "+OK\r\n"

#endif
