/* SPDX-License-Identifier: MIT
 * Keys as they are described and handed out (credentials, profile, sts). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "aliyun/sign.h"
#include "aliyun/sts.h"

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])
#define MIN_MS INT64_C(60000)

/* --- profiles -------------------------------------------------------------------------------- */

static const char file[] =
    "# keys\r\n"
    "[default]\r\n"
    "type = access_key   ; a remark\r\n"
    "access_key_id=LTAIdefault\r\n"
    "access_key_secret =  s;c#r=t\r\n"
    "unknown = 1\n"
    "[ ecs ]\n"
    "type=ecs_ram_role\n"
    "role_name = push-role\n"
    "; [default]\n"
    "[ask]\n"
    "type = ecs_ram_role\n"
    "[role]\n"
    "type = ram_role_arn\naccess_key_id = base\naccess_key_secret = basesecret\n"
    "role_arn = acs:ram::1:role/push\n"
    "policy = {\"Version\": \"1\", \"a\": \" # ; \"}\n"
    "[named]\n"
    "type = ram_role_arn\naccess_key_id = base\naccess_key_secret = basesecret\n"
    "role_arn = acs:ram::1:role/push\nrole_session_name = me\n"
    "[rsa]\ntype = rsa_key_pair\n"
    "[untyped]\naccess_key_id = a\n"
    "[half]\ntype = access_key\naccess_key_id = a\naccess_key_secret = ; none\n"
    "[rolehalf]\ntype = ram_role_arn\naccess_key_id = a\naccess_key_secret = b\n"
    "[default]\n"
    "access_key_id = LTAIlater";

static void assert_text(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void profiles_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct credentials_source want;
    } rows[] = {
        {"default", {.kind = CREDENTIALS_STATIC, .id = "LTAIlater", .secret = "s;c#r=t"}},
        {"ecs", {.kind = CREDENTIALS_ECS, .role = "push-role"}},
        {"ask", {.kind = CREDENTIALS_ECS}},
        {"role",
         {.kind = CREDENTIALS_ROLE,
          .id = "base",
          .secret = "basesecret",
          .role_arn = "acs:ram::1:role/push",
          .session = "pushbridge",
          .policy = "{\"Version\": \"1\", \"a\": \" # ; \"}"}},
        {"named",
         {.kind = CREDENTIALS_ROLE,
          .id = "base",
          .secret = "basesecret",
          .role_arn = "acs:ram::1:role/push",
          .session = "me"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct profile p;
        struct err e = {""};
        if (!profile_read(file, sizeof file - 1, rows[i].name, &p, &e))
            fail_msg("%s: %s", rows[i].name, e.text);
        assert_int_equal(p.source.kind, rows[i].want.kind);
        assert_text(p.source.id, rows[i].want.id);
        assert_text(p.source.secret, rows[i].want.secret);
        assert_text(p.source.role, rows[i].want.role);
        assert_text(p.source.role_arn, rows[i].want.role_arn);
        if (rows[i].want.kind == CREDENTIALS_ROLE)
            assert_text(p.source.session, rows[i].want.session);
        assert_text(p.source.policy, rows[i].want.policy);
        profile_free(&p);
    }
}

static void profiles_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *why;
    } rows[] = {
        {file, "nobody", "there is no profile nobody"},
        {file, "rsa", "type rsa_key_pair is not supported"},
        {file, "untyped", "type is missing"},
        {file, "half", "access_key_secret is missing"},
        {file, "rolehalf", "role_arn is missing"},
        {"", "default", "there is no profile"},
        {"[default", "default", "there is no profile"},
        {"type = access_key\n", "default", "there is no profile"},
        {"[default]\ntype\n=\n", "default", "type is missing"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct profile p;
        struct err e = {""};
        assert_false(profile_read(rows[i].text, strlen(rows[i].text), rows[i].name, &p, &e));
        if (!strstr(e.text, rows[i].why))
            fail_msg("%s instead of %s", e.text, rows[i].why);
        assert_null(p.text);
    }
    struct profile p;
    static const char bom[] = "\xEF\xBB\xBF[default]\ntype=ecs_ram_role";
    assert_true(profile_read(bom, sizeof bom - 1, "default", &p, NULL));
    profile_free(&p);
}

/* --- answers --------------------------------------------------------------------------------- */

#define KEYS                                                                                       \
    "\"AccessKeyId\":\"STS.a\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\","                 \
    "\"Expiration\":\"2026-03-05T13:00:00Z\""

