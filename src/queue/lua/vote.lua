-- SPDX-License-Identifier: MIT
-- Do workers agree that an app's calls fail? A vote is a worker's word that its own do; it holds
-- for a while, and only of a live worker. All votes are in one field: "worker till worker till …".
-- KEYS: control workers
-- ARGV: app worker op ttl_ms
-- op:
--   vote  mine is counted; agreed when another's is there, or when nobody else is alive
--   well  my calls go through, so whatever was wrong is not everybody's: no votes any more
-- REPLY: now version agreed (agreed: 1 or 0)
local me, field = ARGV.worker, 'vote:' .. ARGV.app
local call = redis.call
local HOUR = 3600000
local seen = call('HGET', KEYS.control, 'v') or '0'
local text = call('HGET', KEYS.control, field)
call('ZCARD', KEYS.workers)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
--#include version

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.control, '')
if ARGV.op == 'well' then
    call('HDEL', KEYS.control, field)
    return {now, version, 0}
end
local votes, others = {me .. ' ' .. string.format('%.0f', now + ARGV.ttl_ms)}, 0
for worker, till in string.gmatch(text or '', '(%S+) (%d+)') do
    local beat = call('ZSCORE', KEYS.workers, worker)
    local ends = tonumber(till)
    if worker ~= me and ends >= now and ends <= now + HOUR and beat and tonumber(beat) >= now then
        votes[#votes + 1] = worker .. ' ' .. till
        others = others + 1
    end
end
call('HSET', KEYS.control, field, table.concat(votes, ' '))
local alive = call('ZCOUNT', KEYS.workers, now, '+inf')
return {now, version, (others > 0 or alive < 2) and 1 or 0}
