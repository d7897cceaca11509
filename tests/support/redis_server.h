/* SPDX-License-Identifier: MIT
 * A real redis-server of a test's own, in a temporary folder, on a free TCP port of 127.0.0.1 and
 * on a unix socket. The server
 * dies with the test. */
#ifndef TEST_REDIS_SERVER_H
#define TEST_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <sys/types.h>

enum { REDIS_SERVER_OPTIONS_MAX = 32 };

struct redis_server {
    char dir[64];
    char socket[96];
    int port;
    pid_t pid; /* 0: not running */
    const char *options[REDIS_SERVER_OPTIONS_MAX];
};

/* options: NULL-terminated words such as "--requirepass", "x" (borrowed until stop), or NULL.
 * Returns when the server answers; fails the test otherwise. No persistence unless asked for. */
void redis_server_start(struct redis_server *s, const char *const *options);
void redis_server_stop(struct redis_server *s);    /* ends it and removes the folder */
void redis_server_kill(struct redis_server *s);    /* SIGKILL; keeps port, folder and options */
void redis_server_restart(struct redis_server *s); /* after kill: the same again */

/* A blocking connection for the test itself (redisFree), not authenticated. */
redisContext *redis_server_connect(const struct redis_server *s);
/* One command on a connection of its own: an integer reply, or −1. */
long long redis_server_int(const struct redis_server *s, const char *command);

#endif
