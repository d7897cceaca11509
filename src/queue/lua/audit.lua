-- SPDX-License-Identifier: MIT
-- Model step: audit. Puts batches that have no entry in due back there, a whole lease from now: a
-- leased one's holder may be alive, and a waiting one may have an unanswered call to settle.
-- KEYS: due batch
-- ARGV: lease_ms, id …
-- REPLY: now entries jobs (entries added, jobs of theirs)
local call = redis.call
call('ZCARD', KEYS.due)
call('HLEN', KEYS.batch)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local added, jobs = 0, 0
call('ZREM', KEYS.due, '')
for i = 1, #ARGV.id do
    local id = ARGV.id[i]
    if call('HEXISTS', KEYS.batch, id) == 1 and not call('ZSCORE', KEYS.due, id) then
        call('ZADD', KEYS.due, now + ARGV.lease_ms, id)
        added = added + 1
        jobs = jobs + (tonumber(call('HGET', KEYS.batch, id .. '#')) or 0)
    end
end
return {now, added, jobs}
