/* SPDX-License-Identifier: MIT */
#include "cli/manage/caller.h"

#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#include "aliyun/answer_xml.h"
#include "aliyun/quota.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "cli/provider.h"
#include "keys/http_answer.h"

struct caller {
    const struct config *config;
    const struct config_app *app;
    struct event_base *base;
    struct http *http;
    int64_t next_ms; /* monotonic: not before */
    struct credentials_owned keys;
    unsigned issue;      /* of the keys: another number for other ones */
    int64_t keys_end_ms; /* monotonic: fetched anew from then on; 0: never */
};

enum { KEYS_LEAD_MS = 60 * 1000 };

static bool fetch_keys(struct caller *c, struct err *e)
{
    struct credentials_owned keys;
    int64_t left_ms;
    if (!provider_keys(c->base, c->config, c->app, &keys, &left_ms, e))
        return err_prefix(e, "credentials");
    c->issue += !credentials_same(&c->keys, &keys);
    credentials_free(&c->keys);
    c->keys = keys;
    c->keys_end_ms = left_ms ? clock_mono_ms() + left_ms - KEYS_LEAD_MS : 0;
    return true;
}

/* True when there are others than those that were refused: a metadata service may hand out the same
 * ones for a while. */
static bool renew_keys(struct caller *c)
{
    struct err ignored; /* the refusal tells more */
    const unsigned refused = c->issue;
    return c->app->source.kind != CREDENTIALS_STATIC && fetch_keys(c, &ignored) &&
           c->issue != refused;
}

/* --- the decision ---------------------------------------------------------------------------- */

/* May the action have been done although no answer says so? */
static bool maybe_done(const struct reply *reply)
{
    return reply->class == REPLY_UNANSWERED || reply->ambiguous;
}

static int64_t throttle_wait_ms(const struct caller_policy *p, const struct reply *reply,
                                const struct caller_tries *tries, uint64_t random)
{
    if (tries->throttled + 1 >= CALLER_THROTTLES_MAX)
        return -1;
    int64_t wait = verdict_backoff(p->base_ms, CALLER_THROTTLE_CAP_MS, tries->throttled, random);
    if (reply->retry_after_ms > wait)
        wait = reply->retry_after_ms;
    return wait < CALLER_THROTTLE_CAP_MS ? wait : CALLER_THROTTLE_CAP_MS;
}

int64_t caller_wait_ms(const struct caller_policy *p, enum action_repeat repeat,
                       const struct reply *reply, const struct caller_tries *tries, uint64_t random)
{
    bool maybe = maybe_done(reply);
    if (reply->class == REPLY_THROTTLED)
        return throttle_wait_ms(p, reply, tries, random);
    if (reply->class != REPLY_TRANSIENT && reply->class != REPLY_NOT_SENT &&
        reply->class != REPLY_UNANSWERED && reply->class != REPLY_NONCE_USED)
        return -1;
    if (tries->attempts + 1 >= p->max_attempts || (maybe && repeat == REPEAT_NEVER))
        return -1;
    int64_t wait = verdict_backoff(p->base_ms, p->cap_ms, tries->attempts, random);
    if (reply->retry_after_ms > wait)
        wait = min_int(reply->retry_after_ms, p->cap_ms);
    /* A token does not protect against a call that is still under way; a lost connection does not
     * end it. */
    int64_t settled = p->settle_ms + (reply->goes_on ? p->timeout_ms : 0);
    if (maybe && repeat == REPEAT_TOKEN && wait < settled)
        wait = settled;
    return wait;
}

/* --- one attempt ----------------------------------------------------------------------------- */

struct attempt {
    struct caller_result *out;
    bool done;
};

static json_t *parse_answer(const struct http_result *r)
{
    json_t *answer = json_loadb(r->body, r->len, JSON_ALLOW_NUL, NULL);
    if (!answer)
        answer = answer_from_xml(r->body, r->len);
    return answer ? answer : json_object();
}

static void on_attempt_answer(void *arg, const struct http_result *r)
{
    struct attempt *a = arg;
    a->done = true;
    http_answer_plain(r, &a->out->reply);
    if (a->out->reply.class == REPLY_SENT)
        a->out->answer = parse_answer(r);
}

/* Attempts keep the quota's distance from each other. */
static void pace_attempt(struct caller *c, const char *action)
{
    int64_t per_s = quota_per_s(action), now = clock_mono_ms();
    link_pause(c->base, c->next_ms - now);
    now = clock_mono_ms();
    c->next_ms = now + (1000 + per_s - 1) / per_s;
}

