/* SPDX-License-Identifier: MIT */
#include "queue/scripts.h"

#include <assert.h>

#include "lua.inc"

static struct redis_script table[SCRIPTS_N] = {
    [SCRIPT_CONFIG] = {.name = "config", .source = lua_config},
    [SCRIPT_OPEN] = {.name = "open", .source = lua_open},
    [SCRIPT_CLAIM] = {.name = "claim", .source = lua_claim},
    [SCRIPT_FINISH] = {.name = "finish", .source = lua_finish},
    [SCRIPT_EXTEND] = {.name = "extend", .source = lua_extend},
    [SCRIPT_ADOPT] = {.name = "adopt", .source = lua_adopt},
    [SCRIPT_AUDIT] = {.name = "audit", .source = lua_audit},
    [SCRIPT_LEAVE] = {.name = "leave", .source = lua_leave},
    [SCRIPT_LEFTOVERS] = {.name = "leftovers", .source = lua_leftovers},
    [SCRIPT_COUNT] = {.name = "count", .source = lua_count},
    [SCRIPT_LENGTHS] = {.name = "lengths", .source = lua_lengths},
    [SCRIPT_SEEN] = {.name = "seen", .source = lua_seen},
    [SCRIPT_LOOK] = {.name = "look", .source = lua_look},
    [SCRIPT_DEAD_MOVE] = {.name = "dead_move", .source = lua_dead_move},
    [SCRIPT_CANCEL_LISTED] = {.name = "cancel_listed", .source = lua_cancel_listed},
    [SCRIPT_CANCEL_WAITING] = {.name = "cancel_waiting", .source = lua_cancel_waiting},
    [SCRIPT_FLOW] = {.name = "flow", .source = lua_flow},
    [SCRIPT_CONTROL] = {.name = "control", .source = lua_control},
    [SCRIPT_CIRCUIT] = {.name = "circuit", .source = lua_circuit},
    [SCRIPT_VOTE] = {.name = "vote", .source = lua_vote},
    [SCRIPT_SENT] = {.name = "sent", .source = lua_sent},
};

const struct redis_script *script_get(enum script which)
{
    assert(which < SCRIPTS_N);
    struct redis_script *s = &table[which];
    if (!s->sha[0])
        redis_script_init(s);
    return s;
}
