/* SPDX-License-Identifier: MIT
 * The Redis connection (redis, redis_core, redis_handshake, redis_reader, redis_url, redis_info,
 * redis_script, dial, tls) against a real server, and against scripted ones where a real server
 * cannot be made to behave that badly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/metrics.h"
#include "host/resolve.h"
#include "redis/redis.h"
#include "redis/redis_info.h"
#include "redis/redis_reader.h"
#include "support/folder.h"
#include "support/pump.h"
#include "support/redis_server.h"

#include "base/clock.h"
#include "support/fake_redis.h"
#include "support/free_port.h"

/* --- URLs and INFO --------------------------------------------------------------------------- */

static void test_url_good(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *unix_path, *user, *password;
        int port, db;
        bool tls;
    } rows[] = {
        {"redis://h", "h", "", "", "", 6379, 0, false},
        {"redis://127.0.0.1:6380/3", "127.0.0.1", "", "", "", 6380, 3, false},
        {"redis://h/", "h", "", "", "", 6379, 0, false},
        {"redis://h:1?db=7", "h", "", "", "", 1, 7, false},
        {"redis://:secret@h", "h", "", "", "secret", 6379, 0, false},
        {"redis://u:p%40%3a%2F@h:7000/15", "h", "", "u", "p@:/", 7000, 15, false},
        {"redis://u@h", "h", "", "u", "", 6379, 0, false},
        {"rediss://u:p@r.example.com", "r.example.com", "", "u", "p", 6379, 0, true},
        {"redis://[::1]:6390/1", "::1", "", "", "", 6390, 1, false},
        {"rediss://[fe80::1]", "fe80::1", "", "", "", 6379, 0, true},
        {"unix:///run/redis.sock", "127.0.0.1", "/run/redis.sock", "", "", 6379, 0, false},
        {"unix:///run/a%20b.sock?db=2", "127.0.0.1", "/run/a b.sock", "", "", 6379, 2, false},
        {"unix://u:p@/run/r", "127.0.0.1", "/run/r", "u", "p", 6379, 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_opts o;
        struct err e = {""};
        redis_opts_default(&o);
        if (!redis_url_parse(rows[i].url, &o, &e))
            fail_msg("%s: %s", rows[i].url, e.text);
        assert_string_equal(o.host, rows[i].host);
        assert_string_equal(o.unix_path, rows[i].unix_path);
        assert_string_equal(o.user, rows[i].user);
        assert_string_equal(o.password, rows[i].password);
        assert_int_equal(o.port, rows[i].port);
        assert_int_equal(o.db, rows[i].db);
        assert_int_equal(o.tls, rows[i].tls);
    }
}

static void test_url_topology(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        enum topology topology;
        const char *hosts; /* host:port, … */
        const char *user, *password, *master;
        int db;
        bool tls;
    } rows[] = {
        {"redis+sentinel://a:1,b:2,c:3/mymaster/4", TOPOLOGY_SENTINEL, "a:1 b:2 c:3 ", "", "",
         "mymaster", 4, false},
        {"rediss+sentinel://u:p%2C@a,[::1]:5/m%41", TOPOLOGY_SENTINEL, "a:26379 ::1:5 ", "u", "p,",
         "mA", 0, true},
        {"redis+sentinel://a/m?db=2", TOPOLOGY_SENTINEL, "a:26379 ", "", "", "m", 2, false},
        {"redis+cluster://u@a,b:7", TOPOLOGY_CLUSTER, "a:6379 b:7 ", "u", "", "", 0, false},
        {"rediss+cluster://:p@[fe80::1],b/0", TOPOLOGY_CLUSTER, "fe80::1:6379 b:6379 ", "", "p", "",
         0, true},
        {"redis://a", TOPOLOGY_SINGLE, "", "", "", "", 0, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_opts o;
        struct err e = {""};
        char hosts[256] = "";
        redis_opts_default(&o);
        if (!redis_url_parse(rows[i].url, &o, &e))
            fail_msg("%s: %s", rows[i].url, e.text);
        for (size_t k = 0, n = 0; k < o.nnodes; k++)
            n += (size_t)snprintf(hosts + n, sizeof hosts - n, "%s:%d ", o.nodes[k].host,
                                  o.nodes[k].port);
        assert_int_equal(o.topology, rows[i].topology);
        assert_string_equal(hosts, rows[i].hosts);
        assert_string_equal(o.user, rows[i].user);
        assert_string_equal(o.password, rows[i].password);
        assert_string_equal(o.master, rows[i].master);
        assert_int_equal(o.db, rows[i].db);
        assert_int_equal(o.tls, rows[i].tls);
    }
}

