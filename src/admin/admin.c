/* SPDX-License-Identifier: MIT */
#include "admin/admin.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "admin/admin_socket.h"
#include "admin/door.h"
#include "admin/stats_page.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "config/admin_host.h"

enum { PAGE_MAX = 1024 * 1024, LOG_AGAIN_MS = 60000 };

static const struct door_limits limits = {.places = 32, .silence_s = 3, .life_ms = 5000};

struct admin {
    struct door *address, *socket; /* admin.listen, and the way of `health`; NULL: none */
    const struct config *config;
    struct monitor *monitor;
    int64_t told_mono_ms; /* of a Host that is not ours; 0: never */
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

/* Whether it is well a worker says to everybody: a probe may call it by any name. */
static const struct page {
    const char *path, *type;
    int (*write)(struct admin *a, struct buf *out);
    bool needs_monitor, is_open;
} pages[] = {
    {"/livez", media_text, write_live, false, true},
    {"/readyz", media_json, write_ready, true, true},
    {"/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics, true, false},
    {"/stats", media_json, write_stats, true, false},
};

/* --- requests -------------------------------------------------------------------------------- */

static void answer_request(struct evhttp_request *req, int status, const char *reason,
                           const char *type, const char *body, size_t len)
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
    evhttp_send_reply(req, status, reason, out);
    evbuffer_free(out);
}

/* reason NULL: the status' usual one. */
static void answer_text(struct evhttp_request *req, int status, const char *reason,
                        const char *text)
{
    answer_request(req, status, reason, media_text, text, strlen(text));
}

/* whole: with what the page tells, not its status alone. */
static void answer_page(struct admin *a, const struct page *page, bool whole,
                        struct evhttp_request *req)
{
    struct buf out;
    if (page->needs_monitor && !a->monitor) {
        answer_text(req, 503, NULL, "starting\n");
        return;
    }
    buf_init(&out, PAGE_MAX);
    int status = page->write(a, &out);
    if (!whole)
        answer_text(req, status, NULL, status == 200 ? "ok\n" : "no: admin.hosts are told why\n");
    else if (buf_ok(&out))
        answer_request(req, status, NULL, page->type, buf_text(&out), out.len);
    else
        answer_text(req, 500, NULL, "the page is too long\n");
    buf_free(&out);
}

/* --- for whom -------------------------------------------------------------------------------- */

enum meant { MEANT_US, MEANT_OTHERS, MEANT_UNCLEAR, MEANT_STRANGER };

static enum meant judge_host(const struct admin *a, const char *text, const struct sockaddr *local)
{
    char host[ADMIN_HOST_SIZE];
    if (!admin_host_read(text, host))
        return MEANT_UNCLEAR;
    const struct config *c = a->config;
    return admin_host_is_ours(host, c->admin_listen, c->admin_hosts, local) ? MEANT_US
                                                                            : MEANT_OTHERS;
}

/* The target's authority ("http://host/stats", also "//host/stats") and Host must both be ours. */
static enum meant judge_names(const struct admin *a, struct evhttp_request *req,
                              const struct sockaddr *local, const char **named)
{
    const char *target = evhttp_uri_get_host(evhttp_request_get_evhttp_uri(req));
    struct evkeyval *h;
    size_t n = 0;
    *named = NULL;
    TAILQ_FOREACH(h, evhttp_request_get_input_headers(req), next)
    if (evutil_ascii_strcasecmp(h->key, "Host") == 0) {
        *named = h->value;
        n++;
    }
    if (n != 1 || !**named)
        return MEANT_UNCLEAR;
    enum meant meant = judge_host(a, *named, local);
    if (meant != MEANT_US || !target)
        return meant;
    *named = target;
    return judge_host(a, target, local);
}

static enum meant judge_asker(const struct admin *a, struct evhttp_request *req, const char **named)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(req);
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    struct sockaddr_storage local = {0};
    socklen_t len = sizeof local;
    *named = NULL;
    if (getsockname(fd, (struct sockaddr *)&local, &len) != 0)
        return MEANT_STRANGER;
    if (local.ss_family == AF_UNIX)
        return admin_socket_is_own(fd) ? MEANT_US : MEANT_STRANGER;
    return judge_names(a, req, (const struct sockaddr *)&local, named);
}

