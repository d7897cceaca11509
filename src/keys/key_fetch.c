/* SPDX-License-Identifier: MIT */
#include "keys/key_fetch.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "aliyun/sts.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/said.h"
#include "base/secrets.h"
#include "base/text.h"
#include "base/timer.h"
#include "config/settings/settings.h"
#include "keys/http_answer.h"

enum {
    ANSWER_MAX = 64 * 1024,
    METADATA_CONNECT_MS = 1000,
    METADATA_TIMEOUT_MS = 2000, /* 1 s to connect, 1 s to read */
    STS_CONNECT_MS = 5000,
    STS_TIMEOUT_MS = 15000, /* 5 s and 10 s */
    METADATA_TOKEN_SIZE = 513,
    ROLE_SIZE = 65,
    FORM_MAX = 128 * 1024,
    PATH_SIZE = 160,
    CONNECTIONS = 4,
};
#define METADATA_TTL_S "21600"
#define ROLE_PATH "/latest/meta-data/ram/security-credentials/"

struct key_client {
    struct event_base *base;
    const struct config *config;
    struct http *metadata, *sts; /* NULL: not needed yet */
};

struct key_fetch {
    struct key_client *client;
    const struct credentials_source *source;
    key_fetch_fn fn; /* NULL: cancelled */
    void *arg;
    struct timer *start;
    char token[METADATA_TOKEN_SIZE], role[ROLE_SIZE];
    bool waiting; /* for an answer, which frees it when it was cancelled */
};

struct key_client *key_client_new(struct event_base *base, const struct config *config)
{
    struct key_client *c = mem_zalloc(sizeof *c);
    *c = (struct key_client){.base = base, .config = config};
    return c;
}

void key_client_free(struct key_client *c)
{
    if (!c)
        return;
    http_free(c->metadata);
    http_free(c->sts);
    mem_free(c);
}

void key_client_set_config(struct key_client *c, const struct config *config)
{
    c->config = config;
}

/* --- the end --------------------------------------------------------------------------------- */

static void fetch_free(struct key_fetch *f)
{
    timer_free(f->start);
    mem_wipe(f->token, sizeof f->token);
    mem_free(f);
}

static void end_fetch(struct key_fetch *f, struct credentials_owned *keys, int64_t left_ms,
                      const char *why)
{
    key_fetch_fn fn = f->fn;
    void *arg = f->arg;
    fetch_free(f);
    fn(arg, keys, left_ms, why);
}

static void fail_fetch(struct key_fetch *f, const struct err *e)
{
    end_fetch(f, NULL, 0, e->text);
}

void key_fetch_cancel(struct key_fetch *f)
{
    if (!f)
        return;
    f->fn = NULL;
    if (!f->waiting)
        fetch_free(f);
}

/* What is left by the giver's own clock, where it shows one. */
static int64_t left_of(const struct credentials_owned *keys, const struct http_result *r)
{
    int64_t now_ms;
    if (!r->date || !clock_parse_http_date(r->date, &now_ms))
        now_ms = clock_wall_ms();
    return keys->expires_ms - now_ms;
}

static void deliver_keys(struct key_fetch *f, struct credentials_owned *keys,
                         const struct http_result *r)
{
    int64_t left_ms = left_of(keys, r);
    if (left_ms > 0)
        end_fetch(f, keys, left_ms, "");
    else
        end_fetch(f, NULL, 0, "the keys that were handed out have expired already");
    credentials_free(keys);
}

/* --- requests -------------------------------------------------------------------------------- */

static struct http *open_source(struct key_client *c, bool metadata, struct err *e)
{
    const struct config *config = c->config;
    struct http **http = metadata ? &c->metadata : &c->sts;
    const struct http_opts opts = {
        .base_url = metadata ? config->metadata_endpoint : config->sts_endpoint,
        .ca_file = config->ca_file,
        .proxy = metadata ? NULL : config->proxy,
        .verify = metadata || config->sts_verify,
        .version = HTTP_1_1,
        .max_connections = CONNECTIONS,
        .timeout_ms = metadata ? METADATA_TIMEOUT_MS : STS_TIMEOUT_MS,
        .connect_timeout_ms = metadata ? METADATA_CONNECT_MS : STS_CONNECT_MS,
        .body_max = ANSWER_MAX,
        .secret = true,
    };
    if (!*http)
        *http = http_new(c->base, &opts, e);
    return *http;
}

