-- SPDX-License-Identifier: MIT
-- Model step: extend. The worker's heartbeat, and its leases whose fence is still theirs.
-- KEYS due batch workers stat; ARGV worker lease_ms stat, then id and fence of each lease (≤ 256)
-- Reply: now, then per lease 1, or 0 when it is lost, and at last how many workers are alive.
local due, batch, workers, stat = unpack(KEYS)
local call = redis.call
call('ZCARD', due)
call('ZCARD', workers)
call('HLEN', stat)
local ids, heads = {}, {}
for i = 4, #ARGV, 2 do
    ids[#ids + 1] = ARGV[i]
end
if #ids > 0 then
    heads = call('HMGET', batch, unpack(ids))
end
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local till = now + ARGV[2]
local reply, scores = {now}, {}
for i, head in ipairs(heads) do
    local mine = head and string.match(head, '^(%S+) L ') == ARGV[3 + 2 * i]
    if mine then
        scores[#scores + 1] = till
        scores[#scores + 1] = ids[i]
    end
    reply[i + 1] = mine and 1 or 0
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', workers, '')
call('ZADD', workers, till, ARGV[1])
if ARGV[3] ~= '' then
    call('HSET', stat, ARGV[1], ARGV[3])
end
if #scores > 0 then
    call('ZADD', due, unpack(scores))
end
reply[#reply + 1] = call('ZCOUNT', workers, now, '+inf')
return reply
