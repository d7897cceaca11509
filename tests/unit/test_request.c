/* SPDX-License-Identifier: MIT
 * Calls to parameters, tokens and signed requests (request, wire); whole requests against the SDK's
 * vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "aliyun/request.h"
#include "aliyun/sign.h"
#include "base/text.h"
#include "support/api_list.h"

static const char stamp[] = "2026-03-05T07:08:09Z";
static const struct credentials key = {"LTAI5tFAKE", "fakeSecret", NULL};

/* --- parameters ----------------------------------------------------------------------------- */

struct fixture {
    struct job job;
    struct app app;
    struct plan plan;
    struct plan_call call;
    struct params params;
    struct err e;
};

static void set_up(struct fixture *f, const char *push)
{
    *f = (struct fixture){0};
    f->job.push = push ? json_loads(push, 0, NULL) : NULL;
    f->app = (struct app){.name = "default", .app_key = "333000111", .store_offline = true};
    f->call = (struct plan_call){.kind = TARGET_DEVICE, .target_value = "d1,d2"};
    buf_init(&f->plan.title, 4096);
    buf_init(&f->plan.body, 4096);
    buf_puts(&f->plan.title, "Title");
    buf_puts(&f->plan.body, "Body");
    f->plan.push_type = "MESSAGE";
    f->plan.device_type = "ANDROID";
    f->plan.push_time_ms = INT64_C(1772694489000);
    f->plan.expire_time_ms = INT64_C(1772780889000);
}

/* Every call that comes out is one that the vendor's list allows. */
static bool build(struct fixture *f)
{
    if (!request_params(&f->job, &f->app, &f->plan, &f->call, 1800, &f->params, &f->e))
        return false;
    assert_on_list("Push", f->params.v, f->params.n);
    return true;
}

static void tear_down(struct fixture *f)
{
    params_free(&f->params);
    buf_free(&f->plan.title);
    buf_free(&f->plan.body);
    json_decref(f->job.push);
}

static void assert_query(struct params *p, const char *want)
{
    struct buf query;
    buf_init(&query, 1 << 20);
    params_sort(p);
    sign_canonical_query(&query, p);
    assert_string_equal(buf_text(&query), want);
    buf_free(&query);
}

static void builds_parameters(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, NULL);
    assert_true(build(&f));
    assert_query(&f.params, "AppKey=333000111&Body=Body&DeviceType=ANDROID"
                            "&ExpireTime=2026-03-06T07%3A08%3A09Z&PushTime=2026-03-05T07%3A08%3A09Z"
                            "&PushType=MESSAGE&StoreOffline=true&Target=DEVICE"
                            "&TargetValue=d1%2Cd2&Title=Title");
    tear_down(&f);
}

static void leaves_out_what_is_absent(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "{\"iOSApnsEnv\":\"DEV\"}");
    f.app.store_offline = false;
    f.plan.push_type = "NOTICE";
    f.plan.device_type = "iOS";
    f.plan.push_time_ms = 0;
    buf_reset(&f.plan.title);
    assert_true(build(&f));
    assert_null(params_get(&f.params, "PushTime"));
    assert_null(params_get(&f.params, "StoreOffline"));
    assert_null(params_get(&f.params, "Title"));
    assert_non_null(params_get(&f.params, "ExpireTime"));
    tear_down(&f);
}

static void applies_overrides(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f, "{\"StoreOffline\":false,\"AndroidRemind\":true,"
               "\"AndroidExtParameters\":{\"b\":1,\"a\":[true]},\"Title\":\"other\"}");
    assert_true(build(&f));
    assert_string_equal(params_get(&f.params, "StoreOffline"), "false");
    assert_string_equal(params_get(&f.params, "AndroidRemind"), "true");
    assert_string_equal(params_get(&f.params, "AndroidExtParameters"), "{\"b\":1,\"a\":[true]}");
    assert_string_equal(params_get(&f.params, "Title"), "other");
    tear_down(&f);
}

