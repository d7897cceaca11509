/* SPDX-License-Identifier: MIT
 * The admin endpoint over real sockets: methods, paths, and clients that mean no good; and the
 * socket of `health` (admin_socket). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/admin_socket.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "support/free_port.h"
#include "support/pump.h"

static struct event_base *base;
static struct admin *admin;
static struct sockaddr_in address;
static char listen_text[32];
static struct config config;

struct client {
    int fd;
    bool closed; /* by the server */
    size_t len;
    char text[4096];
};

static int set_up(void **state)
{
    (void)state;
    struct err e;
    bool fatal;
    config = (struct config){.admin_listen = listen_text};
    base = event_base_new();
    int port = free_port();
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    snprintf(listen_text, sizeof listen_text, "127.0.0.1:%d", port);
    admin = admin_new(base, &config, &fatal, &e);
    return admin ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    admin_free(admin);
    event_base_free(base);
    return 0;
}

static void client_open(struct client *c)
{
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(fcntl(c->fd, F_SETFL, O_NONBLOCK), 0);
}

static void client_send(struct client *c, const char *text)
{
    ssize_t n = send(c->fd, text, strlen(text), MSG_NOSIGNAL);
    c->closed |= n < 0 && errno != EAGAIN;
}

/* Reads what is there; true once the server has closed. */
static bool client_over(struct client *c)
{
    char rest[4096];
    ssize_t n;
    while ((n = recv(c->fd, rest, sizeof rest, 0)) > 0) {
        size_t room = sizeof c->text - 1 - c->len;
        size_t keep = (size_t)n < room ? (size_t)n : room;
        memcpy(c->text + c->len, rest, keep);
        c->len += keep;
    }
    c->closed |= n == 0 || errno != EAGAIN;
    return c->closed;
}

static void client_close(struct client *c)
{
    close(c->fd);
}

static void ask(struct client *c, const char *request)
{
    client_open(c);
    client_send(c, request);
    pump_until(base, client_over(c));
    client_close(c);
}

static int status(const struct client *c)
{
    int code = 0;
    return sscanf(c->text, "HTTP/1.%*1d %3d", &code) == 1 ? code : 0;
}

