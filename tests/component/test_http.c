/* SPDX-License-Identifier: MIT
 * The HTTP client (http, http_exchange, http_headers, multi) against small servers on the same
 * loop, which count what reaches them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/http.h"
#include "http/http_headers.h"
#include "support/pump.h"

/* --- headers --------------------------------------------------------------------------------- */

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum http_header_id id; /* HEADER_COUNT: passed over */
        const char *value;
    } rows[] = {
        {"Content-Type: application/json\r\n", HEADER_CONTENT_TYPE, "application/json"},
        {"content-type:text/xml\r\n", HEADER_CONTENT_TYPE, "text/xml"},
        {"RETRY-AFTER:  7 \t\r\n", HEADER_RETRY_AFTER, "7"},
        {"x-acs-retry-after: 250\r\n", HEADER_ACS_RETRY_AFTER, "250"},
        {"X-RateLimit-User: Limit:1\r\n", HEADER_RATELIMIT_USER, "Limit:1"},
        {"X-RateLimit-User-API: a:b\r\n", HEADER_RATELIMIT_USER_API, "a:b"},
        {"Date:\r\n", HEADER_DATE, ""},
        {"Dates: x\r\n", HEADER_COUNT, NULL},
        {"Dat: x\r\n", HEADER_COUNT, NULL},
        {"no colon\r\n", HEADER_COUNT, NULL},
        {"\r\n", HEADER_COUNT, NULL},
        {"", HEADER_COUNT, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct http_headers h;
        http_headers_reset(&h);
        http_headers_read(&h, rows[i].line, strlen(rows[i].line));
        for (unsigned id = 0; id < HEADER_COUNT; id++) {
            const char *value = http_headers_get(&h, (enum http_header_id)id);
            if (id == rows[i].id)
                assert_string_equal(value, rows[i].value);
            else
                assert_null(value);
        }
        assert_int_equal(h.complete, strcmp(rows[i].line, "\r\n") == 0);
        http_headers_read(&h, "HTTP/1.1 200 OK\r\n", 17);
        assert_false(h.complete);
        assert_null(http_headers_get(&h, HEADER_DATE));
    }
}

static void test_long_header_is_cut(void **state)
{
    (void)state;
    struct http_headers h;
    char line[1024];
    int n = snprintf(line, sizeof line, "Date: %0600d\r\n", 1);
    http_headers_reset(&h);
    http_headers_read(&h, line, (size_t)n);
    assert_int_equal(strlen(http_headers_get(&h, HEADER_DATE)), HEADER_VALUE_SIZE - 1);
}

/* --- a server that behaves as told ----------------------------------------------------------- */

enum { PEERS_MAX = 64, SEEN_MAX = 16384 };

struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    SSL_CTX *tls;
    int port;
    struct bufferevent *peers[PEERS_MAX];
    int accepted, requests;
    char seen[SEEN_MAX]; /* the last request */
    size_t seen_len;
    const char *answer;  /* NULL: none */
    int close_after;     /* closes instead of answering the n-th request and later ones */
    bool close_answered; /* closes after the answer */
};

static const char ok_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";

static void drop_peer(struct server *s, struct bufferevent *bev)
{
    for (int i = 0; i < PEERS_MAX; i++)
        if (s->peers[i] == bev)
            s->peers[i] = NULL;
    bufferevent_free(bev);
}

/* Length of the complete request at the start of in, or 0. */
static size_t request_length(struct evbuffer *in)
{
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return 0;
    size_t head = (size_t)end.pos + 4;
    char *text = calloc(1, head + 1);
    evbuffer_copyout(in, text, head);
    const char *length = strstr(text, "Content-Length: ");
    size_t total = head + (length ? (size_t)atoi(length + 16) : 0);
    free(text);
    return evbuffer_get_length(in) >= total ? total : 0;
}

static void on_answered(struct bufferevent *bev, void *arg)
{
    struct server *s = arg;
    if (s->close_answered && s->requests) /* also called when it first becomes writable */
        drop_peer(s, bev);
}