static void refuses_with_the_name(void **state)
{
    static const char *const cases[][2] = {
        {"{\"Target\":\"ALL\"}", "push: Target: set by pushbridge, a job cannot override it"},
        {"{\"Foo\":1}", "push: Foo: not a parameter of Push"},
        {"{\"iOSBadge\":1}", "iOSBadge: a parameter of iOS, but DeviceType is ANDROID"},
        {"{\"Body\":\"\"}", "Body: must not be empty"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture f;
        set_up(&f, cases[i][0]);
        assert_false(build(&f));
        assert_string_equal(f.e.text, cases[i][1]);
        tear_down(&f);
    }
}

static void bounds_the_whole(void **state)
{
    struct fixture f;
    size_t n = (2 << 20) + 1;
    char *ids = malloc(n + 1);
    (void)state;
    memset(ids, 'd', n);
    ids[n] = '\0';
    set_up(&f, NULL);
    f.call.target_value = ids;
    assert_false(build(&f));
    assert_true(text_starts(f.e.text, "parameters: "));
    tear_down(&f);
    free(ids);
}

/* --- token and JobKey ----------------------------------------------------------------------- */

static void set_content(struct params *p)
{
    params_init(p);
    params_set(p, "AppKey", "333000111");
    params_set(p, "Title", "T");
    params_set(p, "Body", "B");
}

/* A worker of another version must derive the same token: this value must never change. */
static void token_is_stable(void **state)
{
    struct params p;
    char token[TOKEN_SIZE];
    (void)state;
    set_content(&p);
    request_token(&p, "job-1", 0, 0, token);
    assert_string_equal(token, "549e2729-fff6-55c2-b83a-fcdd3a487969");
    params_free(&p);
}

static void token_leaves_out_times_and_order(void **state)
{
    struct params p, q;
    char token[TOKEN_SIZE], other[TOKEN_SIZE];
    (void)state;
    set_content(&p);
    params_init(&q);
    params_set(&q, "PushTime", stamp);
    params_set(&q, "Body", "B");
    params_set(&q, "ExpireTime", stamp);
    params_set(&q, "AppKey", "333000111");
    params_set(&q, "JobKey", "k");
    params_set(&q, "Title", "T");
    request_token(&p, "job-1", 0, 0, token);
    request_token(&q, "job-1", 0, 0, other);
    assert_string_equal(token, other);
    params_free(&p);
    params_free(&q);
}

struct token_case {
    const char *uid;
    int64_t gen;
    unsigned part;
    struct param set;
};

static void token_tells_calls_apart(void **state)
{
    static const struct token_case cases[] = {
        {"job-1", 0, 0, {"Title", "T"}},           {"job-2", 0, 0, {"Title", "T"}},
        {"job-1", 1, 0, {"Title", "T"}},           {"job-1", 0, 1, {"Title", "T"}},
        {"job-1", 0, 0, {"Title", "U"}},           {"job-1", 0, 0, {"AppKey", "333000112"}},
        {"job-1", 0, 0, {"StoreOffline", "true"}}, {"job-1", 0, 0, {"Title", "TBody"}},
        {"job-1", 11, 0, {"Title", "T"}},          {"job-1", 1, 1, {"Title", "T"}},
    };
    enum { N = sizeof cases / sizeof cases[0] };
    char tokens[N][TOKEN_SIZE];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct params p;
        set_content(&p);
        params_set(&p, cases[i].set.name, cases[i].set.value);
        request_token(&p, cases[i].uid, cases[i].gen, cases[i].part, tokens[i]);
        params_free(&p);
        assert_int_equal(strlen(tokens[i]), 36);
        assert_int_equal(tokens[i][14], '5');
        assert_non_null(strchr("89ab", tokens[i][19]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(tokens[i], tokens[k]);
    }
}

static void job_key_fits(void **state)
{
    static const char token[] = "0a1b2c3d-0000-5000-8000-00000000000f";
    static const char hex[] = "0a1b2c3d00005000800000000000000f";
    static const struct {
        const char *id, *want;
    } cases[] = {
        {"order_7-A", "order_7-A"},
        {"12345678901234567890123456789012", "12345678901234567890123456789012"},
        {"123456789012345678901234567890123", hex},
        {"a b", hex},
        {"订单", hex},
        {"", hex},
        {NULL, hex},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char got[TOKEN_SIZE];
        request_job_key(cases[i].id, token, got);
        assert_string_equal(got, cases[i].want);
    }
}

/* --- signed requests ------------------------------------------------------------------------ */

static const char *header_of(const struct wire *w, const char *name)
{
    for (size_t i = 0; i < w->nheaders; i++)
        if (strcmp(w->headers[i].name, name) == 0)
            return w->headers[i].value;
    return NULL;
}

static const char *text_of(const json_t *vector, const char *member)
{
    return json_string_value(json_object_get(vector, member));
}

static struct credentials credentials_of(const json_t *v)
{
    return (struct credentials){text_of(v, "access_key_id"), text_of(v, "access_key_secret"),
                                text_of(v, "security_token")};
}

static void set_members(struct params *p, json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        params_set(p, name, json_string_value(value));
    }
}

/* Of the vectors, those that are a call of ours: POST, nothing but tasks in a form body and nothing
 * of them in the query, no header of the SDK's own. */
static bool tasks_in_query(const json_t *v)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(v, "query"), name, value)
    {
        if (text_starts(name, "PushTask."))
            return true;
    }
    return false;
}

