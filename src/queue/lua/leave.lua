-- SPDX-License-Identifier: MIT
-- A worker's last step: its inbox back to the head of Q, in order, and no heartbeat any more.
-- KEYS: ready workers inbox stat
-- ARGV: worker
-- REPLY: now left (jobs still in the inbox: call again)
local call = redis.call
call('LLEN', KEYS.ready)
call('ZCARD', KEYS.workers)
call('HLEN', KEYS.stat)
local left = call('LLEN', KEYS.inbox)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
call('ZREM', KEYS.workers, '')
local moved = math.min(left, 200)
for _ = 1, moved do
    call('RPOPLPUSH', KEYS.inbox, KEYS.ready)
end
if left == moved then
    call('ZREM', KEYS.workers, ARGV.worker)
    call('HDEL', KEYS.stat, ARGV.worker)
end
return {now, left - moved}