static void answers_are_read(void **state)
{
    (void)state;
    static const char ecs[] = "{\"Code\":\"Success\"," KEYS ",\"LastUpdated\":\"x\"}";
    static const char sts[] =
        "{\"RequestId\":\"r\",\"AssumedRoleUser\":{\"Arn\":\"x\"},\"Credentials\":{" KEYS "}}";
    struct credentials_owned g;
    struct err e = {""};
    for (int i = 0; i < 2; i++) {
        bool ok = i ? credentials_read_sts(sts, sizeof sts - 1, &g, &e)
                    : credentials_read_ecs(ecs, sizeof ecs - 1, &g, &e);
        if (!ok)
            fail_msg("%s", e.text);
        assert_string_equal(g.id, "STS.a");
        assert_string_equal(g.secret, "b");
        assert_string_equal(g.token, "c");
        assert_int_equal(g.expires_ms, INT64_C(1772715600000));
        credentials_free(&g);
        assert_null(g.secret);
    }
}

static void answers_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "<html>",
        "[]",
        "null",
        "{}",
        "{\"Code\":\"Failed\"}",
        "{\"Code\":1}",
        "{\"Credentials\":[]}",
        "{\"Credentials\":{}}",
        "{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\"}",
        "{\"Credentials\":{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\"}"
        "}",
        "{\"AccessKeyId\":\"a\\nb\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\","
        "\"Expiration\":\"2026-03-05T13:00:00Z\"}",
        "{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"\",\"SecurityToken\":\"c\","
        "\"Expiration\":\"2026-03-05T13:00:00Z\"}",
        "{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\\r\\nx: y\","
        "\"Expiration\":\"2026-03-05T13:00:00Z\"}",
        "{\"AccessKeyId\":\"a\",\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\","
        "\"Expiration\":\"tomorrow\"}",
        "{\"AccessKeyId\":[\"a\"],\"AccessKeySecret\":\"b\",\"SecurityToken\":\"c\","
        "\"Expiration\":\"2026-03-05T13:00:00Z\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct credentials_owned g;
        struct err e = {""};
        assert_false(credentials_read_ecs(bodies[i], strlen(bodies[i]), &g, &e));
        assert_true(e.text[0] && !g.id && !g.secret && !g.token);
        e.text[0] = '\0';
        assert_false(credentials_read_sts(bodies[i], strlen(bodies[i]), &g, &e));
        assert_true(e.text[0] && !g.id && !g.secret && !g.token);
    }
}

/* --- times ----------------------------------------------------------------------------------- */

