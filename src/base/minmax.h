/* SPDX-License-Identifier: MIT
 * The smaller and the larger of two: of numbers and times (int64_t), of sizes and counts. */
#ifndef PB_BASE_MINMAX_H
#define PB_BASE_MINMAX_H

#include <stddef.h>
#include <stdint.h>

static inline int64_t min_int(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_int(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

#endif
