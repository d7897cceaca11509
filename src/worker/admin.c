/* SPDX-License-Identifier: MIT */
#include "worker/admin.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "worker/stats.h"

enum {
    IDLE_S = 3,
    LIFE_S = 5, /* of a connection: no trickle keeps it */
    CONNECTIONS_MAX = 32,
    HEADERS_MAX = 8192,
    INPUT_MAX = 2 * HEADERS_MAX, /* read ahead of a client that does not listen */
    BODY_MAX = 1024,             /* of a request that is refused anyway */
    SWEEP_MS = 250,
    PAGE_MAX = 1024 * 1024,
};

struct guard;

struct admin {
    struct evhttp *http;
    struct evconnlistener *listener;
    struct monitor *monitor;
    struct event *sweep; /* while there are connections */
    TAILQ_HEAD(, guard) guards;
    unsigned connections; /* length of guards */
    bool closing;
};

/* --- pages ----------------------------------------------------------------------------------- */

static int write_live(struct admin *a, struct buf *out)
{
    (void)a;
    buf_puts(out, "ok\n");
    return 200;
}

static int write_ready(struct admin *a, struct buf *out)
{
    return monitor_write_ready(a->monitor, out) ? 200 : 503;
}

static int write_metrics(struct admin *a, struct buf *out)
{
    monitor_scraped(a->monitor);
    metrics_render(out);
    return 200;
}

static int write_stats(struct admin *a, struct buf *out)
{
    monitor_scraped(a->monitor);
    stats_write(a->monitor, out);
    return 200;
}

static const char media_text[] = "text/plain; charset=utf-8", media_json[] = "application/json";

static const struct page {
    const char *path, *type;
    int (*write)(struct admin *a, struct buf *out);
    bool needs_monitor;
} pages[] = {
    {"/livez", media_text, write_live, false},
    {"/readyz", media_json, write_ready, true},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics, true},
    {"/stats", media_json, write_stats, true},
};

/* --- requests -------------------------------------------------------------------------------- */

static void answer(struct evhttp_request *req, int status, const char *type, const char *body,
                   size_t len)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    struct evbuffer *out = evbuffer_new();
    char length[24];
    snprintf(length, sizeof length, "%zu", len);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Content-Length", length);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_add_header(headers, "Connection", "close");
    if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
        evbuffer_add(out, body, len);
    evhttp_send_reply(req, status, NULL, out);
    evbuffer_free(out);
}

static void answer_text(struct evhttp_request *req, int status, const char *text)
{
    answer(req, status, media_text, text, strlen(text));
}

static void answer_page(struct admin *a, const struct page *page, struct evhttp_request *req)
{
    struct buf out;
    if (page->needs_monitor && !a->monitor) {
        answer_text(req, 503, "starting\n");
        return;
    }
    buf_init(&out, PAGE_MAX);
    int status = page->write(a, &out);
    if (buf_ok(&out))
        answer(req, status, page->type, buf_text(&out), out.len);
    else
        answer_text(req, 500, "the page is too long\n");
    buf_free(&out);
}

static void on_request(struct evhttp_request *req, void *arg)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    enum evhttp_cmd_type command = evhttp_request_get_command(req);
    if (command != EVHTTP_REQ_GET && command != EVHTTP_REQ_HEAD) {
        evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
        answer_text(req, 405, "only GET and HEAD\n");
        return;
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        if (path && strcmp(path, pages[i].path) == 0) {
            answer_page(arg, &pages[i], req);
            return;
        }
    answer_text(req, 404, "not here: try /livez, /readyz, /metrics or /stats\n");
}

/* --- connections ----------------------------------------------------------------------------- */

/* evhttp bounds the silence between two bytes but neither a connection's life nor the number of
 * connections. So each bufferevent is held here too: when evhttp has freed its own hold, which
 * takes the callbacks off, the connection is over. */
struct guard {
    TAILQ_ENTRY(guard) link;
    struct bufferevent *bev;
    int64_t end_ms;
};

static void release(struct admin *a, struct guard *g)
{
    TAILQ_REMOVE(&a->guards, g, link);
    bufferevent_decref(g->bev);
    mem_free(g);
    if (a->connections-- == CONNECTIONS_MAX && !a->closing)
        evconnlistener_enable(a->listener);
}

