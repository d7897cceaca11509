/* SPDX-License-Identifier: MIT */
#include "cli/provider.h"

#include <stdio.h>

#include "aliyun/actions.h"
#include "base/clock.h"
#include "base/text.h"
#include "config/config_keys.h"
#include "keys/http_answer.h"
#include "keys/key_fetch.h"

enum { ANSWER_MAX = 1 << 20 };

struct calling {
    struct reply *reply;
    bool done;
};

static void on_call_answer(void *arg, const struct http_result *r)
{
    struct calling *c = arg;
    c->done = true;
    http_answer_plain(r, c->reply);
}

struct http *provider_open(struct event_base *base, const struct config *c, struct err *e)
{
    const struct http_opts opts = {.base_url = c->endpoint,
                                   .ca_file = c->ca_file,
                                   .proxy = c->proxy,
                                   .verify = !c->insecure,
                                   .version = HTTP_1_1,
                                   .max_connections = 1,
                                   .timeout_ms = (long)c->timeout_ms,
                                   .connect_timeout_ms = (long)c->connect_timeout_ms,
                                   .body_max = ANSWER_MAX};
    return http_new(base, &opts, e);
}

static void sign_wire(const struct config *c, const struct config_app *app,
                      const struct credentials_owned *g, const char *action, struct params *params,
                      struct wire *wire)
{
    const struct credentials keys = {g->id, g->secret, g->token};
    const struct endpoint endpoint = {.url = c->endpoint,
                                      .host = c->endpoint_host,
                                      .signature = c->signature,
                                      .max_url_bytes = (size_t)c->max_url_bytes};
    char stamp[CLOCK_UTC_SIZE], nonce[33];
    unsigned char random[16];
    const struct action_row *row = actions_find(action);
    if (!row || actions_takes_app_key(row))
        params_set(params, "AppKey", app->app.app_key);
    clock_format_utc(clock_wall_ms(), stamp);
    clock_random(random, sizeof random);
    text_hex(random, sizeof random, nonce);
    wire_sign(&endpoint, &keys, action, params, stamp, nonce, wire);
}

static void post_wire(struct http *http, const struct wire *wire, http_done_fn fn, void *arg)
{
    struct http_header headers[sizeof wire->headers / sizeof wire->headers[0]];
    for (size_t i = 0; i < wire->nheaders; i++)
        headers[i] = (struct http_header){wire->headers[i].name, wire->headers[i].value};
    const struct http_request request = {.target = buf_text(&wire->target),
                                         .body = buf_text(&wire->body),
                                         .len = wire->body.len,
                                         .headers = headers,
                                         .nheaders = wire->nheaders};
    http_post(http, &request, fn, arg);
}

/* --- keys ------------------------------------------------------------------------------------ */

struct fetching {
    struct credentials_owned *keys;
    int64_t *left_ms;
    struct err *e;
    bool done, ok;
};

static void on_fetched_keys(void *arg, struct credentials_owned *keys, int64_t left_ms,
                            const char *why)
{
    struct fetching *f = arg;
    f->done = true;
    f->ok = keys != NULL;
    if (!keys) {
        err_set(f->e, "%s", why);
        return;
    }
    *f->left_ms = left_ms;
    *f->keys = *keys;
    *keys = (struct credentials_owned){0};
}

static bool fetch_keys_of(struct event_base *base, const struct config *config,
                          const struct credentials_source *s, struct credentials_owned *keys,
                          int64_t *left_ms, struct err *e)
{
    struct fetching f = {.keys = keys, .left_ms = left_ms, .e = e};
    if (s->kind == CREDENTIALS_STATIC)
        return credentials_own(keys, s->id, s->secret, s->token, e);
    struct key_client *client = key_client_new(base, config);
    key_fetch_start(client, s, on_fetched_keys, &f);
    link_wait(base, &f.done);
    key_client_free(client);
    return f.ok;
}

bool provider_keys(struct event_base *base, const struct config *config,
                   const struct config_app *app, struct credentials_owned *keys, int64_t *left_ms,
                   struct err *e)
{
    const struct credentials_source *s = &app->source;
    struct profile profile = {0};
    *keys = (struct credentials_owned){0};
    *left_ms = 0;
    bool ok = s->kind != CREDENTIALS_PROFILE || config_keys_profile(s, &profile, e);
    if (ok)
        ok = fetch_keys_of(base, config, profile.text ? &profile.source : s, keys, left_ms, e);
    profile_free(&profile);
    return ok;
}

/* --- the call -------------------------------------------------------------------------------- */

static bool is_given(const char *text)
{
    return text && *text;
}

bool provider_ready(const struct config_app *app, struct err *e)
{
    const struct credentials_source *s = &app->source;
    bool keys = s->kind != CREDENTIALS_STATIC || (is_given(s->id) && is_given(s->secret));
    return (is_given(app->app.app_key) && keys) ||
           err_set(e, "app %.64s: AppKey or AccessKey is not configured", app->app.name);
}

bool provider_call(struct link *l, const struct config *config, const struct config_app *app,
                   const char *action, struct params *params, struct reply *reply, struct err *e)
{
    struct calling calling = {.reply = reply};
    struct credentials_owned keys;
    int64_t left_ms;
    if (!provider_ready(app, e))
        return false;
    if (!provider_keys(link_base(l), config, app, &keys, &left_ms, e))
        return err_prefix(e, "credentials");
    struct http *http = provider_open(link_base(l), config, e);
    if (http) {
        provider_start(http, config, app, &keys, action, params, on_call_answer, &calling);
        link_run(l, &calling.done);
        http_free(http);
    }
    credentials_free(&keys);
    return http != NULL;
}

/* --- many calls on one connection ------------------------------------------------------------ */

void provider_start(struct http *http, const struct config *config, const struct config_app *app,
                    const struct credentials_owned *keys, const char *action, struct params *params,
                    http_done_fn fn, void *arg)
{
    struct wire wire;
    wire_init(&wire);
    sign_wire(config, app, keys, action, params, &wire);
    post_wire(http, &wire, fn, arg);
    wire_free(&wire);
}

/* --- touching -------------------------------------------------------------------------------- */

struct touching {
    struct touch *out;
    struct err *e;
    bool done, answered;
};

static void on_touched(void *arg, const struct http_result *r)
{
    struct touching *t = arg;
    t->done = true;
    t->answered = r->state == HTTP_ANSWERED;
    t->out->state = r->state;
    t->out->status = r->status;
    t->out->answered_wall_ms = clock_wall_ms();
    t->out->dated = r->date && clock_parse_http_date(r->date, &t->out->date_ms);
    if (!t->answered)
        err_set(t->e, "%s", *r->error ? r->error : http_state_name(r->state));
}

bool provider_touch(struct event_base *base, const struct config *config, struct touch *out,
                    struct err *e)
{
    const struct http_request request = {.target = "/", .body = ""};
    struct touching t = {.out = out, .e = e};
    *out = (struct touch){.state = HTTP_NOT_SENT};
    struct http *http = provider_open(base, config, e);
    if (!http)
        return false;
    out->sent_wall_ms = clock_wall_ms();
    http_post(http, &request, on_touched, &t);
    link_wait(base, &t.done);
    http_free(http);
    return t.answered;
}