static void test_url_topology_bad(void **state)
{
    (void)state;
    static const struct {
        const char *url, *why;
    } rows[] = {
        {"redis+sentinel://a:1,b:2", "no name of the master"},
        {"redis+sentinel://a/", "no name of the master"},
        {"redis+sentinel://a,/m", "no host"},
        {"redis+sentinel://,a/m", "no host"},
        {"redis+sentinel://sesame@/m", "no host"},
        {"redis+sentinel://a:0/m", "the port"},
        {"redis+sentinel://a/m/x", "the database"},
        {"redis+sentinel://a/m%zz", "percent-encoding in the master's name"},
        {"redis+sentinel://a/m?password=sesame", "only db=N"},
        {"redis+cluster://a/1", "a cluster has the database 0 only"},
        {"redis+cluster://a?db=1", "a cluster has the database 0 only"},
        {"redis+cluster://", "no host"},
        {"redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "more than 16 hosts"},
        {"unix+cluster://a", "must begin with"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_opts o;
        struct err e = {""};
        redis_opts_default(&o);
        if (redis_url_parse(rows[i].url, &o, &e))
            fail_msg("accepted: %s", rows[i].url);
        if (!strstr(e.text, rows[i].why))
            fail_msg("%s: %s", rows[i].url, e.text);
        assert_null(strstr(e.text, "sesame"));
    }
}

static void test_url_bad(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "redis:",
        "http://sesame@h",
        "redis://",
        "redis://:sesame@",
        "redis://u:sesame@h:0",
        "redis://u:sesame@h:65536",
        "redis://u:sesame@h:x",
        "redis://u:sesame@h:",
        "redis://u:sesame@h/x",
        "redis://u:sesame@h/-1",
        "redis://u:sesame@h/1/2",
        "redis://u:sesame%zz@h",
        "redis://u:sesame%00@h",
        "redis://u:sesame%4@h",
        "redis://u:sesame@[::1",
        "redis://u:sesame@[::1]6379",
        "redis://u:sesame@h?password=sesame",
        "redis://u:sesame/x@h",
        "unix://sesame",
        "unix:///a?db=sesame",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_opts o, before;
        struct err e = {""};
        redis_opts_default(&o);
        before = o;
        if (redis_url_parse(urls[i], &o, &e))
            fail_msg("accepted: %s", urls[i]);
        assert_true(e.text[0] != '\0');
        assert_null(strstr(e.text, "sesame"));
        assert_memory_equal(&o, &before, sizeof o);
    }
}

static void test_url_too_long(void **state)
{
    (void)state;
    char url[1024];
    struct redis_opts o;
    struct err e;
    redis_opts_default(&o);
    snprintf(url, sizeof url, "redis://%0300d", 7);
    assert_false(redis_url_parse(url, &o, &e));
    snprintf(url, sizeof url, "redis://u:%0300d@h", 7);
    assert_false(redis_url_parse(url, &o, &e));
    snprintf(url, sizeof url, "unix:///%0200d", 7);
    assert_false(redis_url_parse(url, &o, &e));
}

static void test_info(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned version; /* 0: refused */
    } rows[] = {
        {"# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n", 70015},
        {"redis_version:4.0.9\r\nrun_id:abc", 40009},
        {"valkey_version:8.0.1\r\nredis_version:7.2.4\r\nrun_id:abc\r\n", 70204},
        {"redis_version:255.255.255\r\nrun_id:abc\r\n", 2559999},
        {"x_redis_version:1.0.0\r\nredis_version:6.2.1\r\nrun_id:abc\r\n", 60201},
        {"redis_version:x\r\nrun_id:abc\r\n", 0},
        {"redis_version:7.0.15\r\n", 0},
        {"run_id:abc\r\n", 0},
        {"redis_version:7.0.15\r\nrun_id:\r\n", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct redis_info info = {0};
        assert_int_equal(redis_info_read(rows[i].text, &info), rows[i].version != 0);
        if (!rows[i].version)
            continue;
        assert_int_equal(info.version, rows[i].version);
        assert_string_equal(info.run_id, "abc");
    }
}

/* --- a connection and what it told ----------------------------------------------------------- */

struct fixture {
    struct event_base *base;
    struct resolver *resolver;
    struct redis *redis;
    struct redis_opts opts;
    int ups, downs, unsupported;
    char why[256];
    int replies, nulls, errors;
    long long last;
    char text[256];
};

static void on_state(void *arg, enum redis_state s, const char *why)
{
    struct fixture *f = arg;
    f->ups += s == REDIS_UP;
    f->downs += s == REDIS_DOWN;
    f->unsupported += s == REDIS_UNSUPPORTED;
    snprintf(f->why, sizeof f->why, "%s", why);
    assert_int_equal(redis_is_up(f->redis), s == REDIS_UP);
}

static void on_reply(void *arg, redisReply *reply)
{
    struct fixture *f = arg;
    f->replies++;
    f->nulls += !reply;
    if (!reply)
        return;
    f->errors += reply->type == REDIS_REPLY_ERROR;
    f->last = reply->integer;
    snprintf(f->text, sizeof f->text, "%s", reply->str ? reply->str : "");
}

static void open_fixture(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->base = event_base_new();
    f->resolver = resolver_new(f->base);
    redis_opts_default(&f->opts);
    f->opts.backoff_cap_ms = 100;
}

static void connect_fixture(struct fixture *f)
{
    f->redis = redis_new(f->base, f->resolver, &f->opts, "test", on_state, f);
    assert_false(redis_is_up(f->redis));
}

static void connect_to_server(struct fixture *f, const struct redis_server *s)
{
    open_fixture(f);
    f->opts.port = s->port;
    connect_fixture(f);
    pump_until(f->base, f->ups == 1);
}

static void close_fixture(struct fixture *f)
{
    redis_free(f->redis);
    resolver_free(f->resolver);
    event_base_free(f->base);
}

static void send_words(struct fixture *f, int argc, const char **argv)
{
    redis_command(f->redis, argc, argv, NULL, on_reply, f);
}
#define command(f, ...)                                                                            \
    send_words((f), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                        \
               (const char *[]){__VA_ARGS__})

static struct redis_server server;

static int start_server(void **state)
{
    (void)state;
    redis_server_start(&server, NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    redis_server_stop(&server);
    return 0;
}

/* Whether this process' one connection to a port of loopback is kept alive. */
static bool is_kept_alive(int port)
{
    int on = -1;
    for (int fd = 0; fd < 256 && on < 0; fd++) {
        struct sockaddr_in peer = {0};
        socklen_t len = sizeof peer, size = sizeof on;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port)
            assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    }
    assert_true(on >= 0);
    return on;
}

static void test_keepalive(void **state)
{
    (void)state;
    static const int idle_s[] = {-1, 7, 0}; /* -1: as by default */
    for (size_t i = 0; i < sizeof idle_s / sizeof idle_s[0]; i++) {
        struct fixture f;
        open_fixture(&f);
        f.opts.port = server.port;
        if (idle_s[i] >= 0)
            f.opts.keepalive_s = idle_s[i];
        connect_fixture(&f);
        pump_until(f.base, f.ups == 1);
        assert_int_equal(is_kept_alive(server.port), idle_s[i] != 0);
        close_fixture(&f);
    }
}

static void test_tcp(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    assert_int_equal(strlen(redis_run_id(f.redis)), 40);
    assert_true(redis_version(f.redis) >= 50000);
    command(&f, "CLIENT", "GETNAME");
    assert_int_equal(f.replies, 0);
    pump_until(f.base, f.replies == 1);
    assert_string_equal(f.text, "pushbridge");
    close_fixture(&f);
    assert_int_equal(f.downs, 0);
}

static void test_unix_and_db(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    snprintf(f.opts.unix_path, sizeof f.opts.unix_path, "%s", server.socket);
    f.opts.db = 5;
    connect_fixture(&f);
    pump_until(f.base, f.ups == 1);
    command(&f, "CLIENT", "LIST");
    command(&f, "SET", "x", "y");
    pump_until(f.base, f.replies == 2);
    assert_string_equal(f.text, "OK");
    close_fixture(&f);
    redisContext *c = redis_server_connect(&server);
    redisReply *reply = redisCommand(c, "EXISTS x");
    assert_int_equal(reply->integer, 0);
    freeReplyObject(reply);
    freeReplyObject(redisCommand(c, "SELECT 5"));
    reply = redisCommand(c, "DEL x");
    assert_int_equal(reply->integer, 1);
    freeReplyObject(reply);
    redisFree(c);
}

/* What the host's own files say of a name. */
static void test_localhost(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    snprintf(f.opts.host, sizeof f.opts.host, "localhost");
    f.opts.port = server.port;
    connect_fixture(&f);
    pump_until(f.base, f.ups == 1);
    close_fixture(&f);
}

static void test_pipeline(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct fixture f;
    connect_to_server(&f, &server);
    command(&f, "DEL", "n");
    for (int i = 0; i < N; i++)
        command(&f, "INCR", "n");
    assert_int_equal(f.replies, 0);
    pump_until(f.base, f.replies == N + 1);
    assert_int_equal(f.last, N);
    assert_int_equal(f.nulls + f.errors, 0);
    close_fixture(&f);
}

static void test_binary_argument(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    const char *argv[] = {"SET", "bin", "a\0b\r\nc"};
    const size_t lens[] = {3, 3, 6};
    redis_command(f.redis, 3, argv, lens, on_reply, &f);
    command(&f, "STRLEN", "bin");
    pump_until(f.base, f.replies == 2);
    assert_int_equal(f.last, 6);
    close_fixture(&f);
}

static void test_down_gives_null(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.opts.port = free_port(); /* nobody listens */
    connect_fixture(&f);
    command(&f, "PING");
    assert_int_equal(f.replies, 0);
    pump_until(f.base, f.nulls == 1);
    assert_int_equal(f.ups + f.downs, 0);
    close_fixture(&f);
}

static void test_free_answers_pending(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    command(&f, "PING");
    command(&f, "PING");
    close_fixture(&f);
    assert_int_equal(f.nulls, 2);
}

static void test_kill_and_return(void **state)
{
    (void)state;
    struct fixture f;
    struct redis_server s;
    redis_server_start(&s, NULL);
    connect_to_server(&f, &s);
    char run_id[64];
    snprintf(run_id, sizeof run_id, "%s", redis_run_id(f.redis));
    kill(s.pid, SIGSTOP);
    command(&f, "PING");
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    redis_server_kill(&s);
    pump_until(f.base, f.nulls == 1 && f.downs == 1);
    redis_server_restart(&s);
    pump_until(f.base, f.ups == 2);
    assert_string_not_equal(run_id, redis_run_id(f.redis));
    assert_int_equal(f.downs, 1);
    close_fixture(&f);
    redis_server_stop(&s);
}

static void test_drop(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    command(&f, "PING");
    redis_drop(f.redis, "a reason");
    assert_false(redis_is_up(f.redis));
    assert_string_equal(redis_run_id(f.redis), "");
    assert_int_equal(f.replies + f.downs, 0);
    command(&f, "PING");
    pump_until(f.base, f.nulls == 2 && f.downs == 1);
    assert_string_equal(f.why, "a reason");
    pump_until(f.base, f.ups == 2);
    close_fixture(&f);
}

/* A command in, its NULL reply brings the next command, as retrying callers do. */
static void on_reply_again(void *arg, redisReply *reply)
{
    struct fixture *f = arg;
    on_reply(f, reply);
    if (f->replies < 3)
        redis_command(f->redis, 1, (const char *[]){"PING"}, NULL, on_reply_again, f);
}

static void test_command_in_null_callback(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    redis_command(f.redis, 1, (const char *[]){"PING"}, NULL, on_reply_again, &f);
    redis_drop(f.redis, "x");
    pump_until(f.base, f.replies == 3);
    pump_until(f.base, f.ups == 2);
    close_fixture(&f);
}

static void on_reply_drop(void *arg, redisReply *reply)
{
    struct fixture *f = arg;
    on_reply(f, reply);
    redis_drop(f->redis, "inside");
    if (reply)
        assert_non_null(reply->str); /* still alive */
}

static void test_drop_in_callback(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    redis_command(f.redis, 1, (const char *[]){"PING"}, NULL, on_reply_drop, &f);
    command(&f, "PING");
    command(&f, "PING");
    pump_until(f.base, f.replies == 3 && f.ups == 2);
    assert_int_equal(f.nulls, 2);
    close_fixture(&f);
}

static void on_reply_free(void *arg, redisReply *reply)
{
    struct fixture *f = arg;
    on_reply(f, reply);
    redis_free(f->redis);
    f->redis = NULL;
}

static void test_free_in_callback(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct fixture f;
        connect_to_server(&f, &server);
        redis_command(f.redis, 1, (const char *[]){"PING"}, NULL, on_reply_free, &f);
        command(&f, "PING");
        command(&f, "PING");
        if (lost)
            redis_drop(f.redis, "x");
        pump_until(f.base, f.replies == 3);
        assert_int_equal(f.nulls, lost ? 3 : 2);
        close_fixture(&f);
    }
}

