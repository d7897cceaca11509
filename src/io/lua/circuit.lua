-- SPDX-License-Identifier: MIT
-- One app's circuit as the fleet sees it: "wait probe_at holder until since why", times in ms.
-- KEYS control; ARGV app worker op base_ms cap_ms lease_ms since why
--   open    records it, unless another worker was first
--   probe   asks for the one probe of this interval
--   failed  the probe failed: the wait doubles
--   lost    the probe was not made
--   close   it is over
-- Reply: now, version, 1 when the probe is the caller's, the circuit ('': closed)
local control, field = KEYS[1], 'circuit:' .. ARGV[1]
local worker, op, base, cap, lease = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local call = redis.call
local version = tonumber(call('HGET', control, 'v') or 0)
local text = call('HGET', control, field)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local wait, at, holder, till, since, why =
    string.match(text or '', '^(%d+) (%d+) (%S+) (%d+) (%d+) (.*)$')
local mine, changed = 0, false

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', control, '')
if op == 'open' and not wait then
    wait, at, holder, till, since, why = base, now + base, '-', 0, ARGV[7], ARGV[8]
    since = since == '0' and string.format('%.0f', now) or since
    changed = true
elseif op == 'open' and ARGV[7] ~= '0' and tonumber(ARGV[7]) < tonumber(since) then
    since, changed = ARGV[7], true
elseif op == 'probe' and wait and now >= tonumber(at) and
    (holder == '-' or holder == worker or now > tonumber(till)) then
    holder, till, mine, changed = worker, now + lease, 1, true
elseif wait and holder == worker and (op == 'failed' or op == 'lost') then
    if op == 'failed' then
        wait = math.min(wait * 2, tonumber(cap))
        at = now + wait
    end
    holder, till, changed = '-', 0, true
elseif op == 'close' and wait then
    call('HDEL', control, field)
    wait, version = nil, call('HINCRBY', control, 'v', 1)
end
if changed then
    text = string.format('%.0f %.0f %s %.0f %s %s', wait, at, holder, till, since, why)
    call('HSET', control, field, text)
    if op ~= 'probe' then
        version = call('HINCRBY', control, 'v', 1)
    end
end
return {now, version, mine, wait and text or ''}
