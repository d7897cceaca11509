/* SPDX-License-Identifier: MIT
 * Who hands out temporary keys (handout, imds, sts), asked over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mock/wire/control.h"
#include "mock/wire/provider.h"

static struct event_base *base;
static struct provider p;
static struct evhttp *control;
static int port, control_port;

static int setup(void **state)
{
    (void)state;
    base = event_base_new();
    provider_init(&p, base, 100);
    port = provider_listen(&p, "127.0.0.1", 0);
    control = control_listen(&p, "127.0.0.1", 0, &control_port);
    return port && control ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    provider_free(&p);
    evhttp_free(control);
    event_base_free(base);
    return 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

struct answer {
    int status;
    char body[1024];
    bool done;
};

static void on_answer(struct evhttp_request *http, void *arg)
{
    struct answer *a = arg;
    a->done = true;
    assert_non_null(http);
    a->status = evhttp_request_get_response_code(http);
    int n = evbuffer_remove(evhttp_request_get_input_buffer(http), a->body, sizeof a->body - 1);
    a->body[n > 0 ? n : 0] = '\0';
}

static const char action_header[] = "X-ACS-Action";

static struct answer ask(int to, enum evhttp_cmd_type method, const char *uri, const char *name,
                         const char *value, const char *form)
{
    struct answer a = {0};
    struct evhttp_connection *c =
        evhttp_connection_base_new(base, NULL, "127.0.0.1", (unsigned short)to);
    struct evhttp_request *http = evhttp_request_new(on_answer, &a);
    struct evkeyvalq *headers = evhttp_request_get_output_headers(http);
    evhttp_add_header(headers, "Host", "localhost");
    if (name)
        evhttp_add_header(headers, name, value);
    if (name == action_header)
        evhttp_add_header(headers, "x-acs-version", "2015-04-01");
    if (form) {
        evhttp_add_header(headers, "content-type", "application/x-www-form-urlencoded");
        evbuffer_add(evhttp_request_get_output_buffer(http), form, strlen(form));
    }
    assert_int_equal(evhttp_make_request(c, http, method, uri), 0);
    while (!a.done)
        event_base_loop(base, EVLOOP_ONCE);
    evhttp_connection_free(c);
    return a;
}

#define ROLES "/latest/meta-data/ram/security-credentials/"
static const char token_header[] = "X-aliyun-ecs-metadata-token";
static const char ttl_header[] = "X-aliyun-ecs-metadata-token-ttl-seconds";

static struct answer get(const char *path, const char *token)
{
    return ask(control_port, EVHTTP_REQ_GET, path, token ? token_header : NULL, token, NULL);
}

static struct answer put_token(const char *ttl)
{
    return ask(control_port, EVHTTP_REQ_PUT, "/latest/api/token", ttl ? ttl_header : NULL, ttl,
               NULL);
}

/* --- the metadata service -------------------------------------------------------------------- */

static void hardened_needs_its_token(void **state)
{
    (void)state;
    handout_init(&p.handout);
    assert_int_equal(put_token(NULL).status, 400);
    assert_int_equal(put_token("0").status, 400);
    assert_int_equal(put_token("21601").status, 400);
    assert_int_equal(get("/latest/api/token", NULL).status, 404);
    assert_int_equal(get(ROLES, NULL).status, 403);
    assert_int_equal(get(ROLES, "").status, 403);
    struct answer token = put_token("21600");
    assert_int_equal(token.status, 200);
    assert_int_equal(get(ROLES, "another").status, 403);
    assert_string_equal(get(ROLES, token.body).body, "push-role");
    assert_int_equal(get(ROLES "wrong-role", token.body).status, 404);
    assert_int_equal(get("/latest/else", token.body).status, 404);
    struct answer keys = get(ROLES "push-role", token.body);
    assert_int_equal(keys.status, 200);
    assert_non_null(strstr(keys.body, "\"Code\":\"Success\",\"AccessKeyId\":\"STS."));
    assert_string_equal(get(ROLES "push-role", token.body).body, keys.body); /* still good */
    assert_int_equal(p.handout.imds_keys, 2);
    assert_int_equal(p.auth.issued_count, 1);
    auth_expire_issued(&p.auth);
    assert_string_not_equal(get(ROLES "push-role", token.body).body, keys.body);
}

static void modes(void **state)
{
    (void)state;
    handout_init(&p.handout);
    assert_true(handout_set(&p.handout, "imds", "any"));
    assert_string_equal(get(ROLES, NULL).body, "push-role");
    assert_int_equal(put_token("60").status, 200);
    assert_true(handout_set(&p.handout, "imds", "v1"));
    assert_string_equal(get(ROLES, NULL).body, "push-role");
    assert_int_equal(put_token("60").status, 404);
    assert_true(handout_set(&p.handout, "imds", "off"));
    assert_int_equal(get(ROLES, NULL).status, 503);
    assert_int_equal(put_token("60").status, 503);
    assert_false(handout_set(&p.handout, "imds", "on"));
    assert_false(handout_set(&p.handout, "life_s", "0"));
    assert_false(handout_set(&p.handout, "colour", "red"));
    assert_false(handout_set(&p.handout, "sts", "perhaps"));
}

