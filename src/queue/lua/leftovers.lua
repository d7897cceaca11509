-- SPDX-License-Identifier: MIT
-- Where jobs may be left that nobody looks after: apps ever parked, and what the live workers say
-- of themselves. A worker of whom there are words but no heartbeat gets one that ends in a lease,
-- so that its inbox is adopted. Of very many workers a part is looked at each time.
-- KEYS: workers stat apps, parked … (lists, ≤ 32, whose lengths are asked for)
-- ARGV: lease_ms worker cursor (cursor: of the last reply)
-- REPLY: now listed apps words lengths cursor
-- listed: workers anew; words: of other live workers ('': none).
local call = redis.call
local LIVE_MAX = 1000
local all, lengths = call('SMEMBERS', KEYS.apps), {}
call('ZCARD', KEYS.workers)
for i = 1, #KEYS.parked do
    lengths[i] = call('LLEN', KEYS.parked[i])
end
local cursor, words = unpack(call('HSCAN', KEYS.stat, ARGV.cursor, 'COUNT', 500))
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local listed, anew = 0, {}
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', KEYS.workers, '')
for i = 1, #words, 2 do
    if not call('ZSCORE', KEYS.workers, words[i]) then
        call('ZADD', KEYS.workers, now + ARGV.lease_ms, words[i])
        listed, anew[words[i]] = listed + 1, true
    end
end
local others = {}
for _, worker in ipairs(call('ZRANGEBYSCORE', KEYS.workers, now, '+inf', 'LIMIT', 0, LIVE_MAX)) do
    if worker ~= ARGV.worker then
        others[#others + 1] = not anew[worker] and call('HGET', KEYS.stat, worker) or ''
    end
end
if #others >= LIVE_MAX - 1 then
    others[#others + 1] = '' -- what the others have is not known
end
return {now, listed, all, others, lengths, cursor}
