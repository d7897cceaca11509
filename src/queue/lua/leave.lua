-- SPDX-License-Identifier: MIT
-- A worker's last step: its inbox back to the head of Q, in order, and no heartbeat any more.
-- KEYS Q workers inbox stat; ARGV worker
-- Reply: now, jobs still in the inbox (call again).
local Q, workers, inbox, stat = unpack(KEYS)
local call = redis.call
call('LLEN', Q)
call('ZCARD', workers)
call('HLEN', stat)
local left = call('LLEN', inbox)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
call('ZREM', workers, '')
local moved = math.min(left, 200)
for _ = 1, moved do
    call('RPOPLPUSH', inbox, Q)
end
if left == moved then
    call('ZREM', workers, ARGV[1])
    call('HDEL', stat, ARGV[1])
end
return {now, left - moved}
