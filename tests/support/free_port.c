/* SPDX-License-Identifier: MIT */
#include "support/free_port.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void ports_below_the_kernels(int *first, int *past)
{
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    int lowest = 0;
    if (f && fscanf(f, "%d", &lowest) != 1)
        lowest = 0;
    if (f)
        fclose(f);
    *first = lowest > 12000 ? 10000 : 61000;
    *past = lowest > 12000 ? lowest : 65536;
}

static bool can_bind(int port)
{
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool free = fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0;
    close(fd);
    return free;
}

static bool claim_port(int port)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "pushbridge-test-port-%d", port);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, len) == 0 && can_bind(port))
        return true; /* the claim ends with the process */
    close(fd);
    return false;
}

int free_port(void)
{
    int first, past;
    ports_below_the_kernels(&first, &past);
    for (int i = 0; i < past - first; i++) {
        int port = first + (getpid() * 101 + i) % (past - first);
        if (claim_port(port))
            return port;
    }
    perror("free_port");
    abort();
}
