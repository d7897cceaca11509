/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>

#include "base/clock.h"
#include "mock/wire/call_core.h"

static void close_connection(struct call *c)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(c->http);
    struct evhttp_request *http = c->http;
    call_free(c);
    if (connection)
        evhttp_connection_free(connection); /* and the request with it */
    else
        evhttp_request_free(http);
}

static void record_answer(struct call *c, int status, const char *code)
{
    struct record_call *note = record_find(&c->provider->record, c->seq);
    c->provider->record.answered++;
    if (!note)
        return;
    note->answered = true;
    note->answered_ms = clock_wall_ms();
    note->status = status;
    snprintf(note->code, sizeof(note->code), "%s", code);
}

static void add_headers(struct call *c, const char *content_type)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(c->http);
    char text[32], date[64];
    evhttp_add_header(headers, "content-type", content_type);
    evhttp_add_header(headers, "x-acs-request-id", c->request_id);
    if (c->retry_after_ms) {
        snprintf(text, sizeof(text), "%" PRId64, c->retry_after_ms);
        evhttp_add_header(headers, "x-acs-retry-after", text);
    }
    for (int i = 0; i < c->plan.header_count; i++)
        evhttp_add_header(headers, c->plan.headers[i].name, c->plan.headers[i].value);
    if (c->provider->clock_skew_ms) {
        time_t now = (time_t)(call_provider_now_ms(c->provider) / 1000);
        struct tm tm;
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
        evhttp_add_header(headers, "Date", date);
    }
}

static void send_answer(struct call *c, int status, const struct buf *body,
                        const char *content_type)
{
    struct evhttp_request *http = c->http;
    add_headers(c, content_type);
    evbuffer_add(evhttp_request_get_output_buffer(http), buf_text(body), body->len);
    call_free(c);
    evhttp_send_reply(http, status, NULL, NULL);
}

static void answer_with_error(struct call *c, int status, const char *code, const char *text,
                              struct buf *body)
{
    answer_error(body, c->request.wants_json, c->request_id, code, text);
    record_answer(c, status, code);
    send_answer(c, status, body,
                c->request.wants_json ? "application/json;charset=utf-8"
                                      : "text/xml;charset=utf-8");
}

static void answer_normally(struct call *c, struct buf *body)
{
    if (c->refusal.status) {
        answer_with_error(c, c->refusal.status, c->refusal.code, c->refusal.text, body);
        return;
    }
    bool json = c->request.wants_json;
    answer_success(body, json, c->request.action, c->request_id, c->answer);
    record_answer(c, 200, "");
    send_answer(c, 200, body, json ? "application/json;charset=utf-8" : "text/xml;charset=utf-8");
}

static void on_client_gone(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    close_connection(arg);
}

/* Reading is off while evhttp waits for our reply, so it would never see the client leave. A reset
 * connection is reported as readable, not as closed; and a client that has sent its request has
 * nothing more to say than TLS's farewell. */
bool call_watch_client(struct call *c)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(c->http);
    if (!connection) {
        close_connection(c);
        return false;
    }
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    c->gone = event_new(c->provider->base, fd, EV_READ | EV_CLOSED, on_client_gone, c);
    event_add(c->gone, NULL);
    return true;
}

void call_reply(struct call *c)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    switch (c->refusal.status ? FAULT_NONE : c->plan.kind) {
    case FAULT_DROP:
    case FAULT_CLOSE:
        close_connection(c);
        break;
    case FAULT_HANG:
        call_watch_client(c);
        break;
    case FAULT_ERROR:
    case FAULT_THROTTLE:
        answer_with_error(c, c->plan.status, c->plan.code, "An injected fault.", &body);
        break;
    case FAULT_GARBAGE:
        answer_garbage(&body);
        record_answer(c, c->plan.status, "");
        send_answer(c, c->plan.status, &body, "application/json;charset=utf-8");
        break;
    case FAULT_BAD_GATEWAY:
        answer_bad_gateway(&body);
        record_answer(c, c->plan.status, "");
        send_answer(c, c->plan.status, &body, "text/html");
        break;
    case FAULT_NONE:
    case FAULT_LATENCY:
    case FAULT_IDS:
    case FAULT_HOLD:
        answer_normally(c, &body);
    }
    buf_free(&body);
}
