-- SPDX-License-Identifier: MIT
-- Ends a job that stands in a list (ready, parked) as a dead letter. It is known by its bytes;
-- where it stands now is looked for before the place where it was seen, as claims take from there.
-- KEYS list dead count batch; ARGV position element outcome
-- Reply: now, 1 or 0 where it is not there any more.
local list, dead, count, batch = unpack(KEYS)
local at, element, outcome = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local call = redis.call
local length = call('LLEN', list)
call('LLEN', dead)
call('HLEN', count)
call('HLEN', batch)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

--#include count_up

local found
if call('LINDEX', list, at) == element then
    found = at
else
    local from = math.max(0, at - 512)
    local before = at > 0 and call('LRANGE', list, from, at - 1) or {}
    for i = #before, 1, -1 do
        if before[i] == element then
            found = from + i - 1
            break
        end
    end
end
if not found then
    return {now, 0}
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', batch, '')
-- Should an empty element stand there already, it is the other that stays: no difference.
call('LSET', list, found, '')
call('LREM', list, found < length - found and 1 or -1, '')
call('RPUSH', dead, outcome)
count_up('dead', 1)
return {now, 1}
