/* SPDX-License-Identifier: MIT */
#include "mock/call.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <openssl/evp.h>

#include "base/clock.h"
#include "base/mem.h"
#include "mock/answer.h"
#include "mock/cancel.h"
#include "mock/provider.h"

/* A call goes through these steps; a delay may stand before PUSH or before FINISH. */
enum step { STEP_PUSH, STEP_FINISH };

struct call {
    struct provider *provider;
    struct evhttp_request *http; /* evhttp keeps it until we reply, even if the client leaves */
    struct request request;
    struct replay_stay stay;
    struct fault_plan plan;
    struct event *timer, *gone;
    enum step next_step;
    uint64_t seq, message_id;
    char request_id[ANSWER_ID_SIZE];
    struct refusal refusal; /* status 0: none */
    int64_t retry_after_ms; /* of a throttled call */
    struct call *newer, *older;
};

static enum record_outcome judge(struct call *c);
static enum record_outcome take_back(struct call *c);

/* An action: its name, the check of its parameters, and what is done when it is accepted. */
static const struct action {
    const char *name;
    bool (*check)(const struct push_rules *rules, const struct request *q, int64_t now_ms,
                  struct refusal *r);
    enum record_outcome (*act)(struct call *c);
} actions[] = {{"Push", push_check, judge}, {"CancelPush", cancel_check, take_back}};

static const struct action *find_action(const struct request *q)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(q->action, actions[i].name) == 0 && strcmp(q->version, "2016-08-01") == 0)
            return &actions[i];
    return NULL;
}

static int64_t provider_now_ms(const struct provider *p)
{
    return clock_wall_ms() + p->clock_skew_ms;
}

/* --- the end of a call --- */

static void call_free(struct call *c)
{
    struct provider *p = c->provider;
    if (c->newer)
        c->newer->older = c->older;
    else
        p->calls = c->older;
    if (c->older)
        c->older->newer = c->newer;
    p->in_flight--;
    if (c->timer)
        event_free(c->timer);
    if (c->gone)
        event_free(c->gone);
    replay_leave(&p->replay, &c->stay);
    request_free(&c->request);
    mem_free(p->spare);
    p->spare = c;
}

static struct call *call_new(struct provider *p)
{
    struct call *c = p->spare ? p->spare : mem_alloc(sizeof(*c));
    p->spare = NULL;
    memset(c, 0, sizeof(*c));
    c->provider = p;
    return c;
}

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

static void note_answer(struct call *c, int status, const char *code)
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
        time_t now = (time_t)(provider_now_ms(c->provider) / 1000);
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
    note_answer(c, status, code);
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
    answer_success(body, json, c->request.action, c->request_id, c->message_id);
    note_answer(c, 200, "");
    send_answer(c, 200, body, json ? "application/json;charset=utf-8" : "text/xml;charset=utf-8");
}

static void on_client_gone(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    close_connection(arg);
}

/* Reading is off while evhttp waits for our reply, so it would never see the client leave. */
static void hang(struct call *c)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(c->http);
    if (!connection) {
        close_connection(c);
        return;
    }
    int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
    c->gone = event_new(c->provider->base, fd, EV_CLOSED, on_client_gone, c);
    event_add(c->gone, NULL);
}

static void finish(struct call *c)
{
    struct buf body;
    buf_init(&body, ANSWER_MAX);
    switch (c->refusal.status ? FAULT_NONE : c->plan.kind) {
    case FAULT_DROP:
    case FAULT_CLOSE:
        close_connection(c);
        break;
    case FAULT_HANG:
        hang(c);
        break;
    case FAULT_ERROR:
    case FAULT_THROTTLE:
        answer_with_error(c, c->plan.status, c->plan.code, "An injected fault.", &body);
        break;
    case FAULT_GARBAGE:
        answer_garbage(&body);
        note_answer(c, c->plan.status, "");
        send_answer(c, c->plan.status, &body, "application/json;charset=utf-8");
        break;
    case FAULT_BAD_GATEWAY:
        answer_bad_gateway(&body);
        note_answer(c, c->plan.status, "");
        send_answer(c, c->plan.status, &body, "text/html");
        break;
    case FAULT_NONE:
    case FAULT_LATENCY:
        answer_normally(c, &body);
    }
    buf_free(&body);
}

/* --- pushing --- */

