/* SPDX-License-Identifier: MIT
 * The metadata service of an ECS instance that has a role. */
#include <string.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "base/clock.h"
#include "base/text.h"
#include "mock/wire/provider.h"
#include "mock/world/handout.h"

enum { TTL_MAX_S = 21600 };
static const char token_path[] = "/latest/api/token";
static const char keys_path[] = "/latest/meta-data/ram/security-credentials/";

static void imds_reply(struct evhttp_request *http, int status, const char *text)
{
    evhttp_add_header(evhttp_request_get_output_headers(http), "content-type", "text/plain");
    evbuffer_add_printf(evhttp_request_get_output_buffer(http), "%s", text);
    evhttp_send_reply(http, status, NULL, NULL);
}

static void imds_refuse(struct provider *p, struct evhttp_request *http, int status)
{
    p->handout.refused++;
    imds_reply(http, status, "");
}

static void give_token(struct provider *p, struct evhttp_request *http)
{
    struct handout *h = &p->handout;
    unsigned char random[16];
    int64_t ttl_s;
    const char *ttl = evhttp_find_header(evhttp_request_get_input_headers(http),
                                         "X-aliyun-ecs-metadata-token-ttl-seconds");
    if (evhttp_request_get_command(http) != EVHTTP_REQ_PUT || h->imds == IMDS_V1) {
        imds_refuse(p, http, 404);
        return;
    }
    if (!ttl || !text_int(ttl, 1, TTL_MAX_S, &ttl_s)) {
        imds_refuse(p, http, 400);
        return;
    }
    clock_random(random, sizeof(random));
    text_hex(random, sizeof(random), h->metadata_token);
    h->metadata_tokens++;
    imds_reply(http, 200, h->metadata_token);
}

static bool may_read(const struct handout *h, struct evhttp_request *http)
{
    const char *token =
        evhttp_find_header(evhttp_request_get_input_headers(http), "X-aliyun-ecs-metadata-token");
    if (!token)
        return h->imds != IMDS_HARDENED;
    return h->imds != IMDS_V1 && *h->metadata_token && strcmp(token, h->metadata_token) == 0;
}

/* The service exchanges keys by itself, well before their end. */
static const struct auth_key *keys_now(struct provider *p)
{
    struct handout *h = &p->handout;
    const struct auth_key *k = h->imds_last;
    int64_t half_ms = h->life_s * INT64_C(500);
    if (!k || k->expires_ms - (clock_wall_ms() + p->clock_skew_ms) < half_ms)
        h->imds_last = k = handout_issue(p);
    return k;
}

static void give_keys(struct provider *p, struct evhttp_request *http)
{
    char text[1024];
    struct buf out;
    buf_init(&out, sizeof(text));
    buf_puts(&out, "{\"Code\":\"Success\",");
    handout_write_keys(keys_now(p), &out);
    buf_puts(&out, "}");
    p->handout.imds_keys++;
    imds_reply(http, 200, buf_text(&out));
    buf_free(&out);
}

bool imds_answer(struct provider *p, struct evhttp_request *http, const char *path)
{
    struct handout *h = &p->handout;
    if (!text_starts(path, "/latest/"))
        return false;
    if (h->imds == IMDS_OFF)
        imds_refuse(p, http, 503);
    else if (strcmp(path, token_path) == 0)
        give_token(p, http);
    else if (!may_read(h, http))
        imds_refuse(p, http, 403);
    else if (strcmp(path, keys_path) == 0) {
        h->roles++;
        imds_reply(http, 200, h->role);
    } else if (text_starts(path, keys_path) && strcmp(path + strlen(keys_path), h->role) == 0)
        give_keys(p, http);
    else
        imds_refuse(p, http, 404);
    return true;
}
