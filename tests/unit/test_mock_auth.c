/* SPDX-License-Identifier: MIT
 * Signatures as the stand-in checks them (sigcheck, auth, request): the SDK's own vectors pass, and
 * no longer once anything that is signed has changed; which of the two schemes a call uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mock/check/auth.h"
#include "mock/check/sigcheck.h"
#include "support/made_request.h"

static const char *text_of(const json_t *v, const char *name)
{
    return json_string_value(json_object_get(v, name));
}

static json_t *load(const char *path)
{
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    return root;
}

static void add_params(struct made *m, json_t *object, bool in_form)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        made_param(m, name, json_string_value(value), in_form);
    }
}

/* --- V1 -------------------------------------------------------------------------------------- */

static void make_v1(struct made *m, const json_t *v)
{
    made_init(m, text_of(v, "method"), false);
    add_params(m, json_object_get(v, "params"), false);
    made_param(m, "Signature", text_of(v, "signature"), false);
}

static bool passes_v1(struct made *m, const json_t *v)
{
    struct refusal r = {0};
    bool ok = sigcheck_v1(&m->q, text_of(v, "access_key_secret"), &r);
    assert_string_equal(r.code, ok ? "" : "SignatureDoesNotMatch");
    return ok;
}

static void test_v1_vectors(void **state)
{
    (void)state;
    size_t i;
    json_t *v, *root = load("tests/vectors/signature-v1.json");
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        struct made m;
        make_v1(&m, v);
        if (!passes_v1(&m, v))
            fail_msg("%s", text_of(v, "name"));
        m.q.method = strcmp(m.q.method, "GET") == 0 ? "POST" : "GET";
        assert_false(passes_v1(&m, v));
        m.q.method = text_of(v, "method");
        made_param(&m, "Zz", "", false);
        assert_false(passes_v1(&m, v));
        made_change(&m, "Zz", NULL);
        assert_true(passes_v1(&m, v));
        made_change(&m, "Signature", "AAAA");
        assert_false(passes_v1(&m, v));
        made_change(&m, "Signature", NULL);
        assert_false(passes_v1(&m, v));
        made_free(&m);
    }
    assert_true(i >= 40);
    json_decref(root);
}

/* --- V3 -------------------------------------------------------------------------------------- */

static void make_v3(struct made *m, const json_t *v)
{
    const char *name;
    json_t *value;
    made_init(m, text_of(v, "method"), true);
    add_params(m, json_object_get(v, "query"), false);
    add_params(m, json_object_get(v, "form"), true);
    made_body(m, text_of(v, "body"));
    json_object_foreach(json_object_get(v, "headers"), name, value)
    {
        made_header(m, name, json_string_value(value));
    }
    made_header(m, "Authorization", text_of(v, "authorization"));
}

/* "" when it passes, else the code. */
static const char *code_v3(struct made *m, const json_t *v)
{
    static struct refusal r;
    struct sigcheck_v3 given;
    r = (struct refusal){0};
    if (sigcheck_read_v3(&m->q, &given, &r))
        sigcheck_v3(&m->q, &given, text_of(v, "access_key_secret"), &r);
    return r.code;
}

static void test_v3_vectors(void **state)
{
    (void)state;
    size_t i;
    json_t *v, *root = load("tests/vectors/signature-v3.json");
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        struct made m;
        make_v3(&m, v);
        if (*code_v3(&m, v))
            fail_msg("%s: %s", text_of(v, "name"), code_v3(&m, v));
        made_param(&m, "Zz", "", false);
        assert_string_equal(code_v3(&m, v), "SignatureDoesNotMatch");
        made_change(&m, "Zz", NULL);
        made_body(&m, "another body");
        made_header(&m, "content-type", "application/x-www-form-urlencoded");
        assert_string_not_equal(code_v3(&m, v), "");
        made_free(&m);
    }
    assert_true(i >= 30);
    json_decref(root);
}

