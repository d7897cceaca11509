/* SPDX-License-Identifier: MIT */
#include "support/redis_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/folder.h"
#include "support/free_port.h"

/* cmocka's fail_msg would need its headers here; a broken environment may simply abort. */
static void give_up(const char *what)
{
    perror(what);
    abort();
}

static void exec_server(const struct redis_server *s)
{
    char port[16], log[96];
    const char *other = getenv("REDIS_SERVER"); /* valkey-server */
    const char *argv[16 + REDIS_SERVER_OPTIONS_MAX] = {other ? other : "redis-server",
                                                       "--port",
                                                       port,
                                                       "--bind",
                                                       "127.0.0.1",
                                                       "--unixsocket",
                                                       s->socket,
                                                       "--dir",
                                                       s->dir,
                                                       "--save",
                                                       ""};
    int n = 0;
    while (argv[n])
        n++;
    for (int i = 0; s->options[i]; i++)
        argv[n++] = s->options[i];
    snprintf(port, sizeof port, "%d", s->port);
    snprintf(log, sizeof log, "%s/log", s->dir);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(argv[0], (char *const *)(const void *)argv);
    _exit(127);
}

static int answers(const struct redis_server *s)
{
    redisContext *c = redisConnectUnix(s->socket);
    redisReply *reply = c && !c->err ? redisCommand(c, "PING") : NULL;
    int ok = reply != NULL;
    freeReplyObject(reply);
    if (c)
        redisFree(c);
    return ok;
}

static void launch(struct redis_server *s)
{
    unlink(s->socket);
    s->pid = fork();
    if (s->pid < 0)
        give_up("fork");
    if (s->pid == 0)
        exec_server(s);
    for (int i = 0; !answers(s); i++) {
        if (i == 1000 || waitpid(s->pid, NULL, WNOHANG) != 0)
            give_up("redis-server does not start");
        poll(NULL, 0, 10);
    }
}

void redis_server_start(struct redis_server *s, const char *const *options)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; options && options[i] && i < REDIS_SERVER_OPTIONS_MAX - 1; i++)
        s->options[i] = options[i];
    snprintf(s->dir, sizeof s->dir, "/tmp/pushbridge-redis-XXXXXX");
    if (!mkdtemp(s->dir))
        give_up("mkdtemp");
    snprintf(s->socket, sizeof s->socket, "%s/sock", s->dir);
    s->port = free_port();
    launch(s);
}

void redis_server_kill(struct redis_server *s)
{
    if (!s->pid)
        return;
    kill(s->pid, SIGKILL);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->pid = 0;
}

void redis_server_stop(struct redis_server *s)
{
    redis_server_kill(s);
    if (s->dir[0])
        folder_remove(s->dir);
    s->dir[0] = '\0';
}

void redis_server_restart(struct redis_server *s)
{
    redis_server_kill(s);
    launch(s);
}

redisContext *redis_server_connect(const struct redis_server *s)
{
    redisContext *c = redisConnectUnix(s->socket);
    if (!c || c->err)
        give_up("redis_server_connect");
    return c;
}

long long redis_server_int(const struct redis_server *s, const char *command)
{
    redisContext *c = redis_server_connect(s);
    redisReply *reply = redisCommand(c, command);
    long long n = reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
    freeReplyObject(reply);
    redisFree(c);
    return n;
}
