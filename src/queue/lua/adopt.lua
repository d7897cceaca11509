-- SPDX-License-Identifier: MIT
-- Model step: adopt. Returns the inbox of a worker whose heartbeat has ended to the head of Q, in
-- order. It is forgotten only long after: a blocked move of a cut connection may still land.
-- KEYS: ready workers orphan stat (orphan: that worker's inbox)
-- ARGV: worker forget_ms
-- REPLY: now jobs forgotten (forgotten: 1 or 0)
local call = redis.call
call('LLEN', KEYS.ready)
call('HLEN', KEYS.stat)
local left = call('LLEN', KEYS.orphan)
local beat = tonumber(call('ZSCORE', KEYS.workers, ARGV.worker) or nil)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not beat or beat >= now then
    return {now, 0, 0}
end
call('ZREM', KEYS.workers, '')
local moved = math.min(left, 200)
for _ = 1, moved do
    call('RPOPLPUSH', KEYS.orphan, KEYS.ready)
end
if left == moved and beat < now - ARGV.forget_ms then
    call('HDEL', KEYS.stat, ARGV.worker)
    return {now, moved, call('ZREM', KEYS.workers, ARGV.worker)}
end
return {now, moved, 0}
