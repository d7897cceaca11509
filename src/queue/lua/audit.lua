-- SPDX-License-Identifier: MIT
-- Model step: audit. Puts batches that have no entry in due back there, a whole lease from now: a
-- leased one's holder may be alive, and a waiting one may have an unanswered call to settle.
-- KEYS due batch; ARGV lease_ms, ids …
-- Reply: now, entries added, jobs of theirs.
local due, batch = KEYS[1], KEYS[2]
local call = redis.call
call('ZCARD', due)
call('HLEN', batch)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local added, jobs = 0, 0
call('ZREM', due, '')
for i = 2, #ARGV do
    if call('HEXISTS', batch, ARGV[i]) == 1 and not call('ZSCORE', due, ARGV[i]) then
        call('ZADD', due, now + ARGV[1], ARGV[i])
        added = added + 1
        jobs = jobs + (tonumber(call('HGET', batch, ARGV[i] .. '#')) or 0)
    end
end
return {now, added, jobs}
