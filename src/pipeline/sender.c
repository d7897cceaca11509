/* SPDX-License-Identifier: MIT */
#include "pipeline/sender.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/text.h"
#include "keys/http_answer.h"
#include "pipeline/flight.h"
#include "pipeline/shared/call_params.h"
#include "pipeline/shared/shared_settle.h"
#include "pipeline/tally.h"
#include "pipeline/trouble.h"

enum {
    RESPONSE_MAX = 256 * 1024,
    CLOCK_OFFSET_MAX_MS = 24 * 3600 * 1000,
};

struct sender {
    struct http *http;
    struct wire wire;        /* scratch: libcurl has its own copy when http_post returns */
    int64_t hint_named_ms;   /* when a hint that was cut was last logged */
    int64_t clock_offset_ms; /* provider's clock − ours, learnt from a refusal's Date */
};

struct sending {
    struct sender *sender;
    struct call *call;
    sender_done_fn fn;
    int64_t began_us;
};

struct sender *sender_new(struct event_base *base, const struct config *config, struct err *e)
{
    const struct http_opts opts = {
        .base_url = config->endpoint,
        .ca_file = config->ca_file,
        .proxy = config->proxy,
        .verify = !config->insecure,
        .version = config->http_version,
        .max_connections = (long)config->max_connections,
        .timeout_ms = (long)config->timeout_ms,
        .connect_timeout_ms = (long)config->connect_timeout_ms,
        .body_max = RESPONSE_MAX,
    };
    struct http *http = http_new(base, &opts, e);
    if (!http)
        return NULL;
    struct sender *s = mem_zalloc(sizeof *s);
    s->http = http;
    wire_init(&s->wire);
    return s;
}

void sender_free(struct sender *s)
{
    if (!s)
        return;
    http_free(s->http);
    wire_free(&s->wire);
    mem_free(s);
}

size_t sender_in_flight(const struct sender *s)
{
    return http_in_flight(s->http);
}

static void read_call_answer(const struct http_result *r, struct call *c, struct reply *reply)
{
    char ids[RESPONSE_IDS_MAX][32];
    size_t n;
    const struct response_in in = http_answer_in(r);
    if (!call_is_shared(c)) {
        response_read(&in, reply, NULL, NULL);
        return;
    }
    response_read(&in, reply, ids, &n);
    shared_keep_ids(c, ids, n);
}

static void read_call_result(const struct http_result *r, struct call *c, struct reply *reply)
{
    if (r->state == HTTP_ANSWERED)
        read_call_answer(r, c, reply);
    else
        *reply = http_answer_missing(r);
    if (r->resend_stopped)
        metrics_add(METRIC_CALL_RESENDS_STOPPED, 1);
}

static void on_sent_result(void *arg, const struct http_result *result)
{
    struct sending sending = *(struct sending *)arg;
    mem_free(arg);
    struct call *call = sending.call;
    struct reply reply;
    read_call_result(result, call, &reply);
    trouble_cut_hint(call, &reply, &sending.sender->hint_named_ms);
    int64_t offset = reply.clock_offset_ms;
    if (reply.class == REPLY_CLOCK && offset > -CLOCK_OFFSET_MAX_MS && offset < CLOCK_OFFSET_MAX_MS)
        sending.sender->clock_offset_ms = offset;
    tally_reply(call, &reply, sending.began_us);
    sending.fn(call, &reply);
}

static struct endpoint endpoint_by(const struct config *c)
{
    return (struct endpoint){.url = c->endpoint,
                             .host = c->endpoint_host,
                             .signature = c->signature,
                             .max_url_bytes = (size_t)c->max_url_bytes,
                             .payload_max = (size_t)c->payload_max};
}

static void sign_call(struct sender *s, const struct call *call, const struct credentials *keys,
                      struct params *params)
{
    char stamp[CLOCK_UTC_SIZE], nonce[33];
    unsigned char random[16];
    const struct endpoint endpoint = endpoint_by(call_leader(call)->config);
    call_params_name(call, params);
    clock_format_utc(clock_wall_ms() + s->clock_offset_ms, stamp);
    clock_random(random, sizeof random);
    text_hex(random, sizeof random, nonce);
    wire_reset(&s->wire);
    wire_sign(&endpoint, keys, call_action_name(call), params, stamp, nonce, &s->wire);
}

static void post_call(struct sender *s, struct call *call, sender_done_fn fn)
{
    struct http_header headers[sizeof s->wire.headers / sizeof s->wire.headers[0]];
    for (size_t i = 0; i < s->wire.nheaders; i++)
        headers[i] = (struct http_header){s->wire.headers[i].name, s->wire.headers[i].value};
    const struct http_request request = {.target = buf_text(&s->wire.target),
                                         .body = buf_text(&s->wire.body),
                                         .len = s->wire.body.len,
                                         .headers = headers,
                                         .nheaders = s->wire.nheaders,
                                         .checked_boot_ms = call->checked_boot_ms};
    struct sending *sending = mem_alloc(sizeof *sending);
    *sending = (struct sending){s, call, fn, clock_mono_us()};
    metrics_add(METRIC_CALLS_SENT, 1);
    http_post(s->http, &request, on_sent_result, sending);
}

bool sender_send(struct sender *s, struct call *call, const struct credentials *keys,
                 sender_done_fn fn, struct err *e)
{
    struct params params;
    bool ok = call_params(call, &params, e);
    if (ok) {
        sign_call(s, call, keys, &params);
        post_call(s, call, fn);
    }
    params_free(&params);
    return ok;
}
