/* SPDX-License-Identifier: MIT */
#include "mock/wire/port.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/http.h>

#include "base/text.h"

bool port_parse(const char *text, char *host, size_t host_size, int *port)
{
    int64_t number;
    const char *colon = strrchr(text, ':');
    if (!colon || !text_int(colon + 1, 0, 65535, &number))
        return false;
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        text++;
        len -= 2;
    }
    if (len >= host_size)
        return false;
    memcpy(host, len ? text : "0.0.0.0", len ? len : sizeof("0.0.0.0"));
    if (len)
        host[len] = '\0';
    *port = (int)number;
    return true;
}

int port_open(struct evhttp *http, const char *host, int port)
{
    int on = 1;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t size = sizeof(address);
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(http, host, (unsigned short)port);
    if (!bound)
        return 0;
    int fd = evhttp_bound_socket_get_fd(bound);
    /* Accepted sockets inherit it: an answer in two TLS records must not wait for an ACK. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (getsockname(fd, &address.any, &size) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}