static void on_state_free(void *arg, enum redis_state s, const char *why)
{
    struct fixture *f = arg;
    (void)why;
    f->ups += s == REDIS_UP;
    redis_free(f->redis);
    f->redis = NULL;
}

static void test_free_in_state_callback(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.opts.port = server.port;
    f.redis = redis_new(f.base, f.resolver, &f.opts, "test", on_state_free, &f);
    pump_until(f.base, f.ups == 1);
    event_base_loop(f.base, EVLOOP_NONBLOCK);
    close_fixture(&f);
}

/* --- time limits ----------------------------------------------------------------------------- */

static void test_command_timeout(void **state)
{
    (void)state;
    struct fixture f;
    struct redis_server s;
    redis_server_start(&s, NULL);
    open_fixture(&f);
    f.opts.port = s.port;
    f.opts.command_timeout_ms = 200;
    connect_fixture(&f);
    pump_until(f.base, f.ups == 1);
    kill(s.pid, SIGSTOP);
    int64_t begun = clock_mono_ms();
    command(&f, "PING");
    pump_until(f.base, f.downs == 1);
    assert_int_equal(f.nulls, 1);
    assert_true(clock_mono_ms() - begun >= 190);
    assert_string_equal(f.why, "no answer in time");
    kill(s.pid, SIGCONT);
    pump_until(f.base, f.ups == 2);
    close_fixture(&f);
    redis_server_stop(&s);
}