/* What reaches the receivers: everything but the times and what identifies the call. */
static void digest_content(const struct request *q, unsigned char out[REPLAY_DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    for (size_t i = 0; i < q->fields.count; i++) {
        const struct field *f = &q->fields.items[i];
        if (request_name_is_common(q, f->name) || strcmp(f->name, "PushTime") == 0 ||
            strcmp(f->name, "ExpireTime") == 0 || strcmp(f->name, "IdempotentToken") == 0)
            continue;
        EVP_DigestUpdate(ctx, f->name, strlen(f->name) + 1);
        EVP_DigestUpdate(ctx, f->value, strlen(f->value) + 1);
    }
    EVP_DigestFinal_ex(ctx, digest, NULL);
    EVP_MD_CTX_free(ctx);
    memcpy(out, digest, REPLAY_DIGEST_SIZE);
}

static enum record_outcome judge(struct call *c)
{
    struct provider *p = c->provider;
    unsigned char digest[REPLAY_DIGEST_SIZE];
    if (!c->stay.key[0]) {
        c->message_id = p->next_message_id++;
        return RECORD_PUSHED;
    }
    int64_t now_ms = clock_mono_ms();
    digest_content(&c->request, digest);
    switch (replay_judge(&p->replay, &c->stay, digest, now_ms, &c->message_id)) {
    case REPLAY_REPEAT:
        return RECORD_SUPPRESSED;
    case REPLAY_REFUSED:
        refusal_set(&c->refusal, 400, "IdempotentParameterMismatch",
                    "The token was used with other parameters.");
        return RECORD_REFUSED;
    case REPLAY_PUSH:
    case REPLAY_OVERLAP:
        break;
    }
    c->message_id = p->next_message_id++;
    replay_success(&p->replay, &c->stay, digest, now_ms, c->message_id);
    return RECORD_PUSHED;
}

static enum record_outcome take_back(struct call *c)
{
    struct provider *p = c->provider;
    bool done = cancel_push(&p->record, &c->request, provider_now_ms(p), &c->refusal);
    return done ? RECORD_DONE : RECORD_REFUSED;
}

static void push(struct call *c)
{
    struct record *record = &c->provider->record;
    enum record_outcome outcome = RECORD_FAULTED;
    if (c->plan.accepted)
        outcome = find_action(&c->request)->act(c);
    else if (c->plan.kind == FAULT_THROTTLE)
        outcome = RECORD_THROTTLED;
    record_outcome(record, c->seq, &c->request, outcome);
    struct record_call *note = record_find(record, c->seq);
    if (note) {
        note->message_id = c->message_id;
        note->fault = c->plan.kind == FAULT_NONE ? NULL : fault_kind_name(c->plan.kind);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct call *c = arg;
    (void)fd;
    (void)what;
    if (c->next_step == STEP_PUSH)
        push(c);
    finish(c);
}

static void wait_then(struct call *c, enum step step, int64_t delay_ms)
{
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
    c->next_step = step;
    c->timer = evtimer_new(c->provider->base, on_timer, c);
    evtimer_add(c->timer, &delay);
}

static void run(struct call *c)
{
    bool closes = c->plan.kind == FAULT_DROP || c->plan.kind == FAULT_CLOSE;
    if (c->plan.late && c->plan.delay_ms) {
        wait_then(c, STEP_PUSH, c->plan.delay_ms);
        return;
    }
    push(c);
    /* evhttp must be off the stack before its connection is freed */
    if (closes || c->plan.delay_ms)
        wait_then(c, STEP_FINISH, c->plan.delay_ms);
    else
        finish(c);
}

/* --- the start --- */

static bool within_rate(struct provider *p, struct call *c)
{
    int64_t now_ms = clock_mono_ms();
    if (p->rate_second != now_ms / 1000) {
        p->rate_second = now_ms / 1000;
        p->rate_used = 0;
    }
    if (p->rate_per_s == 0 || ++p->rate_used <= p->rate_per_s)
        return true;
    c->retry_after_ms = 1000 - now_ms % 1000;
    return refusal_set(&c->refusal, 400, "Throttling.User",
                       "Request was denied due to user flow control.");
}

static bool check(struct call *c, struct refusal *r)
{
    struct provider *p = c->provider;
    const struct request *q = &c->request;
    int64_t now_ms = provider_now_ms(p);
    if (!q->action)
        return refusal_named(r, "Missing", "Action", "", "Action is mandatory.");
    if (!q->version)
        return refusal_named(r, "Missing", "Version", "", "Version is mandatory.");
    const struct action *action = find_action(q);
    if (!action)
        return refusal_set(r, 404, "InvalidApi.NotFound",
                           "Specified api is not found, please check your url and method.");
    return auth_check(&p->auth, q, now_ms, r) && within_rate(p, c) &&
           action->check(&p->rules, q, now_ms, r);
}

static void set_token_key(struct call *c)
{
    const char *token = fields_get(&c->request.fields, "IdempotentToken");
    const char *app = fields_get(&c->request.fields, "AppKey");
    if (!token || !*token)
        return;
    snprintf(c->stay.key, sizeof(c->stay.key), "%.24s %.100s",
             c->provider->token_per_account || !app ? "" : app, token);
}

static void link_call(struct call *c)
{
    struct provider *p = c->provider;
    c->older = p->calls;
    if (c->older)
        c->older->newer = c;
    p->calls = c;
    p->in_flight++;
}

void call_start(struct provider *p, struct evhttp_request *http)
{
    struct call *c = call_new(p);
    c->http = http;
    link_call(c);
    answer_new_request_id(c->request_id);
    bool ok = request_read(&c->request, http, p->url_max, &c->refusal);
    set_token_key(c);
    replay_enter(&p->replay, &c->stay);
    c->seq = record_arrival(&p->record, &c->request, clock_wall_ms(), c->stay.overlapped);
    snprintf(record_find(&p->record, c->seq)->request_id, ANSWER_ID_SIZE, "%s", c->request_id);
    if (!ok || !check(c, &c->refusal)) {
        record_outcome(&p->record, c->seq, &c->request,
                       c->retry_after_ms ? RECORD_THROTTLED : RECORD_REFUSED);
        finish(c);
        return;
    }
    faults_pick(&p->faults, &c->request, &c->plan);
    run(c);
}

void call_abandon_all(struct provider *p)
{
    while (p->calls)
        call_free(p->calls);
    mem_free(p->spare);
    p->spare = NULL;
}
