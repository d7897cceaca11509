/* SPDX-License-Identifier: MIT */
#include "mock/wire/provider.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "mock/wire/call.h"
#include "mock/wire/port.h"

enum { IDLE_S = 75 };

static struct bufferevent *on_provider_connection(struct event_base *base, void *arg)
{
    struct provider *p = arg;
    p->record.connections++;
    if (!p->tls)
        return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    struct bufferevent *bev = bufferevent_openssl_socket_new(
        base, -1, SSL_new(p->tls), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

static void on_provider_request(struct evhttp_request *http, void *arg)
{
    if (!sts_answer(arg, http))
        call_begin(arg, http);
}

void provider_init(struct provider *p, struct event_base *base, size_t record_calls)
{
    *p = (struct provider){.base = base, .url_max = 16384, .certificate = "OK"};
    auth_init(&p->auth);
    handout_init(&p->handout);
    replay_init(&p->replay);
    record_init(&p->record, record_calls);
    world_init(&p->world);
    inbox_init(&p->inbox);
    p->rules.accounts_max = 1000;
    /* 17 digits like the provider's, and other ones after a restart */
    p->next_message_id = 10000000000000000u + (uint64_t)clock_wall_ms() * 1000;
}

void provider_free(struct provider *p)
{
    call_abandon_all(p);
    if (p->http)
        evhttp_free(p->http);
    faults_clear(&p->faults);
    record_free(&p->record);
    inbox_free(&p->inbox);
    world_free(&p->world);
    replay_free(&p->replay);
    auth_free(&p->auth);
    SSL_CTX_free(p->tls);
}

int provider_listen(struct provider *p, const char *host, int port)
{
    p->http = evhttp_new(p->base);
    evhttp_set_bevcb(p->http, on_provider_connection, p);
    evhttp_set_gencb(p->http, on_provider_request, p);
    evhttp_set_max_body_size(p->http, REQUEST_BODY_MAX);
    evhttp_set_max_headers_size(p->http, REQUEST_HEADERS_MAX);
    evhttp_set_timeout(p->http, IDLE_S);
    evhttp_set_allowed_methods(p->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD);
    return port_open(p->http, host, port);
}
