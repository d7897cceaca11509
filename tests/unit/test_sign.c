/* SPDX-License-Identifier: MIT
 * Both signature schemes against the vectors of the provider's own SDK. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "aliyun/sign.h"

enum { TEXT_MAX = 4 << 20 };

static const char *text_of(const json_t *vector, const char *member)
{
    return json_string_value(json_object_get(vector, member));
}

static json_t *load(const char *path, size_t vectors)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (!root)
        fail_msg("%s: %s", path, error.text);
    assert_int_equal(json_array_size(json_object_get(root, "vectors")), vectors);
    return root;
}

static void set_all(struct params *p, json_t *object)
{
    const char *name;
    json_t *value;
    params_init(p);
    json_object_foreach(object, name, value)
    {
        params_set(p, name, json_string_value(value));
    }
    params_sort(p);
}

static void assert_text(const char *vector, const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s differs\n got  %s\n want %s", vector, what, got, want);
}

/* --- encoding ------------------------------------------------------------------------------- */

static void encodes_strictly(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"AZaz09-_.~", "AZaz09-_.~"},
        {" +*/", "%20%2B%2A%2F"},
        {"!'()", "%21%27%28%29"},
        {"a\nb", "a%0Ab"},
        {"\x01\x7f", "%01%7F"},
        {"\xe6\x9d\xad", "%E6%9D%AD"},
        {"%25", "%2525"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, TEXT_MAX);
        sign_encode(&out, cases[i].text);
        assert_string_equal(buf_text(&out), cases[i].want);
        buf_free(&out);
    }
}

static void encodes_long_text(void **state)
{
    char text[4001], want[12001];
    struct buf out;
    (void)state;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < 4000; i++) {
        text[i] = '*';
        memcpy(want + 3 * i, "%2A", 3);
    }
    text[4000] = want[12000] = '\0';
    sign_encode(&out, text);
    assert_string_equal(buf_text(&out), want);
    buf_free(&out);
}

/* --- V1 ------------------------------------------------------------------------------------- */

/* Vectors marked signature_only carry no intermediate texts. The one marked sdk_deviation holds
 * altered names: the scheme must still give its signature, and deviating_names_differ() shows
 * that we do not alter names. */
static void check_v1(const json_t *v)
{
    const char *name = text_of(v, "name");
    struct params params;
    struct buf query, string, signature;
    buf_init(&query, TEXT_MAX);
    buf_init(&string, TEXT_MAX);
    buf_init(&signature, 256);
    set_all(&params, json_object_get(v, "params"));
    sign_canonical_query(&query, &params);
    sign_v1_string(&string, text_of(v, "method"), buf_text(&query));
    sign_v1(text_of(v, "access_key_secret"), buf_text(&string), &signature);
    if (!json_is_true(json_object_get(v, "signature_only"))) {
        assert_text(name, "canonical_query", buf_text(&query), text_of(v, "canonical_query"));
        assert_text(name, "string_to_sign", buf_text(&string), text_of(v, "string_to_sign"));
    }
    assert_text(name, "signature", buf_text(&signature), text_of(v, "signature"));
    if (text_of(v, "documented_signature"))
        assert_text(name, "documented", buf_text(&signature), text_of(v, "documented_signature"));
    if (text_of(v, "signature_percent_encoded")) {
        buf_reset(&query);
        sign_encode(&query, buf_text(&signature));
        assert_text(name, "encoded", buf_text(&query), text_of(v, "signature_percent_encoded"));
    }
    params_free(&params);
    buf_free(&query);
    buf_free(&string);
    buf_free(&signature);
}

static void reproduces_v1_vectors(void **state)
{
    size_t i;
    json_t *v, *root = load("tests/vectors/signature-v1.json", 43);
    (void)state;
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        check_v1(v);
    }
    json_decref(root);
}

/* The documented name is iOSApnsEnv; the SDK's IOSApnsEnv is no parameter of Push. */
static void deviating_names_differ(void **state)
{
    size_t i, found = 0;
    const char *name;
    json_t *v, *value, *root = load("tests/vectors/signature-v1.json", 43);
    (void)state;
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        if (!json_is_true(json_object_get(v, "sdk_deviation")))
            continue;
        json_object_foreach(json_object_get(v, "params"), name, value)
        {
            if (strncmp(name, "IOS", 3) != 0)
                continue;
            char documented[64] = "i";
            strncat(documented, name + 1, sizeof documented - 2);
            assert_null(params_find(name));
            assert_non_null(params_find(documented));
            found++;
        }
    }
    assert_true(found > 0);
    json_decref(root);
}