static bool is_our_v3(const json_t *v)
{
    return strcmp(text_of(v, "method"), "POST") == 0 &&
           strcmp(text_of(v, "version"), "2016-08-01") == 0 && !strchr(text_of(v, "body"), '*') &&
           !tasks_in_query(v) &&
           !json_object_get(json_object_get(v, "headers"), "x-acs-credentials-provider");
}

static void check_v3_headers(const json_t *v, const struct wire *w)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(v, "headers"), name, value)
    {
        if (strcmp(name, "host") != 0)
            assert_string_equal(header_of(w, name), json_string_value(value));
    }
    assert_string_equal(header_of(w, "authorization"), text_of(v, "authorization"));
    assert_string_equal(header_of(w, "accept"), "application/json");
    assert_null(header_of(w, "host"));
    if (!w->body.len)
        assert_null(header_of(w, "content-type"));
}

static void check_v3(const json_t *v, struct wire *w)
{
    const struct endpoint ep = {
        .host = text_of(v, "host"), .signature = SIGNATURE_V3, .max_url_bytes = 1 << 20};
    const struct credentials cred = credentials_of(v);
    struct params p;
    params_init(&p);
    set_members(&p, json_object_get(v, "form"));
    set_members(&p, json_object_get(v, "query"));
    wire_reset(w);
    wire_sign(&ep, &cred, text_of(v, "action"), &p, text_of(v, "timestamp"), text_of(v, "nonce"),
              w);
    assert_string_equal(buf_text(&w->body), text_of(v, "body"));
    check_v3_headers(v, w);
    assert_true(text_starts(buf_text(&w->target), "/?"));
    params_free(&p);
}

static void signs_v3_like_the_sdk(void **state)
{
    size_t i, checked = 0;
    struct wire w;
    json_t *v, *root = json_load_file("tests/vectors/signature-v3.json", 0, NULL);
    (void)state;
    wire_init(&w);
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        if (is_our_v3(v)) {
            check_v3(v, &w);
            checked++;
        }
    }
    assert_true(checked >= 20);
    wire_free(&w);
    json_decref(root);
}