static void on_peer_read(struct bufferevent *bev, void *arg)
{
    struct server *s = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len;
    while ((len = request_length(in)) > 0) {
        assert_true(len < SEEN_MAX);
        evbuffer_remove(in, s->seen, len);
        s->seen[len] = '\0';
        s->seen_len = len;
        s->requests++;
        if (s->close_after && s->requests >= s->close_after) {
            drop_peer(s, bev);
            return;
        }
        if (strncmp(s->seen, "CONNECT ", 8) == 0)
            evbuffer_add_printf(bufferevent_get_output(bev), "HTTP/1.1 200 OK\r\nDate: no\r\n\r\n");
        else if (s->answer)
            bufferevent_write(bev, s->answer, strlen(s->answer));
    }
}

static void on_peer_event(struct bufferevent *bev, short what, void *arg)
{
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        drop_peer(arg, bev);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *a, int len,
                      void *arg)
{
    (void)l;
    (void)a;
    (void)len;
    struct server *s = arg;
    struct bufferevent *bev =
        s->tls ? bufferevent_openssl_socket_new(s->base, fd, SSL_new(s->tls),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
               : bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    s->peers[s->accepted++ % PEERS_MAX] = bev;
    bufferevent_setcb(bev, on_peer_read, on_answered, on_peer_event, s);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void open_server(struct server *s, struct event_base *base, const char *answer)
{
    memset(s, 0, sizeof *s);
    s->base = base;
    s->answer = answer;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    s->listener =
        evconnlistener_new_bind(base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                64, (struct sockaddr *)&a, sizeof a);
    assert_non_null(s->listener);
    getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&a, &len);
    s->port = ntohs(a.sin_port);
}

static void close_server(struct server *s)
{
    for (int i = 0; i < PEERS_MAX; i++)
        if (s->peers[i])
            bufferevent_free(s->peers[i]);
    if (s->listener)
        evconnlistener_free(s->listener);
    SSL_CTX_free(s->tls);
}

/* --- a client -------------------------------------------------------------------------------- */

struct fixture {
    struct event_base *base;
    struct server server;
    struct http *http;
    struct http_opts opts;
    char url[64];
    int done, answered, stopped;
    enum http_state state;
    int status;
    char body[256], error[256], type[64], retry_after[64], date[64];
};

static void keep(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text ? text : "-");
}

static void on_done(void *arg, const struct http_result *r)
{
    struct fixture *f = arg;
    f->done++;
    f->answered += r->state == HTTP_ANSWERED;
    f->stopped += r->resend_stopped;
    f->state = r->state;
    f->status = r->status;
    assert_int_equal(strlen(r->body), r->len);
    assert_int_equal(r->error[0] == '\0', r->state == HTTP_ANSWERED);
    keep(f->body, sizeof f->body, r->body);
    keep(f->error, sizeof f->error, r->error);
    keep(f->type, sizeof f->type, r->content_type);
    keep(f->retry_after, sizeof f->retry_after, r->retry_after);
    keep(f->date, sizeof f->date, r->date);
}

/* The defaults that a test may change between the two. */
static void open_fixture(struct fixture *f, const char *answer)
{
    memset(f, 0, sizeof *f);
    f->base = event_base_new();
    open_server(&f->server, f->base, answer);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d", f->server.port);
    f->opts = (struct http_opts){.base_url = f->url,
                                 .verify = true,
                                 .version = HTTP_1_1,
                                 .max_connections = 4,
                                 .timeout_ms = 5000,
                                 .connect_timeout_ms = 3000,
                                 .body_max = 1024};
}

static void start(struct fixture *f)
{
    struct err e = {""};
    f->http = http_new(f->base, &f->opts, &e);
    if (!f->http)
        fail_msg("%s", e.text);
}

static void post(struct fixture *f, http_done_fn fn)
{
    const struct http_header headers[] = {{"Content-Type", "application/json"},
                                          {"x-acs-action", "Push"}};
    const struct http_request req = {.target = "/?a=b%20c&d=%2F",
                                     .body = "some body",
                                     .len = 9,
                                     .headers = headers,
                                     .nheaders = 2};
    http_post(f->http, &req, fn, f);
}

