/* SPDX-License-Identifier: MIT */
#include "host/heap.h"

#include <malloc.h>

enum { KEPT_BYTES = 32 * 1024 * 1024, STEP_BYTES = 256 * 1024 };

void heap_setup(void)
{
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    mallopt(M_TOP_PAD, STEP_BYTES);
    mallopt(M_ARENA_MAX, 1);
}

void heap_trim(void)
{
    malloc_trim(STEP_BYTES);
}