/* At most once a minute: whoever asks decides how often, and what it says. */
static void tell_of_stranger(struct admin *a, const char *host, const char *path)
{
    int64_t now = clock_mono_ms();
    if (a->told_mono_ms && now - a->told_mono_ms < LOG_AGAIN_MS)
        return;
    a->told_mono_ms = now;
    log_warn("event=admin_host_refused host=%s path=%s", log_value(host), log_value(path));
}

static const char *word_of(enum meant meant)
{
    return meant == MEANT_OTHERS ? "host" : meant == MEANT_UNCLEAR ? "unclear" : "user";
}

static void refuse_page(struct admin *a, struct evhttp_request *req, enum meant meant,
                        const char *named, const char *path)
{
    metrics_add_at(METRIC_ADMIN_REFUSED, metrics_find(SET_DOOR, word_of(meant)), 1);
    if (meant == MEANT_OTHERS) {
        tell_of_stranger(a, named, path);
        answer_text(req, 421, "Misdirected Request",
                    "this Host is not known here: admin.hosts lists those that are\n");
    } else if (meant == MEANT_UNCLEAR) {
        answer_text(req, 400, NULL, "one Host is needed, and a good one\n");
    } else {
        answer_text(req, 403, NULL, "this socket is for the worker's own user and root\n");
    }
}

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; path && i < sizeof pages / sizeof pages[0]; i++)
        if (strcmp(path, pages[i].path) == 0)
            return &pages[i];
    return NULL;
}

static void on_admin_request(struct evhttp_request *req, void *arg)
{
    struct admin *a = arg;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req)), *named;
    enum evhttp_cmd_type command = evhttp_request_get_command(req);
    const struct page *page = find_page(path);
    if (command != EVHTTP_REQ_GET && command != EVHTTP_REQ_HEAD) {
        evhttp_add_header(evhttp_request_get_output_headers(req), "Allow", "GET, HEAD");
        answer_text(req, 405, NULL, "only GET and HEAD\n");
        return;
    }
    enum meant meant = judge_asker(a, req, &named);
    if (!page)
        answer_text(req, 404, NULL, "not here: try /livez, /readyz, /metrics or /stats\n");
    else if (meant == MEANT_US || (page->is_open && meant != MEANT_STRANGER))
        answer_page(a, page, meant == MEANT_US, req);
    else
        refuse_page(a, req, meant, named, path);
}

/* --- life ------------------------------------------------------------------------------------ */

/* "host:port" or "[v6]:port" */
static bool split_listen_names(const char *listen, char *host, size_t room, int64_t *port)
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

/* Without it `health` asks admin.listen as others do. */
static void open_listener(struct admin *a, struct event_base *base)
{
    int fd = admin_socket_listen(a->config->admin_listen);
    if (fd < 0) {
        log_warn("event=admin_socket_busy listen=%s", log_value(a->config->admin_listen));
        return;
    }
    a->socket = door_new(base, &limits, on_admin_request, a);
    if (door_accept(a->socket, fd))
        return;
    close(fd);
    door_free(a->socket);
    a->socket = NULL;
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
    if (!split_listen_names(config->admin_listen, host, sizeof host, &port)) {
        err_set(e, "admin.listen: \"%s\" is not HOST:PORT", config->admin_listen);
        return NULL;
    }
    struct admin *a = mem_zalloc(sizeof *a);
    a->config = config;
    a->address = door_new(base, &limits, on_admin_request, a);
    if (door_bind(a->address, host, (uint16_t)port)) {
        open_listener(a, base);
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

void admin_set_config(struct admin *a, const struct config *config)
{
    if (a)
        a->config = config;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    door_free(a->address);
    door_free(a->socket);
    mem_free(a);
}
