-- SPDX-License-Identifier: MIT
-- Ends a job that waits in due as a dead letter. A leased one is its worker's: nothing is changed.
-- KEYS: due batch member count dead
-- ARGV: batch position value outcome
-- REPLY: now answer
-- ANSWER.DONE = 1
-- ANSWER.GONE = 0: it is not there any more
-- ANSWER.LEASED = -1
local id, field = ARGV.batch, ARGV.batch .. ':' .. ARGV.position
local call = redis.call
call('ZCARD', KEYS.due)
call('LLEN', KEYS.dead)
call('HLEN', KEYS.count)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
--#include count_up

if call('HGET', KEYS.member, field) ~= ARGV.value then
    return {now, ANSWER.GONE}
end
local state = string.match(call('HGET', KEYS.batch, id) or '', '^%S+ (%S) ')
if state ~= 'W' then
    return {now, state and ANSWER.LEASED or ANSWER.GONE}
end
-- Not refused when memory is full, and so the writes after it pass too.
call('HDEL', KEYS.member, field)
call('RPUSH', KEYS.dead, ARGV.outcome)
count_up('dead', 1)
count_up('delayed', -1)
local left = redis.pcall('HINCRBY', KEYS.batch, id .. '#', -1)
if left == 0 then
    call('HDEL', KEYS.batch, id, id .. '#', id .. '!')
    call('ZREM', KEYS.due, id)
end
return {now, ANSWER.DONE}