static void post_and_wait(struct fixture *f)
{
    int before = f->done;
    post(f, on_done);
    assert_int_equal(f->done, before);
    pump_until(f->base, f->done == before + 1);
}

static void close_fixture(struct fixture *f)
{
    http_free(f->http);
    close_server(&f->server);
    event_base_free(f->base);
}

/* One handle after the other: what one call was does not show in the next. */
static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *method, *body, *line;
    } rows[] = {{"GET", NULL, "GET /x HTTP/1.1\r\n"},  {NULL, "ab", "POST /x HTTP/1.1\r\n"},
                {"PUT", NULL, "PUT /x HTTP/1.1\r\n"},  {"GET", NULL, "GET /x HTTP/1.1\r\n"},
                {"PUT", "abc", "PUT /x HTTP/1.1\r\n"}, {NULL, NULL, "POST /x HTTP/1.1\r\n"}};
    struct fixture f;
    open_fixture(&f, ok_answer);
    f.opts.secret = true;
    start(&f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *body = rows[i].body ? rows[i].body : "";
        char length[64];
        const struct http_request req = {
            .method = rows[i].method, .target = "/x", .body = body, .len = strlen(body)};
        int before = f.done;
        http_post(f.http, &req, on_done, &f);
        pump_until(f.base, f.done == before + 1);
        assert_memory_equal(f.server.seen, rows[i].line, strlen(rows[i].line));
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
        bool get = rows[i].line[0] == 'G';
        assert_int_equal(strstr(f.server.seen, get ? "Content-Length" : length) != NULL, !get);
        assert_string_equal(strstr(f.server.seen, "\r\n\r\n") + 4, body);
    }
    assert_int_equal(f.server.accepted, 1);
    close_fixture(&f);
}

