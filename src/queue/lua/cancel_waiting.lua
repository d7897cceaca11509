-- SPDX-License-Identifier: MIT
-- Ends a job that waits in due as a dead letter. A leased one is its worker's: nothing is changed.
-- KEYS due batch member count dead; ARGV batch position value outcome
-- Reply: now, 1, or 0 where it is not there any more, −1 where it is leased.
local due, batch, member, count, dead = unpack(KEYS)
local id, field = ARGV[1], ARGV[1] .. ':' .. ARGV[2]
local call = redis.call
call('ZCARD', due)
call('LLEN', dead)
call('HLEN', count)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
--#include count_up

if call('HGET', member, field) ~= ARGV[3] then
    return {now, 0}
end
local state = string.match(call('HGET', batch, id) or '', '^%S+ (%S) ')
if state ~= 'W' then
    return {now, state and -1 or 0}
end
-- Not refused when memory is full, and so the writes after it pass too.
call('HDEL', member, field)
call('RPUSH', dead, ARGV[4])
count_up('dead', 1)
count_up('delayed', -1)
local left = redis.pcall('HINCRBY', batch, id .. '#', -1)
if left == 0 then
    call('HDEL', batch, id, id .. '#', id .. '!')
    call('ZREM', due, id)
end
return {now, 1}
