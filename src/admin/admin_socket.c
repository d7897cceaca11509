/* SPDX-License-Identifier: MIT */
#include "admin/admin_socket.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128 };

/* 0 when it does not fit. The name begins after a NUL, which makes it abstract. */
static socklen_t make_address(const char *listen, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t room = sizeof out->sun_path - 1;
    int n = snprintf(out->sun_path + 1, room, "pushbridge/admin/%s", listen);
    if (n < 0 || (size_t)n >= room)
        return 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static int open_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int admin_socket_listen(const char *name)
{
    struct sockaddr_un address;
    socklen_t len = make_address(name, &address);
    int fd = len ? open_unix_socket() : -1;
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    close(fd);
    return -1;
}

/* A connection to a Unix socket is made at once, or not at all while its backlog is full. */
int admin_socket_dial(const char *name)
{
    struct sockaddr_un address;
    socklen_t len = make_address(name, &address);
    int fd = len ? open_unix_socket() : -1;
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, len) == 0 && admin_socket_is_own(fd))
        return fd;
    close(fd);
    return -1;
}

bool admin_socket_is_own(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}