static void test_request_on_the_wire(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    char value[] = "v", body[] = "a\0b", target[] = "/p?q=1";
    const struct http_header headers[] = {{"X-One", value}, {"X-Empty", ""}};
    const struct http_request req = {
        .target = target, .body = body, .len = 3, .headers = headers, .nheaders = 2};
    http_post(f.http, &req, on_done, &f);
    value[0] = body[0] = target[1] = '!'; /* everything was copied */
    assert_int_equal(http_in_flight(f.http), 1);
    pump_until(f.base, f.done == 1);
    assert_int_equal(http_in_flight(f.http), 0);
    const char *seen = f.server.seen;
    assert_true(strncmp(seen, "POST /p?q=1 HTTP/1.1\r\n", 22) == 0);
    assert_non_null(strstr(seen, "\r\nX-One: v\r\n"));
    assert_non_null(strstr(seen, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Length: 3\r\n"));
    assert_non_null(strstr(seen, "\r\nHost: 127.0.0.1:"));
    assert_null(strstr(seen, "Expect"));
    assert_memory_equal(seen + f.server.seen_len - 3, "a\0b", 3);
    close_fixture(&f);
}

static void test_answers(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        enum http_state state;
        int status;
        const char *body, *type, *retry_after;
    } rows[] = {
        {ok_answer, HTTP_ANSWERED, 200, "{}", "application/json", "-"},
        {"HTTP/1.1 503 No\r\nRetry-After: 3\r\nContent-Length: 1\r\n\r\nx", HTTP_ANSWERED, 503, "x",
         "-", "3"},
        {"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
         HTTP_ANSWERED, 400, "abc", "-", "-"},
        {"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", HTTP_ANSWERED, 302,
         "", "-", "-"},
        {"HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         HTTP_ANSWERED, 200, "", "-", "-"},
        {"HTTP/1.1 204 None\r\n\r\n", HTTP_ANSWERED, 204, "", "-", "-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture f;
        open_fixture(&f, rows[i].answer);
        start(&f);
        post_and_wait(&f);
        assert_int_equal(f.state, rows[i].state);
        assert_int_equal(f.status, rows[i].status);
        assert_string_equal(f.body, rows[i].body);
        assert_string_equal(f.type, rows[i].type);
        assert_string_equal(f.retry_after, rows[i].retry_after);
        assert_int_equal(f.server.requests, 1);
        close_fixture(&f);
    }
}

static void test_broken_answers(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "garbage\r\n\r\n",
        "\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct fixture f;
        open_fixture(&f, answers[i]);
        f.server.close_answered = true;
        start(&f);
        post_and_wait(&f);
        assert_int_equal(f.state, HTTP_UNANSWERED);
        assert_int_equal(f.status, 0);
        assert_string_equal(f.body, "");
        assert_int_equal(f.server.requests, 1);
        close_fixture(&f);
    }
}

static void test_body_over_maximum(void **state)
{
    (void)state;
    struct fixture f;
    char answer[4096];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n%02000d", 1);
    open_fixture(&f, answer);
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_UNANSWERED);
    f.server.answer = ok_answer;
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    close_fixture(&f);
}

/* Trailers, and responses before the response, are kept by the library: 300 kB of either. Fewer
 * than 5,000 lines where they are to pass: newer libraries have that limit of their own. */
static void test_headers_over_maximum(void **state)
{
    (void)state;
    static const struct {
        const char *before, *piece, *after;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
         "X-A: bcdefghijklmnopqrstuvwxyz-bcdefghijklmnopqrstuvwxyz-bcdefghi\r\n", "\r\n"},
        {"", "HTTP/1.1 103 Early Hints\r\nX-A: b\r\n\r\n",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t many = 0; many < 2; many++) {
            struct fixture f;
            struct buf answer;
            buf_init(&answer, 2 * HEADERS_BYTES_MAX);
            buf_puts(&answer, rows[i].before);
            while (answer.len < (many ? HEADERS_BYTES_MAX * 9 / 8 : HEADERS_BYTES_MAX / 4))
                buf_puts(&answer, rows[i].piece);
            buf_puts(&answer, rows[i].after);
            open_fixture(&f, buf_text(&answer));
            start(&f);
            post_and_wait(&f);
            assert_int_equal(f.state, many ? HTTP_UNANSWERED : HTTP_ANSWERED);
            close_fixture(&f);
            buf_free(&answer);
        }
}

static void test_connection_is_reused(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    for (int i = 0; i < 50; i++)
        post_and_wait(&f);
    assert_int_equal(f.answered, 50);
    assert_int_equal(f.server.accepted, 1);
    close_fixture(&f);
}

static void test_connections_are_capped(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    for (int i = 0; i < 200; i++)
        post(&f, on_done);
    assert_int_equal(http_in_flight(f.http), 200);
    pump_until(f.base, f.done == 200);
    assert_int_equal(f.answered, 200);
    assert_in_range(f.server.accepted, 1, 4);
    close_fixture(&f);
}

/* The case that libcurl repeats by itself: a kept connection that closes after the request was
 * read. The server must see one copy of it. */
static void test_no_silent_resend(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    f.server.close_after = 2;
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_UNANSWERED);
    assert_int_equal(f.stopped, 1);
    assert_int_equal(f.server.requests, 2);
    f.server.close_after = 0;
    post_and_wait(&f); /* the handle is as good as new */
    assert_int_equal(f.state, HTTP_ANSWERED);
    assert_int_equal(f.server.requests, 3);
    assert_int_equal(f.stopped, 1);
    close_fixture(&f);
}

static void test_idle_connection_closed_by_server(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    post_and_wait(&f);
    drop_peer(&f.server, f.server.peers[0]);
    for (int i = 0; i < 5; i++) /* lets the end of file arrive */
        event_base_loop(f.base, EVLOOP_NONBLOCK);
    post_and_wait(&f);
    assert_int_equal(f.answered, 2);
    assert_int_equal(f.server.accepted, 2);
    close_fixture(&f);
}

static void test_hang_times_out(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.opts.timeout_ms = 200;
    start(&f);
    int64_t begun = clock_mono_ms();
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_UNANSWERED);
    assert_true(clock_mono_ms() - begun >= 190);
    close_fixture(&f);
}

static void post_checked(struct fixture *f, int64_t checked_boot_ms)
{
    const struct http_request req = {.target = "/", .body = "", .checked_boot_ms = checked_boot_ms};
    int before = f->done;
    http_post(f->http, &req, on_done, f);
    pump_until(f->base, f->done == before + 1);
}

