/* SPDX-License-Identifier: MIT
 * The keyed hash against results that its authors published (the key is 00 … 0f, the i-th input
 * 00 … i-1). */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct hash_key key = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};

static void test_published(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    unsigned char input[16];
    for (unsigned i = 0; i < sizeof input; i++)
        input[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(hash_keyed(&key, input, rows[i].len) == rows[i].hash);
}

static void test_key_counts(void **state)
{
    (void)state;
    const struct hash_key other = {{key.k[0], key.k[1] + 1}};
    assert_true(hash_keyed(&key, "a", 1) != hash_keyed(&other, "a", 1));
}

/* Some of what the authors of FNV published of FNV-1a. */
static void test_fnv_published(void **state)
{
    (void)state;
    assert_true(hash_text("") == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_text("a") == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_text("foobar") == UINT64_C(0x85944171f73967e8));
    assert_true(hash_add(hash_text("foo"), "bar", 3) == hash_text("foobar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_key_counts),
        cmocka_unit_test(test_fnv_published),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
