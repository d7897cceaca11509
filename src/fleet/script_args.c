/* SPDX-License-Identifier: MIT */
#include "fleet/script_args.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void script_args_add(struct script_args *a, const char *text)
{
    assert(a->n < ARGS_MAX);
    a->v[a->n++] = text;
}

void script_args_add_int(struct script_args *a, int64_t n)
{
    snprintf(a->numbers[a->n], NUMBER_SIZE, "%" PRId64, n);
    script_args_add(a, a->numbers[a->n]);
}

void script_args_add_real(struct script_args *a, double x)
{
    snprintf(a->numbers[a->n], NUMBER_SIZE, "%.9g", x);
    script_args_add(a, a->numbers[a->n]);
}