/* A process that was stopped between the look at its lease and the post must not send, also not
 * on a connection that stands. */
static void test_time_counts_from_the_check(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    post_checked(&f, clock_boot_ms());
    assert_int_equal(f.state, HTTP_ANSWERED);
    assert_int_equal(f.server.requests, 1);
    post_checked(&f, clock_boot_ms() - f.opts.timeout_ms - 1000);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    assert_int_equal(f.server.requests, 1);
    close_fixture(&f);
}

static void test_a_late_post_ends_early(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.opts.timeout_ms = 60000;
    start(&f);
    int64_t begun = clock_mono_ms();
    post_checked(&f, clock_boot_ms() - 59800);
    assert_in_range(clock_mono_ms() - begun, 150, 50000);
    close_fixture(&f);
}

static void test_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    evconnlistener_free(f.server.listener); /* refused from now on */
    f.server.listener = NULL;
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    assert_false(f.stopped);
    close_fixture(&f);
}

/* The server accepts and never says a word of TLS. */
static void test_tls_handshake_hangs(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    snprintf(f.url, sizeof f.url, "https://127.0.0.1:%d", f.server.port);
    f.opts.connect_timeout_ms = 200;
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    close_fixture(&f);
}

/* Waiting for a connection is part of the time limit, and such a call was not sent. */
static void test_waiting_times_out(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    f.opts.max_connections = 1;
    f.opts.timeout_ms = 3000;
    start(&f);
    post(&f, on_done);
    pump_until(f.base, f.server.requests == 1);
    /* Its time is over well before the first call's, which frees the connection. */
    const struct http_request late = {
        .target = "/", .body = "", .checked_boot_ms = clock_boot_ms() - f.opts.timeout_ms / 2};
    http_post(f.http, &late, on_done, &f);
    pump_until(f.base, f.done == 2);
    assert_int_equal(f.server.requests, 1);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    close_fixture(&f);
}

static void test_environment_proxy_is_ignored(void **state)
{
    (void)state;
    struct fixture f;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    open_fixture(&f, ok_answer);
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    close_fixture(&f);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_configured_proxy(void **state)
{
    (void)state;
    struct fixture f;
    char proxy[64];
    setenv("no_proxy", "*", 1);
    open_fixture(&f, ok_answer);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", f.server.port);
    f.opts.proxy = proxy;
    f.opts.base_url = "http://endpoint.invalid";
    start(&f);
    post_and_wait(&f);
    assert_int_equal(f.state, HTTP_ANSWERED);
    assert_int_equal(f.server.requests, 2); /* CONNECT, POST */
    assert_true(strncmp(f.server.seen, "POST /?a=b%20c", 14) == 0);
    assert_string_equal(f.date, "-"); /* the proxy's is not the provider's */
    close_fixture(&f);
    unsetenv("no_proxy");
}

/* --- callbacks that do things ---------------------------------------------------------------- */

static void on_done_again(void *arg, const struct http_result *r)
{
    struct fixture *f = arg;
    on_done(f, r);
    if (f->done < 20)
        post(f, on_done_again);
}

static void test_post_in_callback(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    post(&f, on_done_again);
    pump_until(f.base, f.done == 20);
    assert_int_equal(f.answered, 20);
    assert_int_equal(f.server.accepted, 1);
    close_fixture(&f);
}

static void on_done_free(void *arg, const struct http_result *r)
{
    struct fixture *f = arg;
    struct http *http = f->http;
    f->http = NULL;
    http_free(http);
    on_done(f, r); /* still alive */
}

static void test_free_in_callback(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, ok_answer);
    start(&f);
    post(&f, on_done_free);
    for (int i = 0; i < 10; i++)
        post(&f, on_done);
    pump_until(f.base, f.done == 11);
    close_fixture(&f);
}

