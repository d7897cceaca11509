-- SPDX-License-Identifier: MIT
-- Model step: extend. The worker's heartbeat, and its leases whose fence is still theirs.
-- KEYS: due batch workers stat
-- ARGV: worker lease_ms stat, id fence … (leases: ≤ 256)
-- REPLY: now, mine … (1, or 0 when it is lost; at last how many workers are alive)
local call = redis.call
call('ZCARD', KEYS.due)
call('ZCARD', KEYS.workers)
call('HLEN', KEYS.stat)
local ids, heads = {}, {}
for i = 1, #ARGV.id do
    ids[i] = ARGV.id[i]
end
if #ids > 0 then
    heads = call('HMGET', KEYS.batch, unpack(ids))
end
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local till = now + ARGV.lease_ms
local reply, scores = {now}, {}
for i, head in ipairs(heads) do
    local mine = head and string.match(head, '^(%S+) L ') == ARGV.fence[i]
    if mine then
        scores[#scores + 1] = till
        scores[#scores + 1] = ids[i]
    end
    reply[i + 1] = mine and 1 or 0
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', KEYS.workers, '')
call('ZADD', KEYS.workers, till, ARGV.worker)
if ARGV.stat ~= '' then
    call('HSET', KEYS.stat, ARGV.worker, ARGV.stat)
end
if #scores > 0 then
    call('ZADD', KEYS.due, unpack(scores))
end
reply[#reply + 1] = call('ZCOUNT', KEYS.workers, now, '+inf')
return reply
