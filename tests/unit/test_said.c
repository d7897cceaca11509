/* SPDX-License-Identifier: MIT
 * What servers say, without what they were sent (said, secrets, redis_said). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aliyun/credentials.h"
#include "base/mem.h"
#include "base/said.h"
#include "base/secrets.h"

static int forget(void **state)
{
    (void)state;
    secrets_forget();
    return 0;
}

static const char *clean(const char *text)
{
    static char out[512];
    return said_copy(out, sizeof out, text);
}

static const char *keep(const char *text)
{
    static char out[512];
    snprintf(out, sizeof out, "%s", text);
    said_keep(out, strlen(out));
    return out;
}

/* Redis 5 to 7, and other servers' ways of quoting their arguments. */
static void arguments_are_cut(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"ERR unknown command `AUTH`, with args beginning with: `u`, `p`, ",
         "ERR unknown command `AUTH` …"},
        {"ERR unknown command 'AUTH', with args beginning with: 'u' 'p' ",
         "ERR unknown command 'AUTH' …"},
        {"ERR Unknown Command 'AUTH', With Args Beginning With: 'u'",
         "ERR Unknown Command 'AUTH' …"},
        {"ERR unknown command 'AUTH u p'", "ERR unknown command 'AUTH …"},
        {"ERR unknown command: AUTH u p", "ERR unknown command: AUTH …"},
        {"ERR unrecognized command \"AUTH\" (u p)", "ERR unrecognized command \"AUTH\" …"},
        {"ERR bad request, arguments: u, p", "ERR bad request …"},
        {"ERR unknown command", "ERR unknown command"},
        {"ERR bad job {\"id\":\"7\",\"message\":\"hi\"}", "ERR bad job …"},
        {"WRONGPASS invalid username-password pair or user is disabled.",
         "WRONGPASS invalid username-password pair or user is disabled."},
        {"NOAUTH Authentication required.", "NOAUTH Authentication required."},
        {"OOM command not allowed when used memory > 'maxmemory'.",
         "OOM command not allowed when used memory > 'maxmemory'."},
        {"ERR user_script:12: Script attempted to access nonexistent global variable 'x'",
         "ERR user_script:12: Script attempted to access nonexistent global variable 'x'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(clean(rows[i][0]), rows[i][1]);
}

/* A gateway that does not like a request says which. */
static void requests_are_cut(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"Bad request: /?Action=Push&Body=hello", "Bad request …"},
        {"The request Action=Push&AccessKeyId=LTAI&Body=hello was refused", "The request …"},
        {"server string to sign is:POST&%2F&AccessKeyId%3DLTAI%26Body%3Dhello", "server …"},
        {"denied: AccessKeyId%3DLTAI%26Body%3Dhello", "denied …"},
        {"denied: Body%253Dhello", "denied …"},
        {"<Request><Body>hello</Body></Request>", " …"},
        {"Authorization: ACS3-HMAC-SHA256 Credential=x", " …"},
        {"DeviceId 0123456789abcdef0123456789abcdef is unknown", "DeviceId 0123*** is unknown"},
        {"Could not resolve proxy: http://u:p%40@proxy:3128/",
         "Could not resolve proxy: http://***@proxy:3128/"},
        {"Specified access key is not found.", "Specified access key is not found."},
        {"The specified parameter \"Target\" is not valid.",
         "The specified parameter \"Target\" is not valid."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(clean(rows[i][0]), rows[i][1]);
}

static void secrets_in_every_form(void **state)
{
    (void)state;
    secrets_add("p@ss/w\"rd+1 2");
    static const char *const forms[] = {
        "p@ss/w\"rd+1 2",
        "p%40ss%2Fw%22rd%2B1%202",
        "p%40ss%2fw%22rd%2b1+2",
        "p%2540ss%252Fw%2522rd%252B1%25202",
        "p@ss/w\\\"rd+1 2",
        "p@ss\\/w\\x22rd+1 2",
        "p\\u0040ss/w\\u0022rd+1 2",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "no '%s' here", forms[i]);
        assert_string_equal(keep(text), "no '***' here");
        snprintf(text, sizeof text, "no x%sx here", forms[i]);
        assert_string_equal(keep(text), "no x***x here");
    }
    assert_string_equal(keep("the beginning p@ss/"), "the beginning ***"); /* cut by a bound */
    assert_string_equal(keep("p@ss and more"), "p@ss and more");
}

