-- SPDX-License-Identifier: MIT
-- Ends a job that stands in a list (ready, parked) as a dead letter. It is known by its bytes;
-- where it stands now is looked for before the place where it was seen, as claims take from there.
-- Elements are of any size: one call looks at READ_MAX bytes and one piece more.
-- KEYS: list dead count batch
-- ARGV: position element outcome lowest (position)
-- REPLY: now answer position
-- ANSWER.DONE = 1
-- ANSWER.GONE = 0: it is not there any more
-- ANSWER.GO_ON = 2: it is not at that position or behind it: go on there
local PIECE_MAX, PIECE_BYTES, READ_MAX = 8, 32768, 262144
local at, element, lowest = tonumber(ARGV.position), ARGV.element, tonumber(ARGV.lowest)
local call = redis.call
local length = call('LLEN', KEYS.list)
call('LLEN', KEYS.dead)
call('HLEN', KEYS.count)
call('HLEN', KEYS.batch)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

--#include count_up

local function find()
    if call('LINDEX', KEYS.list, at) == element then
        return at
    end
    local read, n = 0, 1
    while at > lowest and read < READ_MAX do
        local from, bytes = math.max(lowest, at - n), 0
        local piece = call('LRANGE', KEYS.list, from, at - 1)
        for i = #piece, 1, -1 do
            if piece[i] == element then
                return from + i - 1
            end
            bytes = bytes + #piece[i]
        end
        at, read = from, read + bytes
        n = bytes < PIECE_BYTES and math.min(2 * n, PIECE_MAX) or 1
    end
end

local found = find()
if not found then
    return {now, at > lowest and ANSWER.GO_ON or ANSWER.GONE, at}
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.batch, '')
-- Should an empty element stand there already, it is the other that stays: no difference.
call('LSET', KEYS.list, found, '')
call('LREM', KEYS.list, found < length - found and 1 or -1, '')
call('RPUSH', KEYS.dead, ARGV.outcome)
count_up('dead', 1)
return {now, ANSWER.DONE}
