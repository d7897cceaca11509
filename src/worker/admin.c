/* SPDX-License-Identifier: MIT */
#include "worker/admin.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"

enum { TIMEOUT_S = 5, HEADERS_MAX = 8192, BODY_MAX = 0, PAGE_MAX = 64 * 1024 };

struct admin {
    struct evhttp *http;
};

static void answer(struct evhttp_request *req, int status, const char *type, const char *text)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, text, strlen(text));
    evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", type);
    evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
    evhttp_send_reply(req, status, NULL, body);
    evbuffer_free(body);
}

static void on_livez(struct evhttp_request *req, void *arg)
{
    (void)arg;
    answer(req, 200, "text/plain; charset=utf-8", "ok\n");
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
    (void)arg;
    struct buf page;
    buf_init(&page, PAGE_MAX);
    metrics_render(&page);
    answer(req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_text(&page));
    buf_free(&page);
}

static void on_other(struct evhttp_request *req, void *arg)
{
    (void)arg;
    answer(req, 404, "text/plain; charset=utf-8", "not here: try /livez or /metrics\n");
}

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
    evhttp_set_timeout(a->http, TIMEOUT_S);
    evhttp_set_max_headers_size(a->http, HEADERS_MAX);
    evhttp_set_max_body_size(a->http, BODY_MAX);
    evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_cb(a->http, "/livez", on_livez, a);
    evhttp_set_cb(a->http, "/metrics", on_metrics, a);
    evhttp_set_gencb(a->http, on_other, a);
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
    a->http = evhttp_new(base);
    if (evhttp_bind_socket(a->http, host, (ev_uint16_t)port) == 0) {
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

void admin_free(struct admin *a)
{
    if (!a)
        return;
    evhttp_free(a->http);
    mem_free(a);
}
