/* SPDX-License-Identifier: MIT
 * A hash for tables that hold what others chose: without the key nobody can tell which texts fall
 * on the same place. SipHash-2-4 (Aumasson, Bernstein 2012). */
#ifndef PB_BASE_HASH_H
#define PB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
    uint64_t k[2]; /* random */
};

uint64_t hash_keyed(const struct hash_key *key, const void *p, size_t len);

#endif