static bool is_common(const char *name)
{
    static const char *const names[] = {"AccessKeyId",      "Action",          "Format",
                                        "SecurityToken",    "SignatureMethod", "SignatureNonce",
                                        "SignatureVersion", "Timestamp",       "Version"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* POST with everything in the body, without parameters that we never send (RegionId is one). */
static bool is_our_v1(const json_t *v)
{
    const json_t *params = json_object_get(v, "params");
    const char *method = text_of(v, "method"), *format = text_of(params, "Format");
    const char *api = text_of(params, "Version");
    return strcmp(method, "POST") == 0 && format && strcmp(format, "JSON") == 0 && api &&
           strcmp(api, "2016-08-01") == 0 && !json_object_get(v, "layout");
}

static void check_v1(const json_t *v, struct wire *w)
{
    const struct endpoint ep = {.host = "h", .signature = SIGNATURE_V1};
    const struct credentials cred = credentials_of(v);
    const char *name;
    json_t *value;
    struct params p;
    params_init(&p);
    json_object_foreach(json_object_get(v, "params"), name, value)
    {
        if (!is_common(name))
            params_set(&p, name, json_string_value(value));
    }
    wire_reset(w);
    wire_sign(&ep, &cred, text_of(v, "action"), &p, text_of(v, "timestamp"), text_of(v, "nonce"),
              w);
    if (strcmp(buf_text(&w->body), text_of(v, "body")) != 0)
        fail_msg("%s: body differs", text_of(v, "name"));
    assert_string_equal(buf_text(&w->target), "/");
    assert_string_equal(header_of(w, "content-type"), "application/x-www-form-urlencoded");
    assert_string_equal(header_of(w, "accept"), "application/json");
    assert_int_equal(w->nheaders, 2);
    params_free(&p);
}

static void signs_v1_like_the_sdk(void **state)
{
    size_t i, checked = 0;
    struct wire w;
    json_t *v, *root = json_load_file("tests/vectors/signature-v1.json", 0, NULL);
    (void)state;
    wire_init(&w);
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        if (is_our_v1(v)) {
            check_v1(v, &w);
            checked++;
        }
    }
    assert_true(checked >= 25);
    wire_free(&w);
    json_decref(root);
}

/* One byte decides: at the limit V3, above it V1 with the same parameters, the token included. */
static void long_query_becomes_a_form(void **state)
{
    struct endpoint ep = {.host = "h", .signature = SIGNATURE_V3};
    struct params p;
    struct wire w;
    (void)state;
    set_content(&p);
    params_set(&p, "IdempotentToken", "t-1");
    wire_init(&w);
    ep.max_url_bytes = strlen("AppKey=333000111&Body=B&IdempotentToken=t-1&Title=T");
    wire_sign(&ep, &key, "Push", &p, stamp, "n1", &w);
    assert_string_equal(buf_text(&w.target),
                        "/?AppKey=333000111&Body=B&IdempotentToken=t-1&Title=T");
    assert_non_null(header_of(&w, "authorization"));
    ep.max_url_bytes--;
    wire_reset(&w);
    wire_sign(&ep, &key, "Push", &p, stamp, "n2", &w);
    assert_string_equal(buf_text(&w.target), "/");
    assert_null(header_of(&w, "authorization"));
    assert_non_null(strstr(buf_text(&w.body), "&IdempotentToken=t-1&"));
    assert_int_equal(p.n, 4); /* no common parameters are left behind */
    wire_free(&w);
    params_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builds_parameters),
        cmocka_unit_test(leaves_out_what_is_absent),
        cmocka_unit_test(applies_overrides),
        cmocka_unit_test(refuses_with_the_name),
        cmocka_unit_test(bounds_the_whole),
        cmocka_unit_test(token_is_stable),
        cmocka_unit_test(token_leaves_out_times_and_order),
        cmocka_unit_test(token_tells_calls_apart),
        cmocka_unit_test(job_key_fits),
        cmocka_unit_test(signs_v3_like_the_sdk),
        cmocka_unit_test(signs_v1_like_the_sdk),
        cmocka_unit_test(long_query_becomes_a_form),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
