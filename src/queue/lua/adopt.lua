-- SPDX-License-Identifier: MIT
-- Model step: adopt. Returns the inbox of a worker whose heartbeat has ended to the head of Q, in
-- order. It is forgotten only long after: a blocked move of a cut connection may still land.
-- KEYS Q workers inbox stat; ARGV worker forget_ms
-- Reply: now, jobs moved, 1 when forgotten.
local Q, workers, inbox, stat = unpack(KEYS)
local call = redis.call
call('LLEN', Q)
call('HLEN', stat)
local left = call('LLEN', inbox)
local beat = tonumber(call('ZSCORE', workers, ARGV[1]) or nil)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not beat or beat >= now then
    return {now, 0, 0}
end
call('ZREM', workers, '')
local moved = math.min(left, 200)
for _ = 1, moved do
    call('RPOPLPUSH', inbox, Q)
end
if left == moved and beat < now - ARGV[2] then
    call('HDEL', stat, ARGV[1])
    return {now, moved, call('ZREM', workers, ARGV[1])}
end
return {now, moved, 0}