/* --- V3 ------------------------------------------------------------------------------------- */

static size_t headers_of(json_t *v, struct sign_header out[16])
{
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(v, "headers"), name, value)
    {
        assert_true(n < 16);
        out[n++] = (struct sign_header){name, json_string_value(value)};
    }
    return n;
}

/* The body is hashed as the SDK sent it: there our own escapes are free to differ. The query is
 * our own, where the SDK deviates only for names this API does not have. */
static void check_v3(json_t *v)
{
    const char *name = text_of(v, "name"), *body = text_of(v, "body");
    char hash[65], signature[65];
    struct sign_header headers[16];
    struct params params;
    struct buf query, canonical, string;
    buf_init(&query, TEXT_MAX);
    buf_init(&canonical, TEXT_MAX);
    buf_init(&string, TEXT_MAX);
    set_all(&params, json_object_get(v, "query"));
    sign_canonical_query(&query, &params);
    sign_sha256_hex(body, strlen(body), hash);
    size_t n = headers_of(v, headers);
    sign_v3_canonical(&canonical, text_of(v, "method"), buf_text(&query), headers, n, hash);
    assert_text(name, "canonical_request", buf_text(&canonical), text_of(v, "canonical_request"));
    sign_sha256_hex(buf_text(&canonical), canonical.len, hash);
    assert_text(name, "hash", hash, text_of(v, "hashed_canonical_request"));
    sign_v3_string(&string, buf_text(&canonical), canonical.len);
    assert_text(name, "string_to_sign", buf_text(&string), text_of(v, "string_to_sign"));
    sign_v3(text_of(v, "access_key_secret"), buf_text(&string), string.len, signature);
    assert_text(name, "signature", signature, text_of(v, "signature"));
    if (text_of(v, "documented_signature"))
        assert_text(name, "documented", signature, text_of(v, "documented_signature"));
    params_free(&params);
    buf_free(&query);
    buf_free(&canonical);
    buf_free(&string);
}

static void reproduces_v3_vectors(void **state)
{
    size_t i;
    json_t *v, *root = load("tests/vectors/signature-v3.json", 34);
    (void)state;
    json_array_foreach(json_object_get(root, "vectors"), i, v)
    {
        check_v3(v);
    }
    json_decref(root);
}

static void trims_header_values(void **state)
{
    const struct sign_header headers[] = {{"host", " \th "}, {"x-acs-a", ""}};
    struct buf out;
    (void)state;
    buf_init(&out, TEXT_MAX);
    sign_v3_canonical(&out, "POST", "", headers, 2, "00");
    assert_string_equal(buf_text(&out), "POST\n/\n\nhost:h\nx-acs-a:\n\nhost;x-acs-a\n00");
    buf_free(&out);
}

static void hashes_are_standard(void **state)
{
    static const unsigned char abc[20] = {0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81,
                                          0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50,
                                          0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d};
    unsigned char sha1[20];
    char hex[65];
    (void)state;
    sign_sha1("abc", 3, sha1);
    assert_memory_equal(sha1, abc, sizeof abc);
    sign_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

/* A key must not survive in the shared context into a call with a shorter or empty one. */
static void keys_do_not_leak(void **state)
{
    char first[65], again[65], other[65];
    (void)state;
    sign_v3("secret", "text", 4, first);
    sign_v3("", "text", 4, other);
    sign_v3("secret", "text", 4, again);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_string_equal(other, "0611b704abab473f956257a09cc2fc2c867211d077bdffc5a91bd8a5047826ff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_strictly),      cmocka_unit_test(encodes_long_text),
        cmocka_unit_test(reproduces_v1_vectors), cmocka_unit_test(deviating_names_differ),
        cmocka_unit_test(reproduces_v3_vectors), cmocka_unit_test(trims_header_values),
        cmocka_unit_test(hashes_are_standard),   cmocka_unit_test(keys_do_not_leak),
    };
    return cmocka_run_group_tests_name("sign", tests, NULL, NULL);
}
