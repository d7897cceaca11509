-- SPDX-License-Identifier: MIT
-- Where jobs may be left that nobody looks after: apps ever parked, and what the live workers say
-- of themselves. A worker of whom there are words but no heartbeat gets one that ends in a lease,
-- so that its inbox is adopted.
-- KEYS workers stat apps, parked lists (≤ 32) whose lengths are asked for; ARGV lease_ms worker
-- Reply: now, workers listed anew, apps, words of other live workers ('': none), lengths
local workers, stat, apps = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local all, lengths = call('SMEMBERS', apps), {}
local words = call('HGETALL', stat)
for i = 4, #KEYS do
    lengths[i - 3] = call('LLEN', KEYS[i])
end
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local says, listed = {}, 0
for i = 1, #words, 2 do
    says[words[i]] = words[i + 1]
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', workers, '')
for i = 1, #words, 2 do
    if not call('ZSCORE', workers, words[i]) then
        call('ZADD', workers, now + ARGV[1], words[i])
        listed = listed + 1
        says[words[i]] = nil
    end
end
local others = {}
for _, worker in ipairs(call('ZRANGEBYSCORE', workers, now, '+inf')) do
    if worker ~= ARGV[2] then
        others[#others + 1] = says[worker] or ''
    end
end
return {now, listed, all, others, lengths}
