/* SPDX-License-Identifier: MIT */
#include "mock/wire/control.h"

#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "mock/wire/call.h"
#include "mock/wire/port.h"
#include "mock/world/inbox_report.h"
#include "mock/world/report.h"
#include "mock/world/world_load.h"

enum { CONTROL_TEXT_MAX = 64 * 1024 };
#define CONTROL_ANSWER_MAX ((size_t)1 << 30)

/* One request to the control port. */
struct ask {
    struct evhttp_request *http;
    enum evhttp_cmd_type method;
    struct fields query;
};

static void free_answer(const void *data, size_t len, void *arg)
{
    (void)data;
    (void)len;
    mem_free(arg);
}

/* Hands the buffer's memory to evhttp: a full record may be large. */
static void answer_ask(struct ask *a, int status, struct buf *out)
{
    size_t len = out->len;
    char *data = buf_take(out);
    evhttp_add_header(evhttp_request_get_output_headers(a->http), "content-type",
                      "application/json");
    evbuffer_add_reference(evhttp_request_get_output_buffer(a->http), data, len, free_answer, data);
    evhttp_send_reply(a->http, status, NULL, NULL);
}

static void reply_error(struct ask *a, int status, const char *text)
{
    struct buf out;
    buf_init(&out, CONTROL_TEXT_MAX);
    buf_puts(&out, "{\"error\":");
    buf_json(&out, text, strlen(text));
    buf_puts(&out, "}\n");
    answer_ask(a, status, &out);
}

static void reply_done(struct ask *a)
{
    struct buf out;
    buf_init(&out, 64);
    buf_puts(&out, "{\"ok\":true}\n");
    answer_ask(a, 200, &out);
}

static bool query_flag(const struct ask *a, const char *name)
{
    const char *value = fields_get(&a->query, name);
    return value && strcmp(value, "0") != 0;
}

static void add_fault(struct provider *p, struct ask *a)
{
    struct err e;
    uint64_t id;
    struct evbuffer *in = evhttp_request_get_input_buffer(a->http);
    size_t len = evbuffer_get_length(in);
    const char *json = len ? (const char *)evbuffer_pullup(in, -1) : "";
    if (len > CONTROL_TEXT_MAX) {
        reply_error(a, 413, "a rule is shorter");
        return;
    }
    if (!faults_add(&p->faults, json, len, &id, &e)) {
        reply_error(a, 400, e.text);
        return;
    }
    struct buf out;
    buf_init(&out, 64);
    buf_puts(&out, "{\"id\":");
    buf_int(&out, (int64_t)id);
    buf_puts(&out, "}\n");
    answer_ask(a, 200, &out);
}

static void remove_faults(struct provider *p, struct ask *a)
{
    int64_t id;
    const char *text = fields_get(&a->query, "id");
    if (!text) {
        id = 0;
        faults_clear(&p->faults);
    } else if (!text_int(text, 1, INT64_MAX, &id) || !faults_remove(&p->faults, (uint64_t)id)) {
        reply_error(a, 404, "no such rule");
        return;
    }
    call_release(p, (uint64_t)id);
    reply_done(a);
}

static void on_faults(struct provider *p, struct ask *a)
{
    struct buf out;
    if (a->method == EVHTTP_REQ_POST) {
        add_fault(p, a);
    } else if (a->method == EVHTTP_REQ_DELETE) {
        remove_faults(p, a);
    } else {
        buf_init(&out, CONTROL_TEXT_MAX);
        faults_report(&p->faults, &out);
        answer_ask(a, 200, &out);
    }
}

static void on_record(struct provider *p, struct ask *a)
{
    int64_t limit = 0;
    const char *text = fields_get(&a->query, "limit");
    if (a->method == EVHTTP_REQ_DELETE) {
        record_clear(&p->record);
        if (query_flag(a, "tokens"))
            replay_forget(&p->replay);
        reply_done(a);
        return;
    }
    if (text && !text_int(text, 1, INT64_MAX, &limit)) {
        reply_error(a, 400, "limit: a positive number is expected");
        return;
    }
    struct report_query query = {.job = fields_get(&a->query, "job"),
                                 .token = fields_get(&a->query, "token"),
                                 .list = query_flag(a, "list"),
                                 .full = query_flag(a, "full"),
                                 .limit = (uint64_t)limit};
    struct buf out;
    buf_init(&out, CONTROL_ANSWER_MAX);
    report_record(&p->record, &query, p->in_flight, p->held, &out);
    answer_ask(a, 200, &out);
}

static void on_duplicates(struct provider *p, struct ask *a)
{
    struct buf out;
    buf_init(&out, CONTROL_ANSWER_MAX);
    report_duplicates(&p->record, &out);
    answer_ask(a, 200, &out);
}

/* All settings or none. */
static void set_handout(struct provider *p, struct ask *a)
{
    struct handout next = p->handout;
    for (size_t i = 0; i < a->query.count; i++)
        if (!handout_set(&next, a->query.items[i].name, a->query.items[i].value)) {
            reply_error(a, 400, "settings: life_s, imds, sts, role, oidc_token");
            return;
        }
    p->handout = next;
    reply_done(a);
}

