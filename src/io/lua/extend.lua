-- SPDX-License-Identifier: MIT
-- Model step: extend. The worker's heartbeat, and its leases whose fence is still theirs.
-- KEYS due batch workers; ARGV worker lease_ms, then id and fence of each lease (≤ 256)
-- Reply: now, then per lease 1, or 0 when it is lost.
local due, batch, workers = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
call('ZCARD', due)
call('ZCARD', workers)
local ids, heads = {}, {}
for i = 3, #ARGV, 2 do
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
    local mine = head and string.match(head, '^(%S+) L ') == ARGV[2 + 2 * i]
    if mine then
        scores[#scores + 1] = till
        scores[#scores + 1] = ids[i]
    end
    reply[i + 1] = mine and 1 or 0
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', workers, '')
call('ZADD', workers, till, ARGV[1])
if #scores > 0 then
    call('ZADD', due, unpack(scores))
end
return reply