static void test_blocking_outlives_timeout(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.opts.port = server.port;
    f.opts.command_timeout_ms = 1500;
    connect_fixture(&f);
    pump_until(f.base, f.ups == 1);
    const char *argv[] = {"BLPOP", "nothing-here", "2"};
    redis_command_blocking(f.redis, 3, argv, NULL, 2000, on_reply, &f);
    command(&f, "PING"); /* answered after it */
    pump_until(f.base, f.replies == 2);
    assert_int_equal(f.nulls + f.errors, 0);
    assert_int_equal(f.downs, 0);
    close_fixture(&f);
}

/* --- handshake ------------------------------------------------------------------------------- */

static void test_auth(void **state)
{
    (void)state;
    static const char *const options[] = {"--requirepass", "right", "--user", "bob", "on",
                                          ">hunter2",      "~*",    "+@all",  NULL};
    static const struct {
        const char *user, *password;
        int ups;
    } rows[] = {
        {"", "right", 1}, {"bob", "hunter2", 1}, {"", "wrong", 0}, {"bob", "right", 0}, {"", "", 0},
    };
    struct redis_server s;
    redis_server_start(&s, options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        open_fixture(&f);
        f.opts.port = s.port;
        snprintf(f.opts.user, sizeof f.opts.user, "%s", rows[i].user);
        snprintf(f.opts.password, sizeof f.opts.password, "%s", rows[i].password);
        int64_t errors = metrics_get(METRIC_REDIS_ERRORS);
        connect_fixture(&f);
        pump_until(f.base, f.ups || metrics_get(METRIC_REDIS_ERRORS) > errors + 3);
        assert_int_equal(f.ups, rows[i].ups);
        close_fixture(&f);
    }
    redis_server_stop(&s);
}

