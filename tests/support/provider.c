/* SPDX-License-Identifier: MIT */
#include "support/provider.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "support/api_list.h"
#include "support/cmocka.h"

static const char *header_of(struct evhttp_request *http, const char *name)
{
    const char *value = evhttp_find_header(evhttp_request_get_input_headers(http), name);
    return value ? value : "";
}

/* --- answers --------------------------------------------------------------------------------- */

static void close_later(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    evhttp_connection_free(arg);
}

/* 1003 for the call 3, and 1003001, 1003002 … for its tasks. */
static void add_sent(struct evbuffer *out, size_t call, size_t tasks)
{
    evbuffer_add_printf(out, "{\"RequestId\":\"R%zu\",", call);
    if (!tasks) {
        evbuffer_add_printf(out, "\"MessageId\":\"%zu\"}", 1000 + call);
        return;
    }
    for (size_t i = 1; i <= tasks; i++)
        evbuffer_add_printf(out, "%s\"%zu%03zu\"", i > 1 ? "," : "\"MessageIds\":{\"MessageId\":[",
                            1000 + call, i);
    evbuffer_add_printf(out, "]}}");
}

static void answer(struct provider *p, size_t call, const struct provider_step *step)
{
    struct evhttp_request *http = p->calls[call].held;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
    struct evbuffer *out = evhttp_request_get_output_buffer(http);
    const struct timeval now = {0};
    p->calls[call].held = NULL;
    p->held--;
    if (step->does == PROVIDER_CLOSES) { /* evhttp must be off the stack first */
        event_base_once(p->base, -1, EV_TIMEOUT, close_later, evhttp_request_get_connection(http),
                        &now);
        return;
    }
    evhttp_add_header(headers, "content-type", "application/json");
    if (step->header)
        evhttp_add_header(headers, step->header, step->value);
    if (step->body)
        evbuffer_add_printf(out, "%s", step->body);
    else if (step->status)
        evbuffer_add_printf(out, "{\"RequestId\":\"R%zu\",\"Code\":\"%s\",\"Message\":\"told so\"}",
                            call, step->code);
    else
        add_sent(out, call, p->calls[call].tasks);
    evhttp_send_reply(http, step->status ? step->status : 200, NULL, NULL);
}

void provider_release(struct provider *p, size_t call, struct provider_step step)
{
    assert_non_null(p->calls[call].held);
    answer(p, call, &step);
}

void provider_release_all(struct provider *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->calls[i].held)
            answer(p, i, &(struct provider_step){0});
}

/* --- calls ----------------------------------------------------------------------------------- */

static size_t count_tasks(const struct params *p)
{
    for (size_t n = 0;; n++) {
        char name[48];
        snprintf(name, sizeof name, "PushTask.%zu.Target", n + 1);
        if (!params_get(p, name))
            return n;
    }
}

/* The query and the form, one behind the other: V1 has no query, V3 no form but for tasks. */
static void read_params(struct provider_call *c, struct evhttp_request *http)
{
    struct evbuffer *all = evbuffer_new();
    const char *action = header_of(http, "x-acs-action");
    const char *query = strchr(evhttp_request_get_uri(http), '?');
    size_t form = evbuffer_get_length(evhttp_request_get_input_buffer(http));
    evbuffer_add_printf(all, "%s%s", query ? query + 1 : "", query && form ? "&" : "");
    evbuffer_add_buffer(all, evhttp_request_get_input_buffer(http));
    evbuffer_add(all, "", 1);
    const char *text = (const char *)evbuffer_pullup(all, -1);
    assert_int_equal(evhttp_parse_query_str(text, &c->query), 0);
    evbuffer_free(all);
    params_init(&c->params);
    for (const struct evkeyval *kv = c->query.tqh_first; kv; kv = kv->next.tqe_next)
        if (strcmp(kv->key, "Action") == 0)
            action = kv->value;
        else if (!api_list_is_common(kv->key))
            params_append(&c->params, kv->key, kv->value);
    assert_on_list(action, c->params.v, c->params.n);
    snprintf(c->action, sizeof c->action, "%s", action);
    c->tasks = count_tasks(&c->params);
}

static void on_call(struct evhttp_request *http, void *arg)
{
    struct provider *p = arg;
    assert_true(p->n < PROVIDER_CALLS_MAX);
    assert_int_equal(evhttp_request_get_command(http), EVHTTP_REQ_POST);
    struct provider_call *c = &p->calls[p->n++];
    c->held = http;
    if (++p->held > p->held_most)
        p->held_most = p->held;
    read_params(c, http);
    snprintf(c->stamp, sizeof c->stamp, "%s", header_of(http, "x-acs-date"));
    snprintf(c->nonce, sizeof c->nonce, "%s", header_of(http, "x-acs-signature-nonce"));
    c->v3 = text_starts(header_of(http, "authorization"), "ACS3-HMAC-SHA256 ");
    const struct provider_step *step =
        p->script_at < p->script_n ? &p->script[p->script_at++] : &p->otherwise;
    if (step->does != PROVIDER_HOLDS)
        answer(p, p->n - 1, step);
}

void provider_open(struct provider *p, struct event_base *base)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;
    *p = (struct provider){.base = base, .http = evhttp_new(base)};
    struct evhttp_bound_socket *s = evhttp_bind_socket_with_handle(p->http, "127.0.0.1", 0);
    assert_non_null(s);
    assert_int_equal(getsockname(evhttp_bound_socket_get_fd(s), (struct sockaddr *)&a, &len), 0);
    p->port = ntohs(a.sin_port);
    evhttp_set_gencb(p->http, on_call, p);
}

void provider_forget(struct provider *p)
{
    for (size_t i = 0; i < p->n; i++) {
        assert_null(p->calls[i].held);
        params_free(&p->calls[i].params);
        evhttp_clear_headers(&p->calls[i].query);
    }
    p->n = p->held_most = p->script_n = p->script_at = 0;
    p->otherwise = (struct provider_step){0};
}

void provider_close(struct provider *p)
{
    provider_release_all(p);
    provider_forget(p);
    evhttp_free(p->http);
}

void provider_script(struct provider *p, struct provider_step step)
{
    assert_true(p->script_n < PROVIDER_SCRIPT_MAX);
    p->script[p->script_n++] = step;
}

const char *provider_param(const struct provider *p, size_t call, const char *name)
{
    assert_true(call < p->n);
    const char *value = params_get(&p->calls[call].params, name);
    return value ? value : "";
}
