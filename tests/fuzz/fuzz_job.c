/* SPDX-License-Identifier: MIT
 * A job from its bytes to signed calls. Each call that we would send is read by the mock's parser
 * and must pass the mock's own limits and signature check, which were written apart from ours. */
#include "fuzz/fuzz.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <sys/queue.h>

#include "aliyun/request.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
/* The stand-in has a struct of that name, too. */
#define refusal mock_refusal
#include "mock/check/push.h"
#include "mock/check/sigcheck.h"
#undef refusal

#define T0 INT64_C(1780000000000)
#define STAMP "2026-05-28T20:26:40Z"

enum { URL_MAX = 8000, PAYLOAD_MAX = 1800, EXPIRE_MIN_MS = 3000 };

static const struct job_limits limits = {10000, 64000, "push:reply:"};
static const struct push_rules rules = {.accounts_max = 1000};
static const struct credentials keys = {"id", "secret", "token"};
static const struct app app = {.name = "default",
                               .app_key = "23456789",
                               .device_type = "ANDROID",
                               .push_type = "MESSAGE",
                               .ttl_s = 86400};
static struct template_set *templates;

static void add_templates(void)
{
    templates = template_set_new();
    must(template_set_add(templates, "I10001", NULL, NULL, "Changed. (School: {0})", NULL));
    must(template_set_add(templates, "T", NULL, "{params.a}", "{code} {tags} {params.b}", NULL));
    must(template_set_add(templates, "T", "zh-CN", "你好", "{{{school}}}", NULL));
    json_t *values = json_pack("{s:s, s:{s:s}}", "AndroidBigBody", "{params.a}",
                               "AndroidExtParameters", "k", "{school}{{");
    const struct template_entry entry = {.code = "T", .platform = "ANDROID", .push = values};
    must(values && template_set_add_entry(templates, &entry, NULL));
    json_decref(values);
}

/* --- the call as the mock sees it ------------------------------------------------------------ */

static void receive(const struct wire *w, struct request *q, struct evkeyvalq *headers)
{
    const char *query = strchr(buf_text(&w->target), '?');
    *q = (struct request){.method = "POST", .wants_json = true, .headers = headers};
    TAILQ_INIT(headers);
    evhttp_add_header(headers, "host", "cloudpush.aliyuncs.com");
    for (size_t i = 0; i < w->nheaders; i++)
        must(evhttp_add_header(headers, w->headers[i].name, w->headers[i].value) == 0);
    q->v3 = evhttp_find_header(headers, "authorization") != NULL;
    q->body = mem_dup(buf_text(&w->body), w->body.len);
    q->body_len = w->body.len;
    must(!query || fields_parse(&q->fields, query + 1, strlen(query + 1), false));
    must(fields_parse(&q->fields, q->body, q->body_len, true));
    fields_sort(&q->fields);
}

static bool is_signed(const struct request *q, struct mock_refusal *r)
{
    struct sigcheck_v3 v3;
    if (!q->v3)
        return sigcheck_v1(q, keys.secret, r);
    return sigcheck_read_v3(q, &v3, r) && sigcheck_v3(q, &v3, keys.secret, r);
}

static void judge(const struct wire *w)
{
    struct request q;
    struct evkeyvalq headers;
    struct mock_refusal r = {0};
    receive(w, &q, &headers);
    if (!is_signed(&q, &r) || !push_check(&rules, &q, T0, &r)) {
        fprintf(stderr, "refused: %s %s\n", r.code, r.text);
        abort();
    }
    must(fields_get(&q.fields, "IdempotentToken") && fields_get(&q.fields, "JobKey"));
    request_free(&q);
    evhttp_clear_headers(&headers);
}

/* --- the call as we make it ------------------------------------------------------------------ */

static void send_call(const struct job *job, const struct plan *plan, const struct plan_call *call,
                      enum signature_version version, char token[TOKEN_SIZE])
{
    struct params params;
    struct err e = {""};
    struct wire wire;
    char key[TOKEN_SIZE];
    const struct endpoint endpoint = {.url = "https://cloudpush.aliyuncs.com",
                                      .host = "cloudpush.aliyuncs.com",
                                      .signature = version,
                                      .max_url_bytes = URL_MAX,
                                      .payload_max = PAYLOAD_MAX};
    wire_init(&wire);
    token[0] = '\0';
    if (request_params(job, &app, plan, call, PAYLOAD_MAX, &params, &e)) {
        request_token(&params, "uid", 0, call->part, token);
        request_job_key(job->id, token, key);
        params_set(&params, "IdempotentToken", token);
        params_set(&params, "JobKey", key);
        wire_sign(&endpoint, &keys, "Push", &params, STAMP, "nonce", &wire);
        must(buf_ok(&wire.target) && buf_ok(&wire.body) && wire.target.len <= URL_MAX + 2);
        judge(&wire);
    } else {
        must(e.text[0]);
    }
    params_free(&params);
    wire_free(&wire);
}

static void check_plan(const struct job *job, const struct plan *plan)
{
    char v3[TOKEN_SIZE], v1[TOKEN_SIZE];
    must(plan->n > 0 && plan->n <= target_limits_default.max_parts);
    must(plan->expire_time_ms <= plan->deadline_ms);
    must(!plan->push_time_ms || plan->push_time_ms > T0);
    int64_t sent_ms = plan->push_time_ms ? plan->push_time_ms : T0;
    if (plan->expire_time_ms <= sent_ms + EXPIRE_MIN_MS)
        return; /* expired, or too late for the provider to take it */
    for (size_t i = 0; i < plan->n; i++) {
        send_call(job, plan, &plan->calls[i], SIGNATURE_V3, v3);
        send_call(job, plan, &plan->calls[i], SIGNATURE_V1, v1);
        must(strcmp(v1, v3) == 0); /* the token is the job's, not the transport's */
    }
}

static void check_job(const struct job *job)
{
    struct plan plan;
    struct refusal why;
    if (plan_build(job, &app, templates, &target_limits_default, T0, &plan, &why))
        check_plan(job, &plan);
    else
        must(why.err.text[0] &&
             (why.reason == REASON_INVALID_JOB || why.reason == REASON_INVALID_TARGET ||
              why.reason == REASON_UNKNOWN_TEMPLATE));
    plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job;
    struct refusal why;
    if (!templates)
        add_templates();
    if (job_parse(size ? (const char *)data : "", size, &limits, &job, &why))
        check_job(&job);
    else
        must(why.err.text[0] && text_is_utf8(why.err.text, strlen(why.err.text)) &&
             (why.reason == REASON_INVALID_JSON || why.reason == REASON_INVALID_JOB ||
              why.reason == REASON_INVALID_TARGET));
    job_free(&job);
    return 0;
}