static void test_wrong_db(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f);
    f.opts.port = server.port;
    f.opts.db = 9999;
    int64_t errors = metrics_get(METRIC_REDIS_ERRORS);
    connect_fixture(&f);
    pump_until(f.base, metrics_get(METRIC_REDIS_ERRORS) > errors + 2);
    assert_int_equal(f.ups, 0);
    close_fixture(&f);
}

static void test_readonly_drops(void **state)
{
    (void)state;
    struct fixture f;
    connect_to_server(&f, &server);
    char port[16];
    snprintf(port, sizeof port, "%d", free_port());
    command(&f, "REPLICAOF", "127.0.0.1", port);
    command(&f, "SET", "a", "b");
    command(&f, "SET", "a", "b");
    pump_until(f.base, f.replies == 3);
    assert_int_equal(f.errors, 1); /* passed on; the third was lost with the connection */
    assert_int_equal(f.nulls, 1);
    pump_until(f.base, strcmp(redis_why(f.redis), "the server is a replica, not a master") == 0);
    assert_int_equal(f.ups, 1);
    redisContext *c = redis_server_connect(&server);
    freeReplyObject(redisCommand(c, "REPLICAOF NO ONE"));
    redisFree(c);
    pump_until(f.base, f.downs == 1 && f.ups == 2);
    close_fixture(&f);
}

/* The right that is missing is named, and found as soon as it is there. */
static void test_acl(void **state)
{
    (void)state;
    struct fixture f;
    redisContext *c = redis_server_connect(&server);
    freeReplyObject(redisCommand(c, "ACL SETUSER w reset on >pw +info +client"));
    open_fixture(&f);
    f.opts.port = server.port;
    snprintf(f.opts.user, sizeof f.opts.user, "w");
    snprintf(f.opts.password, sizeof f.opts.password, "pw");
    connect_fixture(&f);
    pump_until(f.base, strstr(redis_why(f.redis), "the ACL user \"w\" lacks +role (NOPERM"));
    freeReplyObject(redisCommand(c, "ACL SETUSER w +role -info"));
    pump_until(f.base, strstr(redis_why(f.redis), "\"w\" lacks +info"));
    freeReplyObject(redisCommand(c, "ACL SETUSER w +info"));
    pump_until(f.base, f.ups == 1);
    close_fixture(&f);
    freeReplyObject(redisCommand(c, "ACL DELUSER w"));
    redisFree(c);
}

/* --- scripts --------------------------------------------------------------------------------- */

static void test_eval(void **state)
{
    (void)state;
    struct fixture f;
    struct redis_script script = {.name = "t",
                                  .source = "return redis.call('INCRBY', KEYS[1], ARGV[1])"};
    redis_script_init(&script);
    assert_int_equal(strlen(script.sha), 40);
    connect_to_server(&f, &server);
    command(&f, "DEL", "counter");
    command(&f, "SCRIPT", "FLUSH");
    char amount[] = "5x";
    const char *args[] = {"counter", amount};
    const size_t lens[] = {7, 1};
    for (int i = 0; i < 3; i++)
        redis_eval(f.redis, &script, 1, 2, args, lens, on_reply, &f);
    amount[0] = '9'; /* the arguments were copied */
    pump_until(f.base, f.replies == 5);
    assert_int_equal(f.last, 15);
    redis_eval(f.redis, &script, 1, 2, (const char *[]){"counter", "1"}, NULL, on_reply, &f);
    pump_until(f.base, f.replies == 6);
    assert_int_equal(f.last, 16);
    assert_int_equal(f.errors + f.nulls, 0);
    redis_eval(f.redis, &script, 1, 2, args, lens, on_reply, &f);
    redis_drop(f.redis, "x");
    redis_eval(f.redis, &script, 1, 2, args, lens, on_reply, &f);
    pump_until(f.base, f.nulls == 2);
    close_fixture(&f);
}

/* --- scripted servers ------------------------------------------------------------------------ */