static void test_v3_headers(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *code;
    } changes[] = {
        {"host", "elsewhere.example", "SignatureDoesNotMatch"},
        {"host", "  HOST ", ""}, /* blanks around a value are not signed */
        {"x-acs-date", "2020-01-01T00:00:00Z", "SignatureDoesNotMatch"},
        {"x-acs-new", "1", "IncompleteSignature"}, /* sent, but not signed */
        {"user-agent", "curl", ""},
        {"x-acs-content-sha256", "00", "SignatureDoesNotMatch"},
        {"authorization", "Bearer x", "IncompleteSignature"},
        {"authorization", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host",
         "IncompleteSignature"},
        {"authorization", "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00",
         "IncompleteSignature"},
        {"authorization",
         "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=x-acs-version;x-acs-signature-nonce;"
         "x-acs-date;x-acs-content-sha256;x-acs-action;host,Signature=00",
         "IncompleteSignature"}, /* all, but not in order */
    };
    json_t *root = load("tests/vectors/signature-v3.json");
    const json_t *v = json_array_get(json_object_get(root, "vectors"), 0);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct made m;
        char padded[128];
        make_v3(&m, v);
        snprintf(padded, sizeof padded, " %s ", text_of(v, "host"));
        const char *value = strcmp(changes[i].value, "  HOST ") == 0 ? padded : changes[i].value;
        made_header(&m, changes[i].name, value);
        if (strcmp(code_v3(&m, v), changes[i].code) != 0)
            fail_msg("%s: %s: %s", changes[i].name, changes[i].value, code_v3(&m, v));
        made_free(&m);
    }
    struct made m;
    make_v3(&m, v);
    evhttp_remove_header(&m.headers, "authorization");
    assert_string_equal(code_v3(&m, v), "IncompleteSignature");
    made_header(&m, "authorization", text_of(v, "authorization"));
    evhttp_remove_header(&m.headers, "x-acs-signature-nonce");
    assert_string_equal(code_v3(&m, v), "IncompleteSignature");
    made_free(&m);
    json_decref(root);
}

/* --- keys, window, nonces -------------------------------------------------------------------- */

/* The vector's own moment, on the provider's clock. */
static int64_t moment_of(const json_t *v)
{
    int64_t ms;
    assert_true(clock_parse_rfc3339(text_of(v, "timestamp"), &ms));
    return ms;
}

static void add_key(struct auth *a, const json_t *v)
{
    char spec[1024];
    const char *token = text_of(v, "security_token");
    snprintf(spec, sizeof spec, "%s:%s%s%s", text_of(v, "access_key_id"),
             text_of(v, "access_key_secret"), token ? ":" : "", token ? token : "");
    assert_true(auth_add_key(a, spec));
}

static const char *code_of(struct auth *a, struct made *m, int64_t now_ms)
{
    static struct refusal r;
    r = (struct refusal){0};
    bool ok = auth_check(a, &m->q, now_ms, &r);
    assert_int_equal(ok, r.status == 0);
    return r.code;
}

static const json_t *vector_named(const json_t *root, const char *name)
{
    const json_t *list = json_object_get(root, "vectors");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(text_of(json_array_get(list, i), "name"), name) == 0)
            return json_array_get(list, i);
    fail_msg("no vector %s", name);
    return NULL;
}

static void check_window(const json_t *v, void (*make)(struct made *, const json_t *))
{
    struct made m;
    struct auth a;
    int64_t at = moment_of(v);
    auth_init(&a);
    make(&m, v);
    assert_string_equal(code_of(&a, &m, at), "InvalidAccessKeyId.NotFound");
    add_key(&a, v);
    assert_string_equal(code_of(&a, &m, at + AUTH_WINDOW_MS + 1), "InvalidTimeStamp.Expired");
    assert_string_equal(code_of(&a, &m, at - AUTH_WINDOW_MS - 1), "InvalidTimeStamp.Expired");
    assert_string_equal(code_of(&a, &m, at + AUTH_WINDOW_MS), "");
    assert_string_equal(code_of(&a, &m, at), "SignatureNonceUsed");
    a.verify = false;
    assert_string_equal(code_of(&a, &m, at), "");
    made_free(&m);
    auth_free(&a);
}

static void test_window_and_nonce(void **state)
{
    (void)state;
    json_t *v1 = load("tests/vectors/signature-v1.json");
    json_t *v3 = load("tests/vectors/signature-v3.json");
    check_window(vector_named(v1, "get-push-ascii"), make_v1);
    check_window(vector_named(v3, "get-push-ascii"), make_v3);
    json_decref(v1);
    json_decref(v3);
}

/* A call whose signature is wrong uses up no nonce. */
static void test_a_wrong_signature_leaves_the_nonce(void **state)
{
    (void)state;
    json_t *root = load("tests/vectors/signature-v1.json");
    const json_t *v = vector_named(root, "get-push-ascii");
    struct made m;
    struct auth a;
    auth_init(&a);
    add_key(&a, v);
    make_v1(&m, v);
    made_change(&m, "Signature", "AAAA");
    assert_string_equal(code_of(&a, &m, moment_of(v)), "SignatureDoesNotMatch");
    made_change(&m, "Signature", text_of(v, "signature"));
    assert_string_equal(code_of(&a, &m, moment_of(v)), "");
    made_free(&m);
    auth_free(&a);
    json_decref(root);
}