static void on_credentials(struct provider *p, struct ask *a)
{
    struct buf out;
    if (a->method == EVHTTP_REQ_POST) {
        set_handout(p, a);
    } else if (a->method == EVHTTP_REQ_DELETE) {
        auth_expire_issued(&p->auth);
        reply_done(a);
    } else {
        buf_init(&out, CONTROL_TEXT_MAX);
        handout_report(&p->handout, &p->auth, &out);
        answer_ask(a, 200, &out);
    }
}

/* --- the world --- */

static void report_world(struct provider *p, struct ask *a)
{
    struct buf out;
    const struct world *w = &p->world;
    buf_init(&out, CONTROL_TEXT_MAX);
    buf_printf(&out, "{\"seeded\":%s,\"devices\":%zu,\"accounts\":%zu,\"aliases\":%zu",
               w->seeded ? "true" : "false", w->device_count, w->accounts.count, w->aliases.count);
    buf_printf(&out, ",\"tags\":%zu,\"pairs\":%zu}\n", w->tags.count, w->pair_count);
    answer_ask(a, 200, &out);
}

static void seed_world(struct provider *p, struct ask *a)
{
    struct err e;
    struct evbuffer *in = evhttp_request_get_input_buffer(a->http);
    size_t len = evbuffer_get_length(in);
    if (!world_load(&p->world, len ? (const char *)evbuffer_pullup(in, -1) : "", len, &e)) {
        reply_error(a, 400, e.text);
        return;
    }
    inbox_free(&p->inbox);
    report_world(p, a);
}

static void on_world(struct provider *p, struct ask *a)
{
    if (a->method == EVHTTP_REQ_POST) {
        seed_world(p, a);
        return;
    }
    if (a->method == EVHTTP_REQ_DELETE) {
        world_free(&p->world);
        world_init(&p->world);
        inbox_free(&p->inbox);
    }
    report_world(p, a);
}

static void report_inbox(struct provider *p, struct ask *a)
{
    struct buf out;
    int64_t now_ms = clock_wall_ms() + p->clock_skew_ms;
    const char *id = fields_get(&a->query, "device");
    const struct world_device *d = id ? world_find(&p->world, id) : NULL;
    if (id && !d) {
        reply_error(a, 404, "no such device in the world");
        return;
    }
    buf_init(&out, CONTROL_ANSWER_MAX);
    if (d)
        inbox_report_device(&p->inbox, d, now_ms, &out);
    else
        inbox_report_all(&p->inbox, &p->world, now_ms, query_flag(a, "full"), &out);
    answer_ask(a, 200, &out);
}

static void on_inbox(struct provider *p, struct ask *a)
{
    if (!p->world.seeded) {
        reply_error(a, 404, "there is no world: --world, or POST /_mock/world");
    } else if (a->method == EVHTTP_REQ_DELETE) {
        inbox_clear(&p->inbox, &p->world);
        reply_done(a);
    } else {
        report_inbox(p, a);
    }
}

static void on_health(struct provider *p, struct ask *a)
{
    (void)p;
    reply_done(a);
}

static const struct route {
    const char *path;
    void (*handle)(struct provider *p, struct ask *a);
    int methods;
} routes[] = {
    {"/_mock/faults", on_faults, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE},
    {"/_mock/record", on_record, EVHTTP_REQ_GET | EVHTTP_REQ_DELETE},
    {"/_mock/world", on_world, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE},
    {"/_mock/inbox", on_inbox, EVHTTP_REQ_GET | EVHTTP_REQ_DELETE},
    {"/_mock/duplicates", on_duplicates, EVHTTP_REQ_GET},
    {"/_mock/credentials", on_credentials, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE},
    {"/_mock/health", on_health, EVHTTP_REQ_GET}};

static void dispatch_ask(struct provider *p, struct ask *a, const char *path, size_t path_len)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        if (strlen(routes[i].path) != path_len || memcmp(routes[i].path, path, path_len) != 0)
            continue;
        if (routes[i].methods & (int)a->method)
            routes[i].handle(p, a);
        else
            reply_error(a, 405, "method not allowed here");
        return;
    }
    reply_error(
        a, 404,
        "paths: /_mock/faults, record, duplicates, world, inbox, credentials, health; /latest/…");
}

static void on_control_request(struct evhttp_request *http, void *arg)
{
    struct ask a = {.http = http, .method = evhttp_request_get_command(http)};
    const char *uri = evhttp_request_get_uri(http);
    const char *query = strchr(uri, '?');
    if (imds_answer(arg, http, uri))
        return;
    bool readable = !query || fields_parse(&a.query, query + 1, strlen(query + 1), false);
    fields_sort(&a.query);
    if (readable)
        dispatch_ask(arg, &a, uri, query ? (size_t)(query - uri) : strlen(uri));
    else
        reply_error(&a, 400, "the query is malformed");
    fields_free(&a.query);
}

struct evhttp *control_listen(struct provider *p, const char *host, int port, int *bound_port)
{
    struct evhttp *http = evhttp_new(p->base);
    evhttp_set_gencb(http, on_control_request, p);
    evhttp_set_max_body_size(http, WORLD_TEXT_MAX);
    evhttp_set_max_headers_size(http, CONTROL_TEXT_MAX);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE);
    *bound_port = port_open(http, host, port);
    if (*bound_port)
        return http;
    evhttp_free(http);
    return NULL;
}
