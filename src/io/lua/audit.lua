-- SPDX-License-Identifier: MIT
-- Model step: audit. Puts batches that have no entry in due back there; a leased one gets a whole
-- lease, since its holder may be alive.
-- KEYS due batch; ARGV lease_ms, ids …
-- Reply: now, entries added.
local due, batch = KEYS[1], KEYS[2]
local call = redis.call
call('ZCARD', due)
call('HLEN', batch)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local added = 0
call('ZREM', due, '')
for i = 2, #ARGV do
    local head = call('HGET', batch, ARGV[i])
    if head and not call('ZSCORE', due, ARGV[i]) then
        local leased = string.match(head, '^%S+ L ')
        call('ZADD', due, leased and now + ARGV[1] or now, ARGV[i])
        added = added + 1
    end
end
return {now, added}
