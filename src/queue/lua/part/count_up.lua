-- SPDX-License-Identifier: MIT
-- For scripts that have the key count, of the counters, and call.
-- A counter that is no number, or cannot grow, begins anew: an error here would leave what is done
-- above without an end.
local function count_up(name, k)
    local grown = redis.pcall('HINCRBY', KEYS.count, name, k)
    if type(grown) == 'table' then
        call('HSET', KEYS.count, name, math.max(0, k))
    end
end
