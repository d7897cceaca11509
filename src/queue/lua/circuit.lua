-- SPDX-License-Identifier: MIT
-- One app's circuit as the fleet sees it: "wait probe_at holder until since why", times in ms.
-- Beside it, in failed:<app>, the jobs whose probes failed, the last few, and when they are tried
-- again: "wait at job job …". A version before this one neither reads nor removes that.
-- KEYS: control
-- ARGV: app worker op base_ms cap_ms lease_ms since why job patience_ms jobs_max
-- op:
--   open    records it, unless another worker was first
--   probe   asks for the one probe of this interval
--   failed  the probe failed: the wait doubles, for a job that failed before only its own
--   lost    the probe was not made
--   close   it is over
-- REPLY: now version mine circuit failed
-- mine: 1 when the probe is the caller's; circuit: '' closed.
local field, failing = 'circuit:' .. ARGV.app, 'failed:' .. ARGV.app
local worker, op, base, cap, lease = ARGV.worker, ARGV.op, ARGV.base_ms, ARGV.cap_ms, ARGV.lease_ms
local job, patience, jobs_max = ARGV.job, tonumber(ARGV.patience_ms), tonumber(ARGV.jobs_max)
local call, max, min = redis.call, math.max, math.min
local seen = call('HGET', KEYS.control, 'v') or '0'
local text, failed = unpack(call('HMGET', KEYS.control, field, failing))
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
--#include version
local wait, at, holder, till, since, why =
    string.match(text or '', '^(%d+) (%d+) (%S+) (%d+) (%d+) (.*)$')
local mine, changed = 0, false
if wait then
    -- Whatever lies beyond what is written here is cut to it: the next probe would never come.
    wait = min(tonumber(wait), max(tonumber(base), tonumber(cap)))
    at, till = min(tonumber(at), now + wait), min(tonumber(till), now + lease)
    since = string.format('%.0f', min(tonumber(since), now))
    changed = string.format('%.0f %.0f %s %.0f %s %s', wait, at, holder, till, since, why) ~= text
end
local jobs, known = {}, false
local again = min(tonumber(string.match(failed or '', '^(%d+) %d+') or base),
    max(tonumber(base), tonumber(cap)))
for j in string.gmatch(string.match(failed or '', '^%d+ %d+ (.*)$') or '', '%S+') do
    jobs[#jobs + 1] = j
    known = known or j == job
end

local function note_failed()
    if not known then
        jobs[#jobs + 1] = job
    end
    if #jobs > jobs_max then
        table.remove(jobs, 1)
    end
    failed = string.format('%.0f %.0f %s', again, max(now + again, at + patience),
        table.concat(jobs, ' '))
    call('HSET', KEYS.control, failing, failed)
end

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.control, '')
if op == 'open' and not wait then
    wait, at, holder, till, since, why = base, now + base, '-', 0, ARGV.since, ARGV.why
    since = since == '0' and string.format('%.0f', now) or since
    jobs, known, again, changed = {}, false, base, true
    note_failed()
elseif op == 'open' and ARGV.since ~= '0' and tonumber(ARGV.since) < tonumber(since) then
    since, changed = ARGV.since, true
elseif op == 'probe' and wait and now >= tonumber(at) and
    (holder == '-' or holder == worker or now > tonumber(till)) then
    holder, till, mine, changed = worker, now + lease, 1, true
elseif wait and holder == worker and (op == 'failed' or op == 'lost') then
    if op == 'failed' then
        again = known and min(again * 2, tonumber(cap)) or again
        wait = known and wait or min(wait * 2, tonumber(cap))
        at = now + wait
        note_failed()
    end
    holder, till, changed = '-', 0, true
elseif op == 'close' and wait then
    call('HDEL', KEYS.control, field, failing)
    wait, version = nil, call('HINCRBY', KEYS.control, 'v', 1)
end
if changed then
    text = string.format('%.0f %.0f %s %.0f %s %s', wait, at, holder, till, since, why)
    call('HSET', KEYS.control, field, text)
    if op ~= 'probe' then
        version = call('HINCRBY', KEYS.control, 'v', 1)
    end
end
return {now, version, mine, wait and text or '', wait and failed or ''}
