/* SPDX-License-Identifier: MIT
 * pushbridge health: one GET to the admin endpoint of a worker on this machine, by the socket that
 * is kept for this, else by its address. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/admin_socket.h"
#include "base/clock.h"
#include "cli/cli.h"

enum { LIMIT_MS = 2000, PAUSE_MS = 20, FORBIDDEN = 403, HOST_SIZE = 256, ANSWER_SIZE = 512 };

struct health_args {
    struct cli_args common;
    bool ready;
};

/* HOST:PORT apart; a worker that listens everywhere is asked on loopback. */
static bool split_listen(const char *listen, char host[HOST_SIZE], const char **port)
{
    const char *colon = strrchr(listen, ':');
    size_t len = colon ? (size_t)(colon - listen) : 0;
    if (!len || len >= HOST_SIZE)
        return false;
    if (*listen == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    snprintf(host, HOST_SIZE, "%.*s", (int)len, listen);
    if (strcmp(host, "0.0.0.0") == 0)
        snprintf(host, HOST_SIZE, "127.0.0.1");
    else if (strcmp(host, "::") == 0)
        snprintf(host, HOST_SIZE, "::1");
    *port = colon + 1;
    return true;
}

static bool wait_socket(int fd, short events, int64_t end_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int64_t left = end_ms - clock_mono_ms();
    return left > 0 && poll(&p, 1, (int)left) == 1;
}

static int dial(const struct addrinfo *a, int64_t end_ms)
{
    int error = 0;
    socklen_t len = sizeof error;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS && wait_socket(fd, POLLOUT, end_ms) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && !error)
        return fd;
    close(fd);
    return -1;
}

/* The status of the answer, 0 when none came in time. */
static int ask_status(int fd, const char *path, int64_t end_ms)
{
    char text[ANSWER_SIZE];
    int status = 0;
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        return 0;
    size_t len = 0;
    while (!memchr(text, '\n', len) && len < sizeof text - 1 && wait_socket(fd, POLLIN, end_ms)) {
        ssize_t got = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (got <= 0)
            break;
        len += (size_t)got;
    }
    text[len] = '\0';
    return sscanf(text, "HTTP/1.%*1d %3d", &status) == 1 ? status : 0;
}

/* One of the address' sockets; −1 when nobody answers there. */
static int dial_address(const char *listen, int64_t end_ms)
{
    char host[HOST_SIZE];
    const char *port;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int fd = -1;
    if (split_listen(listen, host, &port) && getaddrinfo(host, port, &hints, &list) == 0)
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
            fd = dial(a, end_ms);
    if (list)
        freeaddrinfo(list);
    return fd;
}

/* The status, 0: there was nobody, −1: nothing was said. */
static int ask_at(int fd, const char *path, int64_t end_ms)
{
    if (fd < 0)
        return 0;
    int status = ask_status(fd, path, end_ms);
    close(fd);
    return status ? status : -1;
}

/* The socket first. A worker without one, or of another user, is asked as everybody asks it, where
 * a crowd may have us put out before we are heard: then again. */
static int ask_worker(const char *listen, const char *path)
{
    int64_t end_ms = clock_mono_ms() + LIMIT_MS;
    int status = -1;
    while (status < 0 && clock_mono_ms() < end_ms) {
        status = ask_at(admin_socket_dial(listen), path, end_ms);
        int other = status <= 0 || status == FORBIDDEN
                        ? ask_at(dial_address(listen, end_ms), path, end_ms)
                        : 0;
        status = other ? other : status; /* who says nothing is there all the same */
        if (status < 0)
            poll(NULL, 0, PAUSE_MS);
    }
    return status;
}

static int check_health(const char *listen, const char *path)
{
    char host[HOST_SIZE];
    const char *port;
    if (!split_listen(listen, host, &port)) {
        cli_line(stderr, "pushbridge health: admin.listen is \"%s\"", listen);
        return CLI_FAILED;
    }
    int status = ask_worker(listen, path);
    if (!status)
        cli_line(stderr, "pushbridge health: nothing answers at %s", listen);
    else if (status < 0)
        cli_line(stderr, "pushbridge health: %s at %s says nothing in time", path, listen);
    else if (status != 200)
        cli_line(stderr, "pushbridge health: %s at %s says %d", path, listen, status);
    return status == 200 ? CLI_OK : CLI_FAILED;
}

static int run_health(void *args, struct config *config)
{
    const struct health_args *a = args;
    return check_health(config->admin_listen, a->ready ? "/readyz" : "/livez");
}

static const struct args_option options[] = {
    CLI_CONFIG_OPTION,
    {ARGS_IS_FLAG("ready", struct health_args, ready, "ask /readyz in place of /livez")},
};
static const struct args_command health_args = {
    .name = "health",
    .title = "ask a running worker whether it is well",
    .about = "Asks the worker whose admin endpoint is admin.listen, by a socket of its own, and is "
             "done within 2 seconds: 0 well, 1 not.",
    ARGS_NO_VERB("[-c FILE] [--ready]", "", 0, 0),
    ARGS_OPTIONS(options),
    .size = sizeof(struct health_args),
};
const struct cli_command cmd_health = {&health_args, CLI_NEEDS_TOOL, run_health};