static void test_free_cancels(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, NULL);
    start(&f);
    post(&f, on_done);
    pump_until(f.base, f.server.requests == 1);
    http_free(f.http);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.state, HTTP_UNANSWERED);
    start(&f);
    post(&f, on_done); /* never left */
    http_free(f.http);
    assert_int_equal(f.done, 2);
    assert_int_equal(f.state, HTTP_NOT_SENT);
    f.http = NULL;
    close_fixture(&f);
}

/* --- TLS ------------------------------------------------------------------------------------- */

static char cert_dir[64];

static int make_cert(void **state)
{
    (void)state;
    char line[512];
    snprintf(cert_dir, sizeof cert_dir, "/tmp/pushbridge-cert-XXXXXX");
    assert_non_null(mkdtemp(cert_dir));
    snprintf(
        line, sizeof line,
        "cd %s && openssl req -x509 -config $OLDPWD/tests/support/openssl.cnf -extensions server "
        "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=t "
        "-addext subjectAltName=IP:127.0.0.1 -keyout key -out crt 2>log",
        cert_dir);
    return system(line);
}

static int remove_cert(void **state)
{
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -r %s", cert_dir);
    return system(line);
}

static void test_certificate(void **state)
{
    (void)state;
    char crt[96], key[96];
    snprintf(crt, sizeof crt, "%s/crt", cert_dir);
    snprintf(key, sizeof key, "%s/key", cert_dir);
    const struct {
        const char *host, *ca;
        bool verify;
        enum http_state state;
    } rows[] = {
        {"127.0.0.1", crt, true, HTTP_ANSWERED},
        {"127.0.0.1", NULL, false, HTTP_ANSWERED},
        {"127.0.0.1", NULL, true, HTTP_CERTIFICATE},
        {"127.0.0.1", "/nonexistent", true, HTTP_CERTIFICATE},
        {"localhost", crt, true, HTTP_CERTIFICATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int version = HTTP_1_1; version <= HTTP_2; version++) { /* falls back: no ALPN */
            struct fixture f;
            open_fixture(&f, ok_answer);
            f.server.tls = SSL_CTX_new(TLS_server_method());
            SSL_CTX_use_certificate_file(f.server.tls, crt, SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(f.server.tls, key, SSL_FILETYPE_PEM);
            snprintf(f.url, sizeof f.url, "https://%s:%d", rows[i].host, f.server.port);
            f.opts.ca_file = rows[i].ca;
            f.opts.verify = rows[i].verify;
            f.opts.version = (enum http_version)version;
            start(&f);
            post_and_wait(&f);
            post_and_wait(&f);
            if (f.state != rows[i].state)
                fail_msg("row %zu: %s %s", i, http_state_name(f.state), f.error);
            assert_int_equal(f.server.requests, rows[i].state == HTTP_ANSWERED ? 2 : 0);
            if (rows[i].state == HTTP_ANSWERED)
                assert_int_equal(f.server.accepted, 1);
            close_fixture(&f);
        }
    }
}

static void test_wrong_url(void **state)
{
    (void)state;
    struct err e = {""};
    struct event_base *base = event_base_new();
    const struct http_opts opts = {.base_url = "https://[", .max_connections = 1};
    assert_null(http_new(base, &opts, &e));
    assert_true(e.text[0] != '\0');
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_long_header_is_cut),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_request_on_the_wire),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_body_over_maximum),
        cmocka_unit_test(test_headers_over_maximum),
        cmocka_unit_test(test_connection_is_reused),
        cmocka_unit_test(test_connections_are_capped),
        cmocka_unit_test(test_no_silent_resend),
        cmocka_unit_test(test_idle_connection_closed_by_server),
        cmocka_unit_test(test_hang_times_out),
        cmocka_unit_test(test_time_counts_from_the_check),
        cmocka_unit_test(test_a_late_post_ends_early),
        cmocka_unit_test(test_not_sent),
        cmocka_unit_test(test_tls_handshake_hangs),
        cmocka_unit_test(test_waiting_times_out),
        cmocka_unit_test(test_environment_proxy_is_ignored),
        cmocka_unit_test(test_configured_proxy),
        cmocka_unit_test(test_post_in_callback),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_free_cancels),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_wrong_url),
    };
    return cmocka_run_group_tests_name("http", tests, make_cert, remove_cert);
}