static void test_v1_common_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *code;
    } changes[] = {
        {"AccessKeyId", NULL, "MissingAccessKeyId"},
        {"SignatureNonce", NULL, "MissingSignatureNonce"},
        {"Timestamp", NULL, "MissingTimestamp"},
        {"Signature", NULL, "MissingSignature"},
        {"SignatureMethod", "HMAC-SHA256", "IncompleteSignature"},
        {"SignatureVersion", "2.0", "IncompleteSignature"},
        {"Timestamp", "yesterday", "InvalidTimeStamp.Format"},
        {"SecurityToken", "x", "InvalidSecurityToken.MismatchWithAccessKey"},
    };
    json_t *root = load("tests/vectors/signature-v1.json");
    const json_t *v = vector_named(root, "get-push-ascii");
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct made m;
        struct auth a;
        auth_init(&a);
        add_key(&a, v);
        make_v1(&m, v);
        made_change(&m, changes[i].name, changes[i].value);
        assert_string_equal(code_of(&a, &m, moment_of(v)), changes[i].code);
        made_free(&m);
        auth_free(&a);
    }
    json_decref(root);
}

/* --- which scheme ---------------------------------------------------------------------------- */

#define ACS3 "ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=00"

static void test_scheme(void **state)
{
    (void)state;
    static const struct {
        const char *authorization, *header, *version,
            *parameter; /* Authorization, x-acs-action, SignatureVersion, Action */
        bool v3;
        const char *action;
    } calls[] = {
        {ACS3, "Push", NULL, NULL, true, "Push"},
        {ACS3, NULL, NULL, NULL, true, NULL},
        {ACS3, "Push", "1.0", "MassPush", true,
         "Push"},                                    /* the header's word before the parameters' */
        {ACS3, NULL, "1.0", "MassPush", true, NULL}, /* and no action from the other scheme */
        {"ACS3-HMAC-SM3 x", NULL, "1.0", "Push", true, NULL},
        {NULL, NULL, "1.0", "Push", false, "Push"},
        {NULL, "push", "1.0", "Push", false, "Push"}, /* what the vendor's pop-core sends */
        {NULL, "MassPush", "1.0", "Push", false, "Push"},
        {NULL, "Push", "1.0", NULL, false, NULL},
        {NULL, "Push", "2.0", "Push", false, "Push"}, /* a wrong version, but V1's */
        {"Basic eDp5", "Push", "1.0", "Push", false, "Push"},
        {"Bearer x", "Push", NULL, "Push", false, "Push"},
        {"acs3-hmac-sha256 x", NULL, "1.0", "Push", false, "Push"},
        {"Bearer x", "Push", NULL, NULL, true, "Push"},
        {NULL, "Push", NULL, NULL, true, "Push"}, /* unsigned: where the action stands */
        {NULL, "Push", NULL, "MassPush", false, "MassPush"},
        {NULL, NULL, NULL, "Push", false, "Push"},
        {NULL, NULL, NULL, NULL, false, NULL},
    };
    for (size_t i = 0; i < 4 * (sizeof calls / sizeof calls[0]); i++) {
        bool in_form = i % 2, other_case = i / 2 % 2;
        struct made m;
        made_init(&m, "POST", !calls[i / 4].v3);
        if (calls[i / 4].authorization)
            made_header(&m, other_case ? "AUTHORIZATION" : "authorization",
                        calls[i / 4].authorization);
        if (calls[i / 4].header)
            made_header(&m, other_case ? "X-Acs-ACTION" : "x-acs-action", calls[i / 4].header);
        if (calls[i / 4].version)
            made_param(&m, "SignatureVersion", calls[i / 4].version, in_form);
        if (calls[i / 4].parameter)
            made_param(&m, "Action", calls[i / 4].parameter, in_form);
        request_find_scheme(&m.q);
        const char *wanted = calls[i / 4].action ? calls[i / 4].action : "none";
        if (m.q.v3 != calls[i / 4].v3 || strcmp(m.q.action ? m.q.action : "none", wanted) != 0)
            fail_msg("call %zu: %s, %s", i / 4, m.q.v3 ? "V3" : "V1",
                     m.q.action ? m.q.action : "none");
        made_free(&m);
    }
}

/* Names of parameters are case-sensitive, unlike those of headers. */
static void test_scheme_by_exact_parameters(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, "GET", false);
    made_param(&m, "signatureversion", "1.0", false);
    made_param(&m, "action", "MassPush", false);
    made_header(&m, "X-ACS-Action", "Push");
    made_header(&m, "X-ACS-Version", "2016-08-01");
    request_find_scheme(&m.q);
    assert_true(m.q.v3);
    assert_string_equal(m.q.action, "Push");
    assert_string_equal(m.q.version, "2016-08-01");
    made_free(&m);
}