static void open_fake(struct fake *fake, struct fixture *f, const char *answers)
{
    open_fixture(f);
    fake_listen(fake, f->base, answers);
    f->opts.port = fake->port;
    connect_fixture(f);
}

static void close_fake(struct fake *fake, struct fixture *f)
{
    fake_close(fake);
    close_fixture(f);
}

static void test_unsupported(void **state)
{
    (void)state;
    struct fake fake;
    struct fixture f;
    open_fake(&fake, &f, FAKE_INFO("4.0.9") "+OK\r\n");
    pump_until(f.base, f.unsupported == 1);
    assert_string_equal(f.why, "server version 4.0.9 is older than 5.0");
    command(&f, "PING");
    pump_until(f.base, f.nulls == 1);
    fake.answers = FAKE_INFO("5.0.9") "+OK\r\n"; /* the server was upgraded */
    pump_until(f.base, f.ups == 1);
    assert_int_equal(redis_version(f.redis), 50009);
    assert_string_equal(redis_run_id(f.redis), "0123456");
    assert_int_equal(f.unsupported, 1);
    close_fake(&fake, &f);
}

static void test_not_redis(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "+OK\r\n+OK\r\n",
        ":1\r\n:2\r\n",
        "$-1\r\n+OK\r\n",
        FAKE_ROLE "$-1\r\n+OK\r\n",
        FAKE_INFO("5.0.9") "-ERR no\r\n+more\r\n", /* a reply that nobody asked for */
        "$99999999999999999999\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct fake fake;
        struct fixture f;
        open_fake(&fake, &f, answers[i]);
        pump_until(f.base, fake.accepted >= 3);
        assert_int_equal(f.ups, f.downs);
        close_fake(&fake, &f);
    }
}

static void refuse_reply(const char *reply, const char *why)
{
    struct fake fake;
    struct fixture f;
    open_fake(&fake, &f, FAKE_INFO("7.0.1") "+OK\r\n");
    pump_until(f.base, f.ups == 1);
    fake.answers = reply;
    command(&f, "PING");
    pump_until(f.base, f.nulls == 1 && f.downs == 1);
    assert_string_equal(f.why, why);
    close_fake(&fake, &f);
}

/* The header alone must not make us allocate what it promises, nor may nesting use up the stack. */
static void test_reply_too_large(void **state)
{
    (void)state;
    char deep[8 * 4 + 1] = "";
    for (int i = 0; i < 8; i++)
        memcpy(deep + i * 4, "*1\r\n", 5);
    refuse_reply("*1000000000\r\n:1\r\n", "a reply too large");
    refuse_reply(deep, "a reply too large");
}

/* Each piece of a line has it looked through from its beginning. */
static void test_endless_line(void **state)
{
    (void)state;
    static char line[REDIS_LINE_BYTES + 3];
    memset(line, 'a', sizeof line - 1);
    for (const char *type = "+-:$*"; *type; type++) {
        line[0] = *type;
        refuse_reply(line, *type == '$' ? "not the Redis protocol" : "a reply too large");
    }
}

/* A server that refuses every command must not be reconnected to in a tight loop. */
static void test_loading_backs_off(void **state)
{
    (void)state;
    struct fake fake;
    struct fixture f;
    open_fake(&fake, &f, FAKE_INFO("7.0.1") "+OK\r\n");
    f.opts.backoff_cap_ms = 100;
    pump_until(f.base, f.ups == 1);
    fake.answers = "-LOADING Redis is loading the dataset in memory\r\n";
    command(&f, "PING");
    pump_until(f.base, f.downs == 1);
    assert_int_equal(f.errors, 1);
    close_fake(&fake, &f);
}

static void test_old_script_error(void **state)
{
    (void)state;
    struct fake fake;
    struct fixture f;
    open_fake(&fake, &f, FAKE_INFO("6.0.1") "+OK\r\n");
    pump_until(f.base, f.ups == 1);
    fake.answers = "-ERR Error running script (call to f_0): @user_script:1: @user_script: 1: "
                   "-READONLY You can't write against a read only replica.\r\n";
    command(&f, "PING");
    pump_until(f.base, f.downs == 1 && f.errors == 1);
    close_fake(&fake, &f);
}

