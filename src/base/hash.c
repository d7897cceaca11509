/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <string.h>

static uint64_t rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void round_of(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static void mix_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    round_of(v);
    round_of(v);
    v[0] ^= word;
}

/* Little-endian on every machine: the published results hold on all. */
static uint64_t word_at(const unsigned char *p, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return word;
}

uint64_t hash_keyed(const struct hash_key *key, const void *p, size_t len)
{
    const unsigned char *bytes = p;
    uint64_t v[4] = {
        key->k[0] ^ UINT64_C(0x736f6d6570736575), key->k[1] ^ UINT64_C(0x646f72616e646f6d),
        key->k[0] ^ UINT64_C(0x6c7967656e657261), key->k[1] ^ UINT64_C(0x7465646279746573)};
    for (size_t rest = len; rest >= 8; rest -= 8, bytes += 8)
        mix_word(v, word_at(bytes, 8));
    mix_word(v, word_at(bytes, len % 8) | (uint64_t)len << 56);
    v[2] ^= 0xFF;
    for (int i = 0; i < 4; i++)
        round_of(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_add(uint64_t h, const void *p, size_t len)
{
    for (const unsigned char *c = p; len; c++, len--)
        h = (h ^ *c) * UINT64_C(0x100000001b3);
    return h;
}

uint64_t hash_text(const char *text)
{
    return hash_add(HASH_START, text, strlen(text));
}
