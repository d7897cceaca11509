/* SPDX-License-Identifier: MIT */
#include "support/time_passes.h"

#include <stdio.h>

#include "support/cmocka.h"
#include "support/mono_shift.h"
#include "support/queue_fixture.h"

/* Which words of a value are times: see lua/circuit.lua, lua/flow.lua. The new version makes
 * everybody look again. */
static const char time_passes_script[] =
    "local function age(key, prefix, times)\n"
    "  local all = redis.call('HGETALL', key)\n"
    "  for i = 1, #all, 2 do\n"
    "    if string.sub(all[i], 1, #prefix) == prefix then\n"
    "      local n = 0\n"
    "      local aged = string.gsub(all[i + 1], '%S+', function(word)\n"
    "        n = n + 1\n"
    "        return times[n] and string.format('%.0f', math.max(0, word - ARGV[1])) or word\n"
    "      end)\n"
    "      redis.call('HSET', key, all[i], aged)\n"
    "    end\n"
    "  end\n"
    "end\n"
    "age(KEYS[1], '', {[2] = true, [4] = true})\n"
    "age(KEYS[2], 'circuit:', {[2] = true, [4] = true})\n"
    "age(KEYS[2], 'cool:', {true})\n"
    "return redis.call('HINCRBY', KEYS[2], 'v', 1)";

void time_passes(int64_t ms)
{
    char text[24];
    mono_shift_ms += ms;
    snprintf(text, sizeof text, "%lld", (long long)ms);
    assert_true(cli_int("EVAL %s 2 " KEY_FLOW " " KEY_CONTROL " %s", time_passes_script, text) > 0);
}
