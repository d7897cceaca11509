/* SPDX-License-Identifier: MIT */
#include "queue/scripts.h"

#include <assert.h>

#include "lua.inc" /* table, shapes */

const struct redis_script *script_get(enum script which)
{
    assert(which < SCRIPTS_N);
    struct redis_script *s = &table[which];
    if (!s->sha[0])
        redis_script_init(s);
    return s;
}

const struct script_shape *script_shape(enum script which)
{
    assert(which < SCRIPTS_N);
    return &shapes[which];
}