/* Whether an error of the server means that it is the wrong one, and looks for the right one. */
static void test_server_errors(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        bool leaves;
    } rows[] = {
        {"-UNBLOCKED force unblock from blocking operation, instance state changed "
         "(master -> replica?)\r\n",
         true},
        {"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n", false},
        {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
         true},
        {"-ERR Error running script (call to f_0): @user_script:1: @user_script: 1: "
         "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
         true},
        {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", false},
        {"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN "
         "NOSAVE.\r\n",
         false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fake fake;
        struct fixture f;
        open_fake(&fake, &f, FAKE_HELLO);
        pump_until(f.base, f.ups == 1);
        fake.answers = rows[i].answer;
        const char *argv[] = {"BLMOVE", "a", "b", "LEFT", "RIGHT", "1"};
        redis_command_blocking(f.redis, 6, argv, NULL, 1000, on_reply, &f);
        pump_until(f.base, f.errors == 1); /* passed on: repeating is the caller's */
        assert_int_equal(redis_is_up(f.redis), !rows[i].leaves);
        fake.answers = FAKE_HELLO;
        pump_until(f.base, f.ups == 1 + rows[i].leaves);
        fake.answers = "+again\r\n";
        command(&f, "GET", "a");
        pump_until(f.base, f.replies == 2);
        assert_string_equal(f.text, "again");
        assert_int_equal(f.downs, rows[i].leaves);
        assert_int_equal(fake.accepted, 1 + rows[i].leaves);
        close_fake(&fake, &f);
    }
}

static void test_silent_server(void **state)
{
    (void)state;
    struct fake fake;
    struct fixture f;
    open_fixture(&f);
    resolver_free(f.resolver);
    event_base_free(f.base);
    open_fake(&fake, &f, "");
    redis_free(f.redis);
    f.opts.command_timeout_ms = 100;
    connect_fixture(&f);
    pump_until(f.base, fake.accepted >= 3);
    assert_int_equal(f.ups, 0);
    close_fake(&fake, &f);
}

/* --- redirections ---------------------------------------------------------------------------- */

static void open_pair(struct fake pair[2], struct fixture *f, bool stay)
{
    open_fixture(f);
    fake_listen(&pair[0], f->base, FAKE_HELLO);
    fake_listen(&pair[1], f->base, FAKE_HELLO);
    f->opts.topology = TOPOLOGY_CLUSTER;
    f->opts.nnodes = 1;
    f->opts.nodes[0] = (struct node){"127.0.0.1", pair[0].port};
    f->opts.stay = stay;
    connect_fixture(f);
    pump_until(f->base, f->ups == 1);
}

static void close_pair(struct fake pair[2], struct fixture *f)
{
    fake_close(&pair[0]);
    fake_close(&pair[1]);
    close_fixture(f);
}

static void test_moved(void **state)
{
    (void)state;
    struct fake pair[2];
    struct fixture f;
    char moved[64];
    open_pair(pair, &f, false);
    snprintf(moved, sizeof moved, "-MOVED 5061 127.0.0.1:%d\r\n", pair[1].port);
    pair[0].answers = moved;
    command(&f, "GET", "bar");
    pump_until(f.base, f.ups == 2); /* the connection follows, the command is the caller's */
    assert_int_equal(f.errors, 1);
    assert_int_equal(pair[1].accepted, 1);
    pair[1].answers = "$1\r\nx\r\n";
    command(&f, "GET", "bar");
    pump_until(f.base, f.replies == 2);
    assert_string_equal(f.text, "x");
    pair[1].answers = "-CLUSTERDOWN no\r\n"; /* the way is looked for anew */
    command(&f, "GET", "bar");
    pair[0].answers = FAKE_HELLO;
    pump_until(f.base, f.ups == 3);
    assert_int_equal(pair[0].accepted, 2);
    close_pair(pair, &f);
}

static void test_moved_stays(void **state)
{
    (void)state;
    struct fake pair[2];
    struct fixture f;
    open_pair(pair, &f, true);
    pair[0].answers = "-MOVED 5061 127.0.0.1:1\r\n";
    command(&f, "GET", "bar");
    pump_until(f.base, f.errors == 1);
    pair[0].answers = "+OK\r\n";
    command(&f, "GET", "bar");
    pump_until(f.base, f.replies == 2);
    assert_int_equal(f.ups, 1);
    assert_int_equal(f.downs, 0);
    close_pair(pair, &f);
}

/* Only the one command goes to the other node, flagged, and the connection stays. */
static void test_ask(void **state)
{
    (void)state;
    struct fake pair[2];
    struct fixture f;
    char ask[64];
    open_pair(pair, &f, false);
    snprintf(ask, sizeof ask, "-ASK 5061 127.0.0.1:%d\r\n", pair[1].port);
    pair[0].answers = ask;
    pair[1].answers = "+OK\r\n$1\r\nx\r\n";
    command(&f, "GET", "bar");
    pump_until(f.base, f.replies == 1);
    assert_string_equal(f.text, "x");
    assert_string_equal(pair[1].got, "*1\r\n$6\r\nASKING\r\n*2\r\n$3\r\nGET\r\n$3\r\nbar\r\n");
    pair[1].answers = "-ERR not asked\r\n+x\r\n"; /* ASKING itself is refused */
    command(&f, "GET", "bar");
    pump_until(f.base, f.nulls == 1);
    pair[0].answers = "+OK\r\n";
    command(&f, "GET", "bar");
    pump_until(f.base, f.replies == 3);
    assert_int_equal(f.ups, 1);
    assert_int_equal(f.downs + f.errors, 0);
    pair[0].answers = ask;
    pair[1].answers = "";
    command(&f, "GET", "bar");
    pump_until(f.base, pair[1].accepted == 3);
    close_pair(pair, &f); /* with one on its way */
    assert_int_equal(f.replies, 4);
}

/* --- TLS ------------------------------------------------------------------------------------- */

static char certs[64];

static void make_cert(const char *kind, const char *more)
{
    char line[1024];
    snprintf(line, sizeof line,
             "cd %s && openssl req -x509 -config $OLDPWD/tests/support/openssl.cnf -extensions %s "
             "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=%s "
             "-keyout %s.key -out %s.crt %s 2>log",
             certs, kind, kind, kind, kind, more);
    if (system(line) != 0)
        fail_msg("%s", line);
}

static void make_certs(void)
{
    snprintf(certs, sizeof certs, "/tmp/pushbridge-certs-XXXXXX");
    assert_non_null(mkdtemp(certs));
    make_cert("ca", "");
    make_cert("server",
              "-CA ca.crt -CAkey ca.key -addext subjectAltName=DNS:redis.test,IP:127.0.0.1");
}

static void test_tls(void **state)
{
    (void)state;
    char port[16], crt[96], key[96], ca[96];
    make_certs();
    snprintf(port, sizeof port, "%d", free_port());
    snprintf(crt, sizeof crt, "%s/server.crt", certs);
    snprintf(key, sizeof key, "%s/server.key", certs);
    snprintf(ca, sizeof ca, "%s/ca.crt", certs);
    const char *const options[] = {
        "--tls-port", port, "--tls-cert-file", crt, "--tls-key-file", key, "--tls-ca-cert-file",
        ca,           NULL};
    const struct {
        const char *host, *name, *cert, *key, *ca;
        bool up;
    } rows[] = {
        {"127.0.0.1", "", crt, key, ca, true},
        {"127.0.0.1", "redis.test", crt, key, ca, true},
        {"localhost", "redis.test", crt, key, ca, true},
        {"127.0.0.1", "other.test", crt, key, ca, false},
        {"127.0.0.1", "127.0.0.2", crt, key, ca, false},
        {"localhost", "", crt, key, ca, false},
        {"127.0.0.1", "", crt, key, "", false}, /* not in the system store */
        {"127.0.0.1", "", "", "", ca, false},   /* the server asks for a client certificate */
        {"127.0.0.1", "", crt, key, "/nonexistent", false},
    };
    struct redis_server s;
    redis_server_start(&s, options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        open_fixture(&f);
        f.opts.tls = true;
        f.opts.port = atoi(port);
        snprintf(f.opts.host, sizeof f.opts.host, "%s", rows[i].host);
        snprintf(f.opts.tls_name, sizeof f.opts.tls_name, "%s", rows[i].name);
        snprintf(f.opts.cert_file, sizeof f.opts.cert_file, "%s", rows[i].cert);
        snprintf(f.opts.key_file, sizeof f.opts.key_file, "%s", rows[i].key);
        snprintf(f.opts.ca_file, sizeof f.opts.ca_file, "%s", rows[i].ca);
        connect_fixture(&f);
        if (!rows[i].up) { /* long enough for some attempts */
            const struct timeval tv = {.tv_usec = 300000};
            event_base_loopexit(f.base, &tv);
            event_base_dispatch(f.base);
            assert_int_equal(f.ups, 0);
            close_fixture(&f);
            continue;
        }
        pump_until(f.base, f.ups == 1);
        command(&f, "DEL", "t");
        for (int n = 0; n < 5000; n++)
            command(&f, "INCR", "t");
        pump_until(f.base, f.replies == 5001);
        assert_int_equal(f.last, 5000);
        if (i == 0) {
            redis_server_kill(&s);
            pump_until(f.base, f.downs == 1);
            redis_server_restart(&s);
            pump_until(f.base, f.ups == 2);
        }
        close_fixture(&f);
    }
    redis_server_stop(&s);
    folder_remove(certs);
}

int main(void)
{
    log_threshold = getenv("PB_TEST_LOG") ? LOG_DEBUG : LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_good),
        cmocka_unit_test(test_url_bad),
        cmocka_unit_test(test_url_topology),
        cmocka_unit_test(test_url_topology_bad),
        cmocka_unit_test(test_url_too_long),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_unix_and_db),
        cmocka_unit_test(test_localhost),
        cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_binary_argument),
        cmocka_unit_test(test_down_gives_null),
        cmocka_unit_test(test_free_answers_pending),
        cmocka_unit_test(test_kill_and_return),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_command_in_null_callback),
        cmocka_unit_test(test_drop_in_callback),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_free_in_state_callback),
        cmocka_unit_test(test_command_timeout),
        cmocka_unit_test(test_blocking_outlives_timeout),
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_wrong_db),
        cmocka_unit_test(test_readonly_drops),
        cmocka_unit_test(test_acl),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_not_redis),
        cmocka_unit_test(test_reply_too_large),
        cmocka_unit_test(test_endless_line),
        cmocka_unit_test(test_loading_backs_off),
        cmocka_unit_test(test_old_script_error),
        cmocka_unit_test(test_server_errors),
        cmocka_unit_test(test_silent_server),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_moved_stays),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_tls),
    };
    return cmocka_run_group_tests_name("redis", tests, start_server, stop_server);
}
