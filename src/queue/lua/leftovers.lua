-- SPDX-License-Identifier: MIT
-- Where jobs may be left that nobody looks after: apps ever parked, and what the live workers say
-- of themselves. A worker of whom there are words but no heartbeat gets one that ends in a lease,
-- so that its inbox is adopted. Of very many workers a part is looked at each time.
-- KEYS workers stat apps, parked lists (≤ 32) whose lengths are asked for; ARGV lease_ms worker
-- cursor of the last reply
-- Reply: now, workers listed anew, apps, words of other live workers ('': none), lengths, cursor
local workers, stat, apps = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local LIVE_MAX = 1000
local all, lengths = call('SMEMBERS', apps), {}
call('ZCARD', workers)
for i = 4, #KEYS do
    lengths[i - 3] = call('LLEN', KEYS[i])
end
local cursor, words = unpack(call('HSCAN', stat, ARGV[3], 'COUNT', 500))
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local listed, anew = 0, {}
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', workers, '')
for i = 1, #words, 2 do
    if not call('ZSCORE', workers, words[i]) then
        call('ZADD', workers, now + ARGV[1], words[i])
        listed, anew[words[i]] = listed + 1, true
    end
end
local others = {}
for _, worker in ipairs(call('ZRANGEBYSCORE', workers, now, '+inf', 'LIMIT', 0, LIVE_MAX)) do
    if worker ~= ARGV[2] then
        others[#others + 1] = not anew[worker] and call('HGET', stat, worker) or ''
    end
end
if #others >= LIVE_MAX - 1 then
    others[#others + 1] = '' -- what the others have is not known
end
return {now, listed, all, others, lengths, cursor}