static void settings_come_all_or_none(void **state)
{
    (void)state;
    handout_init(&p.handout);
    const char *bad = "/_mock/credentials?life_s=7&imds=none";
    assert_int_equal(ask(control_port, EVHTTP_REQ_POST, bad, NULL, NULL, "").status, 400);
    assert_int_equal(p.handout.life_s, 3600);
    const char *good = "/_mock/credentials?life_s=7&role=r&imds=any";
    assert_int_equal(ask(control_port, EVHTTP_REQ_POST, good, NULL, NULL, "").status, 200);
    assert_int_equal(p.handout.life_s, 7);
    assert_string_equal(get(ROLES, NULL).body, "r");
    struct answer report = get("/_mock/credentials", NULL);
    assert_non_null(strstr(report.body, "\"roles\":1,"));
}

/* --- STS ------------------------------------------------------------------------------------- */

#define OIDC                                                                                       \
    "/?Action=AssumeRoleWithOIDC&Version=2015-04-01&Format=JSON&Timestamp=2026-01-01T00:00:00Z"

static struct answer post(const char *uri, const char *form)
{
    return ask(port, EVHTTP_REQ_POST, uri, NULL, NULL, form);
}

static void oidc(void **state)
{
    (void)state;
    static const char form[] = "RoleArn=r&RoleSessionName=s&OIDCProviderArn=p&OIDCToken=t";
    handout_init(&p.handout);
    struct answer a = post(OIDC, form);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"Credentials\":{\"AccessKeyId\":\"STS."));
    assert_int_equal(post(OIDC, "RoleArn=r&RoleSessionName=s&OIDCProviderArn=p").status, 400);
    assert_int_equal(post(OIDC, "RoleSessionName=s&OIDCProviderArn=p&OIDCToken=t").status, 400);
    assert_true(handout_set(&p.handout, "oidc_token", "other"));
    a = post(OIDC, form);
    assert_non_null(strstr(a.body, "AuthenticationFail.OIDCToken.Invalid"));
    assert_true(handout_set(&p.handout, "oidc_token", "t"));
    char longer[256];
    snprintf(longer, sizeof longer, "%s&DurationSeconds=899", form);
    assert_int_equal(post(OIDC, longer).status, 400);
    assert_true(handout_set(&p.handout, "sts", "off"));
    assert_int_equal(post(OIDC, form).status, 503);
    assert_int_equal(p.handout.oidc, 1);
    assert_int_equal(p.record.calls, 0);
}

/* A signed call is the client's own test (tests/e2e). */
static void assuming_a_role_is_signed(void **state)
{
    (void)state;
    handout_init(&p.handout);
    struct answer a = post("/", "Action=AssumeRole&Version=2015-04-01&RoleArn=r&RoleSessionName=s");
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(a.body, "MissingAccessKeyId"));
    assert_int_equal(p.handout.assumed, 0);
    p.auth.verify = false;
    a = post("/", "Action=AssumeRole&Version=2015-04-01&RoleArn=r&RoleSessionName=s");
    assert_int_equal(a.status, 200);
    p.auth.verify = true;
}

/* The action of a V3 call stands in a header alone. */
static void assuming_a_role_by_v3(void **state)
{
    (void)state;
    static const char query[] = "/?RoleArn=r&RoleSessionName=s";
    handout_init(&p.handout);
    struct answer a = ask(port, EVHTTP_REQ_POST, query, action_header, "AssumeRole", NULL);
    assert_non_null(strstr(a.body, "IncompleteSignature"));
    assert_int_equal(p.handout.assumed, 0);
    p.auth.verify = false;
    a = ask(port, EVHTTP_REQ_GET, query, action_header, "AssumeRole", NULL);
    assert_non_null(strstr(a.body, "\"Credentials\":{\"AccessKeyId\":\"STS."));
    a = ask(port, EVHTTP_REQ_POST, "/", action_header, "AssumeRole", query + 2);
    assert_int_equal(a.status, 200);
    assert_int_equal(p.handout.assumed, 2);
    p.auth.verify = true;
}

static void a_push_that_speaks_of_it_is_a_push(void **state)
{
    (void)state;
    handout_init(&p.handout);
    struct answer a = post("/", "Action=Push&Version=2016-08-01&Body=AssumeRole");
    assert_non_null(strstr(a.body, "MissingAccessKeyId"));
    assert_int_equal(p.record.calls, 1);
    assert_int_equal(p.handout.refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hardened_needs_its_token),
        cmocka_unit_test(modes),
        cmocka_unit_test(settings_come_all_or_none),
        cmocka_unit_test(oidc),
        cmocka_unit_test(assuming_a_role_is_signed),
        cmocka_unit_test(assuming_a_role_by_v3),
        cmocka_unit_test(a_push_that_speaks_of_it_is_a_push),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
