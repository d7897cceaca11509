/* SPDX-License-Identifier: MIT */
#include "support/fake_redis.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "support/cmocka.h"
#include "support/free_port.h"

/* How long the handshake is that CLIENT SETNAME and its argument end; 0: not all of it is there. */
static size_t fake_handshake(const char *got)
{
    const char *p = strstr(got, "CLIENT");
    for (int lines = 0; p && lines < 5; lines++) {
        p = strstr(p, "\r\n");
        p = p ? p + 2 : NULL;
    }
    return p ? (size_t)(p - got) : 0;
}

/* On a busy machine a handshake may come in pieces, or with the first command at its heels: it is
 * answered once, and by itself. */
static void on_fake_read(struct bufferevent *bev, void *arg)
{
    struct fake *fake = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    while (evbuffer_get_length(in)) {
        size_t n = (size_t)evbuffer_copyout(in, fake->got, sizeof fake->got - 1);
        fake->got[n] = '\0';
        bool greets = fake->then && strncmp(fake->got, "*1\r\n$4\r\nROLE", n < 12 ? n : 12) == 0;
        if (greets && !(n = fake_handshake(fake->got)))
            return;
        fake->got[n] = '\0';
        evbuffer_drain(in, n);
        const char *answers = fake->then && !greets ? fake->then : fake->answers;
        bufferevent_write(bev, answers, strlen(answers));
    }
}

void fake_hang_up(struct fake *fake)
{
    while (fake->n)
        bufferevent_free(fake->bevs[--fake->n]);
}

static void on_fake_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a,
                           int len, void *arg)
{
    (void)a;
    (void)len;
    struct fake *fake = arg;
    fake->accepted++;
    if (!fake->then || fake->n == FAKE_CONNECTIONS_MAX)
        fake_hang_up(fake);
    struct bufferevent *bev =
        bufferevent_socket_new(evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(bev, on_fake_read, NULL, NULL, fake);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
    fake->bevs[fake->n++] = bev;
}

void fake_listen(struct fake *fake, struct event_base *base, const char *answers)
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

void fake_close(struct fake *fake)
{
    fake_hang_up(fake);
    if (fake->listener)
        evconnlistener_free(fake->listener);
    fake->listener = NULL;
}
