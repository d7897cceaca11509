/* SPDX-License-Identifier: MIT
 * Hashes. hash_keyed() is for tables that hold what others chose: without the key nobody can tell
 * which texts fall on the same place. SipHash-2-4 (Aumasson, Bernstein 2012). The others are
 * FNV-1a: they tell texts apart that nobody chose to be alike, and give the same number in every
 * process. */
#ifndef PB_BASE_HASH_H
#define PB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k[2]; /* random */
};

uint64_t hash_keyed(const struct hash_key *key, const void *p, size_t len);

#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_add(uint64_t h, const void *p,
                  size_t len); /* h: HASH_START, or of what came before */
uint64_t hash_text(const char *text);

#endif