static void attempt(struct caller *c, const struct action_row *a, struct params *params,
                    struct caller_result *out)
{
    struct attempt at = {.out = out};
    pace_attempt(c, a->name);
    struct err ignored; /* the old ones may do */
    if (c->keys_end_ms && clock_mono_ms() >= c->keys_end_ms)
        fetch_keys(c, &ignored);
    provider_start(c->http, c->config, c->app, &c->keys, a->name, params, on_attempt_answer, &at);
    link_wait(c->base, &at.done);
}

/* A call with a refused token has done nothing: it is made again, once, with other keys. */
static void attempt_with_keys(struct caller *c, const struct action_row *a, struct params *params,
                              struct caller_result *out)
{
    attempt(c, a, params, out);
    if (out->reply.class != REPLY_TOKEN || !renew_keys(c))
        return;
    *out = (struct caller_result){0};
    attempt(c, a, params, out);
}

/* --- one call -------------------------------------------------------------------------------- */

static enum caller_state caller_state_of(const struct caller_result *r)
{
    switch (r->reply.class) {
    case REPLY_SENT:
        return CALLER_DONE;
    case REPLY_PERMANENT:
    case REPLY_AUTH:
    case REPLY_TOKEN:
    case REPLY_UNKNOWN_4XX:
    case REPLY_CLOCK:
        return CALLER_REFUSED;
    case REPLY_TRANSIENT:
    case REPLY_THROTTLED:
    case REPLY_NONCE_USED:
    case REPLY_NOT_SENT:
    case REPLY_UNANSWERED:
    case REPLY_CERTIFICATE:
        break;
    }
    return CALLER_UNAVAILABLE;
}

void caller_call(struct caller *c, const struct action_row *a, struct params *params,
                 struct caller_result *out)
{
    const struct caller_policy policy = {c->config->max_attempts, c->config->retry_base_ms,
                                         c->config->retry_cap_ms, c->config->settle_ms,
                                         c->config->timeout_ms};
    struct caller_tries tries = {0};
    uint64_t random;
    int64_t wait;
    bool maybe = false;
    do {
        *out = (struct caller_result){0};
        attempt_with_keys(c, a, params, out);
        maybe |= maybe_done(&out->reply);
        clock_random(&random, sizeof random);
        wait = caller_wait_ms(&policy, a->repeat, &out->reply, &tries, random);
        if (out->reply.class == REPLY_THROTTLED)
            tries.throttled++;
        else
            tries = (struct caller_tries){.attempts = tries.attempts + 1};
        if (wait >= 0)
            link_pause(c->base, wait);
    } while (wait >= 0);
    out->state = caller_state_of(out);
    out->maybe = out->state != CALLER_DONE && maybe;
}

void caller_result_free(struct caller_result *r)
{
    json_decref(r->answer);
    *r = (struct caller_result){0};
}

void caller_explain(const struct caller_result *r, struct err *e)
{
    const struct reply *reply = &r->reply;
    if (reply->class == REPLY_CLOCK && reply->clock_offset_ms)
        err_set(e, "%s: this machine's clock is off by %" PRId64 " s", reply->code,
                reply->clock_offset_ms / 1000);
    else if (*reply->code)
        err_set(e, "%s: %s%s%s%s", reply->code, reply->message,
                *reply->request_id ? " (request " : "", reply->request_id,
                *reply->request_id ? ")" : "");
    else if (reply->http_status)
        err_set(e, "HTTP status %d%s%s", reply->http_status, *reply->message ? ": " : "",
                reply->message);
    else
        err_set(e, "%s", *reply->message ? reply->message : reply_class_name(reply->class));
}

/* --- the connection -------------------------------------------------------------------------- */

struct caller *caller_open(const struct config *config, const struct config_app *app, struct err *e)
{
    if (!provider_ready(app, e))
        return NULL;
    struct caller *c = mem_zalloc(sizeof *c);
    c->config = config;
    c->app = app;
    c->base = event_base_new();
    if (!c->base)
        err_set(e, "no event loop");
    else if (fetch_keys(c, e))
        c->http = provider_open(c->base, config, e);
    if (c->http)
        return c;
    caller_close(c);
    return NULL;
}

void caller_close(struct caller *c)
{
    if (c->http)
        http_free(c->http);
    if (c->base)
        event_base_free(c->base);
    credentials_free(&c->keys);
    mem_free(c);
}