static void refresh_comes_in_time(void **state)
{
    (void)state;
    static const struct {
        int64_t left_ms, lead_ms;
        uint64_t random;
        int64_t want_ms;
    } rows[] = {
        {60 * MIN_MS, 15 * MIN_MS, 0, 45 * MIN_MS},   /* STS: an hour */
        {60 * MIN_MS, 15 * MIN_MS, 90000, 2610000},   /* … at most 90 s earlier */
        {360 * MIN_MS, 60 * MIN_MS, 0, 300 * MIN_MS}, /* ECS: six */
        {59 * MIN_MS, 60 * MIN_MS, 0, 5 * MIN_MS},    /* the same keys again */
        {15 * MIN_MS, 15 * MIN_MS, 0, 5 * MIN_MS},    /* the shortest that STS gives */
        {6 * MIN_MS, 15 * MIN_MS, 0, 2 * MIN_MS},     /* a third of the rest */
        {20000, 60 * MIN_MS, 0, 6666},                /* a test's keys */
        {20000, 60 * MIN_MS, 666, 6000},              /* … jittered by a tenth */
        {1000, 15 * MIN_MS, 0, 1000},                 /* not in a loop */
        {1, 15 * MIN_MS, 0, 1000},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(
            credentials_refresh_in_ms(rows[i].left_ms, rows[i].lead_ms, rows[i].random),
            rows[i].want_ms);
    assert_int_equal(credentials_lead_ms(CREDENTIALS_ECS), 60 * MIN_MS);
    assert_int_equal(credentials_lead_ms(CREDENTIALS_OIDC), 15 * MIN_MS);
    for (uint64_t r = 0; r < 5000; r += 7)
        for (int64_t left = 3000; left < 90 * MIN_MS; left = left * 3 / 2) {
            int64_t in = credentials_refresh_in_ms(left, 15 * MIN_MS, r);
            assert_true(in >= 1000 && in < left);
        }
}

static void failures_make_pauses_grow(void **state)
{
    (void)state;
    static const int64_t most[] = {1000, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (unsigned n = 0; n < COUNT(most); n++) {
        assert_int_equal(credentials_retry_in_ms(n, 0), most[n] / 2);
        assert_int_equal(credentials_retry_in_ms(n, (uint64_t)most[n] / 2), most[n]);
    }
    assert_int_equal(credentials_retry_in_ms(UINT32_MAX, 0), 30000);
}

/* --- the rest -------------------------------------------------------------------------------- */

static void sources_are_compared(void **state)
{
    (void)state;
    const struct credentials_source a = {.kind = CREDENTIALS_OIDC, .role_arn = "r", .id = "x"};
    struct credentials_source b = {.kind = CREDENTIALS_OIDC, .role_arn = "r", .id = "y"};
    assert_true(credentials_source_same(&a, &b)); /* its keys are not what OIDC uses */
    b.token_file = "t";
    assert_false(credentials_source_same(&a, &b));
    b = a;
    b.kind = CREDENTIALS_ECS;
    assert_false(credentials_source_same(&a, &b));
    const struct credentials_source c = {.files = {"f"}, .id = "i"};
    struct credentials_source d = {.files = {"f"}, .id = "i"};
    assert_true(credentials_source_same(&c, &d));
    d.files[2] = "t";
    assert_false(credentials_source_same(&c, &d));
}

static void keys_are_masked(void **state)
{
    (void)state;
    char shown[CREDENTIALS_MASKED_SIZE];
    credentials_mask("LTAI5tFAKE", shown);
    assert_string_equal(shown, "LTAI***");
    credentials_mask("STS.NTuVWxyz123", shown);
    assert_string_equal(shown, "STS.NTuV***");
    credentials_mask("short", shown);
    assert_string_equal(shown, "***");
}

static void requests_are_written(void **state)
{
    (void)state;
    const struct credentials_source s = {.kind = CREDENTIALS_OIDC,
                                         .id = "id",
                                         .secret = "secret",
                                         .role_arn = "acs:ram::1:role/push",
                                         .session = "me",
                                         .provider_arn = "acs:ram::1:oidc-provider/p"};
    struct buf target, body, string, signature;
    buf_init(&target, 4096);
    buf_init(&body, 4096);
    buf_init(&string, 4096);
    buf_init(&signature, 4096);
    sts_write_oidc(&s, "ey.J+", "2026-03-05T07:08:09Z", &target, &body);
    assert_string_equal(buf_text(&target), "/?Action=AssumeRoleWithOIDC&Format=JSON&Timestamp="
                                           "2026-03-05T07%3A08%3A09Z&Version=2015-04-01");
    assert_string_equal(buf_text(&body),
                        "DurationSeconds=3600&OIDCProviderArn=acs%3Aram%3A%3A1%3Aoidc-provider%2Fp&"
                        "OIDCToken=ey.J%2B&RoleArn=acs%3Aram%3A%3A1%3Arole%2Fpush&"
                        "RoleSessionName=me");
    buf_reset(&target);
    buf_reset(&body);
    sts_write_role(&s, "2026-03-05T07:08:09Z", "n1", &target, &body);
    assert_string_equal(buf_text(&target), "/");
    static const char canonical[] =
        "AccessKeyId=id&Action=AssumeRole&DurationSeconds=3600&Format=JSON&"
        "RoleArn=acs%3Aram%3A%3A1%3Arole%2Fpush&RoleSessionName=me&SignatureMethod=HMAC-SHA1&"
        "SignatureNonce=n1&SignatureVersion=1.0&Timestamp=2026-03-05T07%3A08%3A09Z&"
        "Version=2015-04-01";
    assert_memory_equal(buf_text(&body), canonical, sizeof canonical - 1);
    sign_v1_string(&string, "POST", canonical);
    sign_v1("secret", buf_text(&string), &signature);
    buf_reset(&string);
    buf_puts(&string, "&Signature=");
    sign_encode(&string, buf_text(&signature));
    assert_string_equal(buf_text(&body) + sizeof canonical - 1, buf_text(&string));
    buf_free(&target);
    buf_free(&body);
    buf_free(&string);
    buf_free(&signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_read),     cmocka_unit_test(profiles_are_refused),
        cmocka_unit_test(answers_are_read),      cmocka_unit_test(answers_are_refused),
        cmocka_unit_test(refresh_comes_in_time), cmocka_unit_test(failures_make_pauses_grow),
        cmocka_unit_test(sources_are_compared),  cmocka_unit_test(keys_are_masked),
        cmocka_unit_test(requests_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
