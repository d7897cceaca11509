/* SPDX-License-Identifier: MIT */
#include "admin/door.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/timer.h"

enum {
    HEADERS_MAX = 8192,
    INPUT_MAX = 2 * HEADERS_MAX, /* read ahead of a client that does not listen */
    BODY_MAX = 1024,             /* of a request that is refused anyway */
    SWEEP_MS = 250,
};

/* evhttp bounds the silence between two bytes but neither a connection's life nor the number of
 * connections. So each bufferevent is held here too. Evhttp's own hold on it is the callbacks'
 * argument: none any more once the connection is over. */
struct guest {
    TAILQ_ENTRY(guest) link;
    struct bufferevent *bev;
    int64_t end_ms;
    bool asked;   /* its request is being answered */
    bool has_nul; /* a NUL came, at which evhttp would end the line that has it */
};

struct door {
    struct evhttp *http;
    struct door_limits limits;
    door_fn fn;
    void *arg;
    struct timer *sweep;        /* while there are guests */
    TAILQ_HEAD(, guest) guests; /* who came first is first */
    unsigned n;
};

static void count_refused(const char *why)
{
    metrics_add_at(METRIC_ADMIN_REFUSED, metrics_find(SET_DOOR, why), 1);
}

static struct evhttp_connection *door_connection_of(const struct guest *g)
{
    void *connection = NULL;
    bufferevent_getcb(g->bev, NULL, NULL, NULL, &connection);
    return connection;
}

/* Evhttp takes lines as strings: of "Host: ours<NUL>theirs" it sees the beginning only. */
static void on_input(struct evbuffer *in, const struct evbuffer_cb_info *info, void *arg)
{
    struct guest *g = arg;
    struct evbuffer_ptr from;
    if (info->n_added &&
        evbuffer_ptr_set(in, &from, evbuffer_get_length(in) - info->n_added, EVBUFFER_PTR_SET) == 0)
        g->has_nul |= evbuffer_search(in, "", 1, &from).pos >= 0;
}

static void forget_guest(struct door *d, struct guest *g)
{
    TAILQ_REMOVE(&d->guests, g, link);
    evbuffer_remove_cb(bufferevent_get_input(g->bev), on_input, g);
    bufferevent_decref(g->bev);
    mem_free(g);
    d->n--;
}

/* Not from within a callback of this connection. */
static void put_out(struct door *d, struct guest *g, const char *why)
{
    struct evhttp_connection *connection = door_connection_of(g);
    if (connection) {
        count_refused(why);
        evhttp_connection_free(connection);
    }
    forget_guest(d, g);
}

static void sweep_later(struct door *d)
{
    if (d->n)
        timer_once(d->sweep, SWEEP_MS);
}

static void on_sweep(void *arg)
{
    struct door *d = arg;
    int64_t now = clock_mono_ms();
    struct guest *g = TAILQ_FIRST(&d->guests), *next;
    for (; g; g = next) {
        next = TAILQ_NEXT(g, link);
        if (!door_connection_of(g) || now >= g->end_ms)
            put_out(d, g, "slow");
    }
    sweep_later(d);
}

/* Those that are over go for nothing; else the oldest that has asked nothing, be it silent or
 * trickling; where all are being answered the oldest of them, which reads too slowly. */
static void make_door_room(struct door *d)
{
    struct guest *g, *idle = NULL;
    TAILQ_FOREACH(g, &d->guests, link)
    {
        if (!door_connection_of(g))
            break;
        if (!idle && !g->asked)
            idle = g;
    }
    put_out(d, g ? g : idle ? idle : TAILQ_FIRST(&d->guests), "crowd");
}

static struct bufferevent *on_door_connection(struct event_base *base, void *arg)
{
    struct door *d = arg;
    if (d->n == d->limits.places)
        make_door_room(d);
    struct guest *g = mem_alloc(sizeof *g);
    *g = (struct guest){.bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE),
                        .end_ms = clock_mono_ms() + d->limits.life_ms};
    bufferevent_incref(g->bev);
    bufferevent_setwatermark(g->bev, EV_READ, 0, INPUT_MAX);
    evbuffer_add_cb(bufferevent_get_input(g->bev), on_input, g);
    TAILQ_INSERT_TAIL(&d->guests, g, link);
    d->n++;
    if (!timer_is_set(d->sweep))
        sweep_later(d);
    return g->bev;
}

static struct guest *find_guest(struct door *d, struct evhttp_request *req)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(req);
    struct guest *g;
    TAILQ_FOREACH(g, &d->guests, link)
    if (door_connection_of(g) == connection)
        return g;
    return NULL;
}

/* Two that read a head like these would see two requests; also trailers come after a chunked body,
 * and evhttp puts them among the headers. Names are all that it has to look at here. */
static bool is_plain_head(struct evhttp_request *req)
{
    struct evkeyval *h;
    TAILQ_FOREACH(h, evhttp_request_get_input_headers(req), next)
    if (!*h->key || strpbrk(h->key, " \t") ||
        evutil_ascii_strcasecmp(h->key, "Transfer-Encoding") == 0)
        return false;
    return true;
}

static void on_door_request(struct evhttp_request *req, void *arg)
{
    struct door *d = arg;
    struct guest *g = find_guest(d, req);
    if (g)
        g->asked = true;
    if ((!g || !g->has_nul) && is_plain_head(req)) {
        d->fn(req, d->arg);
        return;
    }
    count_refused("unclear");
    evhttp_send_error(req, 400, NULL);
}

struct door *door_new(struct event_base *base, const struct door_limits *limits, door_fn fn,
                      void *arg)
{
    struct door *d = mem_alloc(sizeof *d);
    *d = (struct door){.http = evhttp_new(base), .limits = *limits, .fn = fn, .arg = arg};
    TAILQ_INIT(&d->guests);
    d->sweep = timer_new(base, on_sweep, d);
    evhttp_set_timeout(d->http, limits->silence_s);
    evhttp_set_max_headers_size(d->http, HEADERS_MAX);
    evhttp_set_max_body_size(d->http, BODY_MAX);
    /* All: what is not GET or HEAD gets a 405 of ours, evhttp would say 501. */
    evhttp_set_allowed_methods(d->http, UINT16_MAX);
    evhttp_set_bevcb(d->http, on_door_connection, d);
    evhttp_set_gencb(d->http, on_door_request, d);
    return d;
}

void door_free(struct door *d)
{
    if (!d)
        return;
    evhttp_free(d->http);
    while (!TAILQ_EMPTY(&d->guests))
        forget_guest(d, TAILQ_FIRST(&d->guests));
    timer_free(d->sweep);
    mem_free(d);
}

bool door_bind(struct door *d, const char *host, uint16_t port)
{
    return evhttp_bind_socket_with_handle(d->http, host, port) != NULL;
}

bool door_accept(struct door *d, int fd)
{
    return evhttp_accept_socket_with_handle(d->http, fd) != NULL;
}
