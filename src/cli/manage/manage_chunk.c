/* SPDX-License-Identifier: MIT
 * Lists cut to the sizes that the provider allows in one call. */
#include "base/minmax.h"
#include "cli/manage/manage.h"

size_t manage_list_max(const struct manage_args *a, const char *param)
{
    size_t max = param ? actions_param(a->action, param)->list_max : 0;
    return max ? max : 1;
}

static size_t chunks(size_t n, size_t max)
{
    return n ? (n + max - 1) / max : 1;
}

size_t manage_calls(const struct manage_args *a)
{
    return chunks(a->list.n, manage_list_max(a, a->row->list)) *
           chunks(a->many.n, manage_list_max(a, a->row->many));
}

struct manage_chunk manage_chunk(const struct manage_args *a, size_t i)
{
    size_t max = manage_list_max(a, a->row->list), many_max = manage_list_max(a, a->row->many);
    size_t per_many = chunks(a->list.n, max);
    struct manage_chunk c = {.first = i % per_many * max, .many_first = i / per_many * many_max};
    c.n = min_size(max, a->list.n - c.first);
    c.many_n = min_size(many_max, a->many.n - c.many_first);
    return c;
}