static void send_question(struct key_fetch *f, bool metadata, const struct http_request *req,
                          http_done_fn fn)
{
    struct err e;
    struct http *http = open_source(f->client, metadata, &e);
    if (!http) {
        fail_fetch(f, &e);
        return;
    }
    f->waiting = true;
    http_post(http, req, fn, f);
}

/* False: nobody waits for it any more. */
static bool is_wanted(struct key_fetch *f)
{
    f->waiting = false;
    if (f->fn)
        return true;
    fetch_free(f);
    return false;
}

static bool is_ok(const struct http_result *r)
{
    return r->state == HTTP_ANSWERED && r->status >= 200 && r->status < 300;
}

static void fail_http(struct key_fetch *f, const char *what, const struct http_result *r)
{
    struct err e;
    char said[201];
    if (r->state == HTTP_ANSWERED)
        err_set(&e, "%s: status %d", what, r->status);
    else
        err_set(&e, "%s: %s", what, said_copy(said, sizeof said, r->error));
    fail_fetch(f, &e);
}

/* --- the metadata service -------------------------------------------------------------------- */

/* A short answer in plain text, for a header or a path. */
static bool read_word(const struct http_result *r, const char *extra, char *out, size_t size)
{
    size_t len = r->len;
    while (len && strchr("\r\n ", r->body[len - 1]))
        len--;
    if (!len || len >= size)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!r->body[i] || (!isalnum((unsigned char)r->body[i]) && !strchr(extra, r->body[i])))
            return false;
    memcpy(out, r->body, len);
    out[len] = '\0';
    return true;
}

static void get_metadata(struct key_fetch *f, const char *path, http_done_fn fn)
{
    const struct http_header token = {"X-aliyun-ecs-metadata-token", f->token};
    const struct http_request req = {
        .method = "GET", .target = path, .headers = &token, .nheaders = *f->token != '\0'};
    send_question(f, true, &req, fn);
}

static void on_role_keys(void *arg, const struct http_result *r)
{
    struct key_fetch *f = arg;
    struct credentials_owned keys;
    struct err e;
    if (!is_wanted(f))
        return;
    if (!is_ok(r))
        fail_http(f, "metadata service, keys of the role", r);
    else if (!credentials_read_ecs(r->body, r->len, &keys, &e))
        fail_fetch(f, &e);
    else
        deliver_keys(f, &keys, r);
}

static void ask_keys(struct key_fetch *f)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, ROLE_PATH "%s", f->role);
    get_metadata(f, path, on_role_keys);
}

static const char role_chars[] = "-_.@";

static void on_role_name(void *arg, const struct http_result *r)
{
    struct key_fetch *f = arg;
    if (!is_wanted(f))
        return;
    if (!is_ok(r))
        fail_http(f, "metadata service, name of the role", r);
    else if (!read_word(r, role_chars, f->role, sizeof f->role))
        fail_fetch(f, &(struct err){"metadata service: the name of the role is malformed"});
    else
        ask_keys(f);
}

static void ask_role(struct key_fetch *f)
{
    const struct http_result said = {.body = f->source->role,
                                     .len = f->source->role ? strlen(f->source->role) : 0};
    if (!f->source->role)
        get_metadata(f, ROLE_PATH, on_role_name);
    else if (!read_word(&said, role_chars, f->role, sizeof f->role))
        fail_fetch(f, &(struct err){"aliyun.ecs_role is no name of a role"});
    else
        ask_keys(f);
}