/* pop-core's call: a V1 signature that does not cover the headers beside it. */
static void check_v1_with_headers(const json_t *v, bool in_form)
{
    struct made m;
    struct auth a;
    auth_init(&a);
    add_key(&a, v);
    made_init(&m, text_of(v, "method"), true);
    add_params(&m, json_object_get(v, "params"), in_form);
    made_param(&m, "Signature", text_of(v, "signature"), in_form);
    made_header(&m, "x-acs-action", "someOtherAction");
    made_header(&m, "x-acs-version", "2000-01-01");
    made_header(&m, "x-sdk-client", "Node.js");
    made_header(&m, "accept", "application/xml");
    request_find_scheme(&m.q);
    assert_false(m.q.v3);
    assert_true(m.q.wants_json); /* by the parameter Format */
    assert_ptr_equal(m.q.action, fields_get(&m.q.fields, "Action"));
    assert_ptr_equal(m.q.version, fields_get(&m.q.fields, "Version"));
    assert_string_equal(code_of(&a, &m, moment_of(v)), "");
    made_free(&m);
    auth_free(&a);
}

static void test_v1_with_v3_headers(void **state)
{
    (void)state;
    json_t *root = load("tests/vectors/signature-v1.json");
    check_v1_with_headers(vector_named(root, "get-push-ascii"), false);
    check_v1_with_headers(vector_named(root, "get-push-ascii"), true);
    check_v1_with_headers(vector_named(root, "post-sts"), true);
    json_decref(root);
}

/* A V3 call that also has parameters of V1 is judged as V3; without its Authorization by what is
 * left. */
static void test_v3_with_v1_parameters(void **state)
{
    (void)state;
    json_t *root = load("tests/vectors/signature-v3.json");
    const json_t *v = vector_named(root, "get-push-ascii");
    struct made m;
    struct auth a;
    auth_init(&a);
    add_key(&a, v);
    make_v3(&m, v);
    made_change(&m, "SignatureVersion", "1.0");
    request_find_scheme(&m.q);
    assert_string_equal(code_of(&a, &m, moment_of(v)),
                        "SignatureDoesNotMatch"); /* V3 signs its query */
    made_header(&m, "Authorization", "Basic eDp5");
    request_find_scheme(&m.q);
    assert_string_equal(code_of(&a, &m, moment_of(v)), "MissingAccessKeyId");
    made_change(&m, "SignatureVersion", NULL);
    request_find_scheme(&m.q);
    assert_string_equal(code_of(&a, &m, moment_of(v)), "IncompleteSignature");
    evhttp_remove_header(&m.headers, "Authorization");
    request_find_scheme(&m.q);
    assert_string_equal(code_of(&a, &m, moment_of(v)), "IncompleteSignature");
    made_change(&m, "Action", "Push");
    request_find_scheme(&m.q);
    assert_string_equal(code_of(&a, &m, moment_of(v)), "MissingAccessKeyId");
    made_free(&m);
    auth_free(&a);
    json_decref(root);
}

static void test_temporary_keys(void **state)
{
    (void)state;
    json_t *root = load("tests/vectors/signature-v1.json");
    const json_t *v = vector_named(root, "post-sts");
    struct made m;
    struct auth a;
    auth_init(&a);
    add_key(&a, v);
    make_v1(&m, v);
    made_change(&m, "SecurityToken", NULL);
    assert_string_equal(code_of(&a, &m, moment_of(v)), "MissingSecurityToken");
    made_change(&m, "SecurityToken", "other");
    assert_string_equal(code_of(&a, &m, moment_of(v)), "InvalidSecurityToken.Malformed");
    made_change(&m, "SecurityToken", text_of(v, "security_token"));
    assert_string_equal(code_of(&a, &m, moment_of(v)), "");
    made_free(&m);
    auth_free(&a);
    json_decref(root);
}

static void test_key_specs(void **state)
{
    (void)state;
    struct auth a;
    auth_init(&a);
    assert_false(auth_add_key(&a, "noseparator"));
    assert_false(auth_add_key(&a, ":secret"));
    assert_false(auth_add_key(&a, "id:"));
    for (int i = 0; i < AUTH_KEYS_MAX; i++)
        assert_true(auth_add_key(&a, "id:secret:to:ken"));
    assert_string_equal(a.keys[0].token, "to:ken");
    assert_false(auth_add_key(&a, "id:secret"));
    auth_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v1_vectors),
        cmocka_unit_test(test_v3_vectors),
        cmocka_unit_test(test_v3_headers),
        cmocka_unit_test(test_window_and_nonce),
        cmocka_unit_test(test_a_wrong_signature_leaves_the_nonce),
        cmocka_unit_test(test_v1_common_parameters),
        cmocka_unit_test(test_scheme),
        cmocka_unit_test(test_scheme_by_exact_parameters),
        cmocka_unit_test(test_v1_with_v3_headers),
        cmocka_unit_test(test_v3_with_v1_parameters),
        cmocka_unit_test(test_temporary_keys),
        cmocka_unit_test(test_key_specs),
    };
    return cmocka_run_group_tests_name("mock auth", tests, NULL, NULL);
}