static bool is_over(struct bufferevent *bev)
{
    void *connection = NULL;
    bufferevent_getcb(bev, NULL, NULL, NULL, &connection);
    return !connection;
}

static void sweep_later(struct admin *a)
{
    const struct timeval tv = {.tv_usec = SWEEP_MS * 1000};
    if (a->connections)
        evtimer_add(a->sweep, &tv);
}

static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct admin *a = arg;
    int64_t now = clock_mono_ms();
    struct guard *g = TAILQ_FIRST(&a->guards), *next;
    for (; g; g = next) {
        next = TAILQ_NEXT(g, link);
        if (is_over(g->bev))
            release(a, g);
        else if (now >= g->end_ms)
            shutdown(bufferevent_getfd(g->bev), SHUT_RDWR); /* evhttp sees it, and frees */
    }
    sweep_later(a);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
    struct admin *a = arg;
    struct guard *g = mem_alloc(sizeof *g);
    g->end_ms = clock_mono_ms() + LIFE_S * 1000;
    g->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_incref(g->bev);
    bufferevent_setwatermark(g->bev, EV_READ, 0, INPUT_MAX);
    TAILQ_INSERT_TAIL(&a->guards, g, link);
    if (++a->connections == CONNECTIONS_MAX)
        evconnlistener_disable(a->listener); /* the others wait in the kernel */
    if (!evtimer_pending(a->sweep, NULL))
        sweep_later(a);
    return g->bev;
}

/* --- life ------------------------------------------------------------------------------------ */

/* "host:port" or "[v6]:port" */
static bool split(const char *listen, char *host, size_t room, int64_t *port)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || !text_int(colon + 1, 0, 65535, port))
        return false;
    size_t len = (size_t)(colon - listen);
    if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    if (!len || len >= room)
        return false;
    memcpy(host, listen, len);
    host[len] = '\0';
    return true;
}

static void serve(struct admin *a)
{
    evhttp_set_timeout(a->http, IDLE_S);
    evhttp_set_max_headers_size(a->http, HEADERS_MAX);
    evhttp_set_max_body_size(a->http, BODY_MAX);
    /* All: what is not GET or HEAD gets a 405 of ours, evhttp would say 501. */
    evhttp_set_allowed_methods(a->http, UINT16_MAX);
    evhttp_set_bevcb(a->http, on_connection, a);
    evhttp_set_gencb(a->http, on_request, a);
}

struct admin *admin_new(struct event_base *base, const struct config *config, bool *fatal,
                        struct err *e)
{
    char host[256];
    int64_t port;
    e->text[0] = '\0';
    *fatal = false;
    if (strcmp(config->admin_listen, "off") == 0)
        return NULL;
    *fatal = true;
    if (!split(config->admin_listen, host, sizeof host, &port)) {
        err_set(e, "admin.listen: \"%s\" is not HOST:PORT", config->admin_listen);
        return NULL;
    }
    struct admin *a = mem_zalloc(sizeof *a);
    TAILQ_INIT(&a->guards);
    a->sweep = evtimer_new(base, on_sweep, a);
    a->http = evhttp_new(base);
    struct evhttp_bound_socket *bound =
        evhttp_bind_socket_with_handle(a->http, host, (ev_uint16_t)port);
    if (bound) {
        a->listener = evhttp_bound_socket_get_listener(bound);
        serve(a);
        return a;
    }
    *fatal = !config->admin_listen_default;
    err_set(e, "admin.listen: cannot listen on %s", config->admin_listen);
    if (!*fatal)
        log_warn("event=admin_busy listen=%s", log_value(config->admin_listen));
    admin_free(a);
    return NULL;
}

void admin_show(struct admin *a, struct monitor *monitor)
{
    if (a)
        a->monitor = monitor;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    a->closing = true;
    evhttp_free(a->http);
    while (!TAILQ_EMPTY(&a->guards))
        release(a, TAILQ_FIRST(&a->guards));
    event_free(a->sweep);
    mem_free(a);
}