static void requests(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
        const char *has, *has_not;
    } rows[] = {
        {"GET /livez HTTP/1.1\r\n\r\n", 200, "\r\n\r\nok\n", NULL},
        {"GET /livez?x=1 HTTP/1.0\r\n\r\n", 200, "ok\n", NULL},
        {"HEAD /livez HTTP/1.1\r\n\r\n", 200, "Content-Length: 3\r\n", "ok\n"},
        {"GET / HTTP/1.1\r\n\r\n", 404, "/livez", NULL},
        {"GET /livez/../metrics HTTP/1.1\r\n\r\n", 404, NULL, NULL},
        {"GET /readyz HTTP/1.1\r\n\r\n", 503, "starting", NULL},
        {"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 503, "starting", NULL},
        {"POST /livez HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 405, "Allow: GET, HEAD\r\n", NULL},
        {"DELETE /nope HTTP/1.1\r\n\r\n", 405, "Allow: GET, HEAD\r\n", NULL},
        {"OPTIONS /livez HTTP/1.1\r\n\r\n", 405, NULL, NULL},
        {"POST /livez HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n", 413, NULL, NULL},
        {"POST /livez HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400, NULL, NULL},
        {"\x16\x03\x01\x02\r\n\r\n", 400, NULL, NULL},
        {"GET\r\n\r\n", 400, NULL, NULL},
        {"GET /livez HTTP/1.1\r\nno colon here\r\n\r\n", 400, NULL, NULL},
        {"GET /livez HTTP/1.1\r\n\r\nGET /livez HTTP/1.1\r\n\r\n", 200, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;
        ask(&c, rows[i].request);
        if (status(&c) != rows[i].status)
            fail_msg("row %zu: %d, wanted %d: %s", i, status(&c), rows[i].status, c.text);
        if (rows[i].has && !strstr(c.text, rows[i].has))
            fail_msg("row %zu lacks %s: %s", i, rows[i].has, c.text);
        if (rows[i].has_not)
            assert_null(strstr(c.text, rows[i].has_not));
    }
}

static int64_t refused(const char *why)
{
    return metrics_get_at(METRIC_ADMIN_REFUSED, metrics_find(SET_DOOR, why), 0);
}

/* 503 is the page's own answer here: nothing is shown yet. */
static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
        const char *has;
    } rows[] = {
        {"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n", 503, "starting"},
        {"GET /stats HTTP/1.1\r\nHost: LOCALHOST.:1\r\n\r\n", 503, "starting"},
        {"GET /stats HTTP/1.1\r\nHost: [::1]:9464\r\n\r\n", 503, "starting"},
        {"GET /stats HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 503, "starting"},
        {"GET /stats HTTP/1.1\r\nHost: worker.lan:80\r\n\r\n", 503, "starting"},
        {"GET http://localhost/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", 503, "starting"},
        {"GET http://[::1]:9/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", 503, "starting"},
        {"GET /stats HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "admin.hosts"},
        {"GET /metrics HTTP/1.1\r\nHost: evil.example:9464\r\n\r\n", 421, "admin.hosts"},
        {"HEAD /stats HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "Misdirected"},
        {"GET /stats HTTP/1.1\r\nHost: 10.1.2.3\r\n\r\n", 421, "admin.hosts"},
        {"GET http://evil.example/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, NULL},
        {"GET //evil.example/stats HTTP/1.1\r\nHost: localhost\r\n\r\n", 421, NULL},
        {"GET http://localhost/stats HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL},
        {"GET /stats HTTP/1.1\r\n\r\n", 400, "one Host"},
        {"GET /stats HTTP/1.0\r\n\r\n", 400, "one Host"},
        {"GET /stats HTTP/1.1\r\nHost:\r\n\r\n", 400, "one Host"},
        {"GET /stats HTTP/1.1\r\nHost: a@localhost\r\n\r\n", 400, "one Host"},
        {"GET /stats HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, "one Host"},
        {"GET /stats HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n\r\n", 400, NULL},
        {"GET /stats HTTP/1.1\r\nHost: localhost\r\n evil.example\r\n\r\n", 400, NULL},
        /* How it is, it says to everybody. */
        {"GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n", 200, "ok\n"},
        {"GET /readyz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 503, NULL},
        {"GET /readyz HTTP/1.0\r\n\r\n", 503, NULL},
    };
    static char names[] = "other, worker.lan";
    config.admin_hosts = names;
    int64_t before = refused("host"), unclear = refused("unclear");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;
        ask(&c, rows[i].request);
        if (status(&c) != rows[i].status)
            fail_msg("row %zu: %d, wanted %d: %s", i, status(&c), rows[i].status, c.text);
        if (rows[i].has && !strstr(c.text, rows[i].has))
            fail_msg("row %zu lacks %s: %s", i, rows[i].has, c.text);
    }
    assert_int_equal(refused("host"), before + 7);
    assert_int_equal(refused("unclear"), unclear + 7);
    config.admin_hosts = NULL;
}

#define WITH_LENGTH(text) text, sizeof(text) - 1

/* What a proxy or a browser's guard may read as another request than evhttp does. */
static void heads_of_two_meanings(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        size_t len;
    } rows[] = {
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\0evil.example\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\r\nX: a\0\r\n\r\n")},
        {WITH_LENGTH("GET /stats\0 HTTP/1.1\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\0\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\r\nHost\0: evil\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\r\nHost : evil.example\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost\t: evil.example\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\r\nA Host: evil.example\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\r\n: evil.example\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\n Host: evil.example\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /stats HTTP/1.1\r\nHost: localhost\rHost: evil.example\r\n\r\n")},
        {WITH_LENGTH("GET http:///stats HTTP/1.1\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH(
            "GET http://localhost%00.evil.example/stats HTTP/1.1\r\nHost: localhost\r\n\r\n")},
        {WITH_LENGTH("GET /livez HTTP/1.1\r\nHost: localhost\0evil.example\r\n\r\n")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;
        client_open(&c);
        assert_int_equal(rows[i].len, send(c.fd, rows[i].request, rows[i].len, MSG_NOSIGNAL));
        pump_until(base, client_over(&c));
        client_close(&c);
        if (status(&c) != 400)
            fail_msg("row %zu: %d: %s", i, status(&c), c.text);
    }
}

static void a_head_too_long(void **state)
{
    (void)state;
    char *text = malloc(40001);
    struct client c;
    memset(text, 'a', 40000);
    text[40000] = '\0';
    memcpy(text, "GET /livez HTTP/1.1\r\nX: ", 24);
    ask(&c, text); /* never ends, so it is refused for its length */
    assert_true(status(&c) == 400 || (c.closed && !c.len));
    memset(text, 'a', 40000);
    ask(&c, text); /* not even a line */
    assert_true(status(&c) == 400 || (c.closed && !c.len));
    free(text);
    ask(&c, "GET /livez HTTP/1.1\r\n\r\n");
    assert_int_equal(status(&c), 200);
}

/* One byte now and then is never silence, yet it ends. */
static void a_trickle_ends(void **state)
{
    (void)state;
    struct client c;
    client_open(&c);
    client_send(&c, "GET /livez HTTP/1.1\r\n");
    int64_t start = clock_mono_ms(), next = start;
    while (!client_over(&c) && clock_mono_ms() - start < PUMP_MAX_MS) {
        if (clock_mono_ms() >= next) {
            client_send(&c, "X: y\r\n");
            next += 200;
        }
        const struct timeval tick = {.tv_usec = 20000};
        event_base_loopexit(base, &tick);
        event_base_dispatch(base);
    }
    assert_true(c.closed);
    assert_true(clock_mono_ms() - start >= 4000);
    client_close(&c);
}

/* More than there are places: whoever asks is served at once, and the oldest others have gone. */
static void stand_a_crowd(const char *text)
{
    enum { MANY = 60, PLACES = 32 };
    static struct client others[MANY], c;
    int64_t before = refused("crowd");
    for (size_t i = 0; i < MANY; i++) {
        client_open(&others[i]);
        client_send(&others[i], text);
    }
    ask(&c, "GET /livez HTTP/1.1\r\n\r\n");
    assert_int_equal(status(&c), 200);
    assert_true(client_over(&others[0]));
    assert_int_equal(refused("crowd"), before + MANY + 1 - PLACES); /* all come in one turn */
    for (size_t i = 0; i < MANY; i++) {
        client_send(&others[i], *text ? "e" : "");
        pump_until(base, client_over(&others[i]));
        client_close(&others[i]);
    }
}

static void a_crowd_of_mutes(void **state)
{
    (void)state;
    stand_a_crowd("");
}

static void a_crowd_of_trickles(void **state)
{
    (void)state;
    stand_a_crowd("GET /livez HTTP/1.1\r\nX: y");
}

/* --- the socket of health -------------------------------------------------------------------- */

static void dial(struct client *c)
{
    *c = (struct client){.fd = admin_socket_dial(listen_text)};
    assert_true(c->fd >= 0);
}

static void health_has_its_own_way(void **state)
{
    (void)state;
    struct client c;
    dial(&c);
    assert_true(admin_socket_is_own(c.fd));
    client_send(&c, "GET /stats HTTP/1.1\r\nHost: any.example\r\n\r\n");
    pump_until(base, client_over(&c));
    assert_int_equal(status(&c), 503);
    assert_non_null(strstr(c.text, "starting"));
    client_close(&c);
    assert_int_equal(admin_socket_listen(listen_text), -1); /* ours already */
    char long_text[200];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(admin_socket_listen(long_text), -1);
    assert_int_equal(admin_socket_dial(long_text), -1);
    assert_int_equal(admin_socket_dial("127.0.0.1:0"), -1);
}

/* Runs in a child with another user's rights; 0: refused with 403, and nothing told. */
static int ask_as_nobody(void)
{
    static const char request[] = "GET /livez HTTP/1.1\r\n\r\n";
    char text[512];
    if (setuid(65534) != 0)
        return 1;
    int fd = admin_socket_dial(listen_text);
    if (fd < 0 || fcntl(fd, F_SETFL, 0) != 0 ||
        send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return 2;
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, " 403 ") ? 0 : 3;
}

/* Only root can be somebody else; the tests of a plain user see that they are believed. */
static void other_users_are_refused(void **state)
{
    (void)state;
    int result = 0, before = (int)refused("user");
    pid_t child = geteuid() == 0 ? fork() : -1;
    if (child < 0) {
        health_has_its_own_way(NULL);
        return;
    }
    if (child == 0)
        _exit(ask_as_nobody());
    pump_until(base, waitpid(child, &result, WNOHANG) == child);
    assert_int_equal(result, 0);
    assert_int_equal(refused("user"), before + 1);
}

/* Whoever was first has a name: here one who is nobody, before a worker began or after it ended. */
static void root_believes_no_other_user(void **state)
{
    (void)state;
    const char *name = "127.0.0.1:1";
    bool is_root = geteuid() == 0;
    assert_int_equal(is_root ? seteuid(65534) : 0, 0);
    int squat = admin_socket_listen(name);
    assert_int_equal(is_root ? seteuid(0) : 0, 0);
    assert_true(squat >= 0);
    int fd = admin_socket_dial(name);
    assert_int_equal(!is_root, fd >= 0); /* a plain user's own is believed */
    if (fd >= 0)
        close(fd);
    close(squat);
}

/* Connections that are open when everything ends leave nothing behind (the sanitizer looks). */
static void freed_with_clients(void **state)
{
    (void)state;
    static struct client c[3];
    for (size_t i = 0; i < 3; i++) {
        client_open(&c[i]);
        client_send(&c[i], i ? "GET /li" : "GET /livez HTTP/1.1\r\n\r\n");
    }
    event_base_loop(base, EVLOOP_ONCE);
    tear_down(NULL);
    for (size_t i = 0; i < 3; i++)
        client_close(&c[i]);
    set_up(NULL);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        bool by_default, fatal, silent;
    } rows[] = {{"off", false, false, true},
                {"nonsense", false, true, false},
                {"127.0.0.1:99999", false, true, false},
                {NULL, false, true, false}, /* the busy one, given */
                {NULL, true, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char listen[32];
        snprintf(listen, sizeof listen, "127.0.0.1:%d", ntohs(address.sin_port));
        if (rows[i].listen)
            snprintf(listen, sizeof listen, "%.31s", rows[i].listen);
        struct config other = {.admin_listen = listen, .admin_listen_default = rows[i].by_default};
        struct err e;
        bool fatal;
        assert_null(admin_new(base, &other, &fatal, &e));
        assert_int_equal(fatal, rows[i].fatal);
        assert_int_equal(e.text[0] == '\0', rows[i].silent);
    }
}

int main(void)
{
    log_threshold = LOG_ERROR;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(heads_of_two_meanings),
        cmocka_unit_test(hosts),
        cmocka_unit_test(a_head_too_long),
        cmocka_unit_test(a_trickle_ends),
        cmocka_unit_test(a_crowd_of_mutes),
        cmocka_unit_test(a_crowd_of_trickles),
        cmocka_unit_test(health_has_its_own_way),
        cmocka_unit_test(other_users_are_refused),
        cmocka_unit_test(root_believes_no_other_user),
        cmocka_unit_test(freed_with_clients),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests_name("admin", tests, set_up, tear_down);
}