/* Blanking a short one everywhere would show it. */
static void short_secrets_as_words(void **state)
{
    (void)state;
    secrets_add("hunter");
    secrets_add("abc");
    secrets_add("x");
    secrets_add("ERR");
    secrets_add_name("the-operator");
    secrets_add_name("default");
    assert_string_equal(keep("say 'hunter', hunters"), "say '***', hunters");
    assert_string_equal(keep("hunter: no"), "***: no");
    assert_string_equal(keep("ERR `abc` abc x"), "ERR `***` abc x");
    assert_string_equal(keep("user the-operator of the-operators default"),
                        "user *** of the-operators default");
}

static void signatures(void **state)
{
    (void)state;
    assert_string_equal(keep("Signature=AbCdEf%2BGhIjKlMnOp%3D&A=b"), "Signature=***&A=b");
    assert_string_equal(keep("Signature%3DAbCdEfGhIjKlMnOp%3D&A=b"), "Signature%3D***&A=b");
    assert_string_equal(keep("{\"Signature\": \"AbCdEf+GhIjKlMnOp/==\"}"),
                        "{\"Signature\": \"***\"}");
    assert_string_equal(keep("SignatureDoesNotMatch: Signature was wrong"),
                        "SignatureDoesNotMatch: Signature was wrong");
    assert_string_equal(keep("SignatureNonce=1234567890123456789"),
                        "SignatureNonce=1234567890123456789");
}

static void of_urls(void **state)
{
    (void)state;
    secrets_add_url("http://us%65r.name:p%40ss-word@proxy:1/");
    secrets_add_url("redis://host:1/0");
    assert_string_equal(keep("p%40ss-word p@ss-word"), "*** ***");
    assert_string_equal(keep("user user.name"), "user ***");
    assert_string_equal(keep("Basic dXNlci5uYW1lOnBAc3Mtd29yZA=="), "Basic ***");
    assert_string_equal(keep("redis://host:1/0"), "redis://host:1/0");
}

/* Keys that STS or the metadata service hand out while the worker runs. */
static void of_grants(void **state)
{
    (void)state;
    struct credentials_owned keys;
    struct err e;
    assert_true(
        credentials_own(&keys, "STS.id", "secret-of-a-session", "token-of/a+session==", &e));
    assert_string_equal(keep("'secret-of-a-session' and token-of%2Fa%2Bsession%3D%3D"),
                        "'***' and ***");
    credentials_free(&keys);
    assert_string_equal(keep("secret-of-a-session"), "***"); /* a late answer may still quote it */
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    char name[32];
    for (int i = 0; i <= SECRETS_MAX; i++) {
        snprintf(name, sizeof name, "secret-number-%d.", i);
        secrets_add(name);
        secrets_add(name);
    }
    assert_string_equal(keep("secret-number-1."), "***");
    assert_string_equal(keep(name), "***");
    secrets_forget();
    assert_string_equal(keep("secret-number-1."), "secret-number-1.");
}

/* Nothing grows, whatever it is: an answer is cleaned where it stands. */
static void never_grows(void **state)
{
    (void)state;
    static const char pieces[][12] = {
        "://a@b",   "{\"", "Signature=", "%3D", "abc", "secretsecret", " ",    "unknown",
        " command", "'",   "\\u0",       "%",   "<a",  "=x",           "\xC3", "0123456789"};
    unsigned seed = 7;
    secrets_add("abc");
    secrets_add("secretsecret");
    for (int round = 0; round < 20000; round++) {
        char *text = mem_alloc(200);
        size_t len = 0;
        for (int i = 0; i < 14; i++) {
            seed = seed * 1103515245 + 12345;
            const char *piece = pieces[seed >> 16 & 15];
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        char *exact = mem_dup(text, len);
        assert_true(said_clean(exact, len) <= len);
        mem_free(exact);
        mem_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_cut),
        cmocka_unit_test(requests_are_cut),
        cmocka_unit_test_teardown(secrets_in_every_form, forget),
        cmocka_unit_test_teardown(short_secrets_as_words, forget),
        cmocka_unit_test(signatures),
        cmocka_unit_test_teardown(of_urls, forget),
        cmocka_unit_test_teardown(of_grants, forget),
        cmocka_unit_test_teardown(the_oldest_makes_room, forget),
        cmocka_unit_test_teardown(never_grows, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