/* Without a metadata token the service may still answer in its older mode. */
static void on_token(void *arg, const struct http_result *r)
{
    struct key_fetch *f = arg;
    if (!is_wanted(f))
        return;
    bool hardened = is_ok(r) && read_word(r, "-_.=+/~:,;@", f->token, sizeof f->token);
    secrets_add(f->token);
    if (hardened || !f->client->config->imds_v1_disabled)
        ask_role(f);
    else
        fail_http(f, "metadata service, token", r);
}

static void ask_metadata(struct key_fetch *f)
{
    static const struct http_header ttl = {"X-aliyun-ecs-metadata-token-ttl-seconds",
                                           METADATA_TTL_S};
    const struct http_request req = {
        .method = "PUT", .target = "/latest/api/token", .headers = &ttl, .nheaders = 1};
    send_question(f, true, &req, on_token);
}

/* --- STS ------------------------------------------------------------------------------------- */

/* The message may quote what was sent, so only the code is shown. */
static void fail_sts(struct key_fetch *f, const struct http_result *r)
{
    struct reply reply;
    struct err e;
    http_answer_plain(r, &reply);
    if (!reply.code[0]) {
        fail_http(f, "STS", r);
        return;
    }
    err_set(&e, "STS: status %d, code %s, request %s", r->status, reply.code, reply.request_id);
    fail_fetch(f, &e);
}

static void on_sts(void *arg, const struct http_result *r)
{
    struct key_fetch *f = arg;
    struct credentials_owned keys;
    struct err e;
    if (!is_wanted(f))
        return;
    if (!is_ok(r))
        fail_sts(f, r);
    else if (!credentials_read_sts(r->body, r->len, &keys, &e))
        fail_fetch(f, &e);
    else
        deliver_keys(f, &keys, r);
}

static bool write_oidc(const struct key_fetch *f, const char *stamp, struct buf *target,
                       struct buf *form, struct err *e)
{
    struct buf token;
    bool ok = settings_read_value(f->source->token_file, &token, e);
    if (ok) {
        secrets_add(buf_text(&token));
        sts_write_oidc(f->source, buf_text(&token), stamp, target, form);
    }
    buf_wipe(&token);
    buf_free(&token);
    return ok;
}

static bool write_sts(const struct key_fetch *f, struct buf *target, struct buf *form,
                      struct err *e)
{
    char stamp[CLOCK_UTC_SIZE], nonce[33];
    unsigned char random[16];
    clock_format_utc(clock_wall_ms(), stamp);
    if (f->source->kind == CREDENTIALS_OIDC)
        return write_oidc(f, stamp, target, form, e);
    clock_random(random, sizeof random);
    text_hex(random, sizeof random, nonce);
    sts_write_role(f->source, stamp, nonce, target, form);
    return true;
}

static void ask_sts(struct key_fetch *f)
{
    static const struct http_header headers[] = {
        {"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}};
    struct buf target, form;
    struct err e;
    buf_init(&target, FORM_MAX);
    buf_init(&form, FORM_MAX);
    bool ok = write_sts(f, &target, &form, &e);
    if (ok && !buf_ok(&form))
        ok = err_set(&e, "the request to STS is too long");
    const struct http_request req = {.target = buf_text(&target),
                                     .body = buf_text(&form),
                                     .len = form.len,
                                     .headers = headers,
                                     .nheaders = 2};
    if (ok)
        send_question(f, false, &req, on_sts);
    else
        fail_fetch(f, &e);
    buf_wipe(&form);
    buf_free(&form);
    buf_free(&target);
}

/* --- the start ------------------------------------------------------------------------------- */

static void on_fetch_start(void *arg)
{
    struct key_fetch *f = arg;
    if (f->source->kind == CREDENTIALS_ECS)
        ask_metadata(f);
    else
        ask_sts(f);
}

struct key_fetch *key_fetch_start(struct key_client *c, const struct credentials_source *source,
                                  key_fetch_fn fn, void *arg)
{
    struct key_fetch *f = mem_zalloc(sizeof *f);
    *f = (struct key_fetch){.client = c, .source = source, .fn = fn, .arg = arg};
    f->start = timer_new(c->base, on_fetch_start, f);
    timer_now(f->start);
    return f;
}
