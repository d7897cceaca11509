-- SPDX-License-Identifier: MIT
-- What the fleet has agreed on: pause:<app> (ms of its end, 0: none; pause:* is everybody),
-- rate:<limit> (overrides), cool:<limit> (ms of its end), circuit:<app>, failed:<app> (jobs whose
-- probes failed), sent:<app> (sent.lua), and v, which grows with each change.
-- KEYS: control
-- ARGV: seen, field value … (changes; '': removes it; +n: n ms from now)
-- REPLY: now version found, field value …
-- found: how many of these fields were there before. Nothing follows where this version was seen.
local call = redis.call
local SENT_KEPT_MS = 24 * 3600000
local seen = call('HGET', KEYS.control, 'v') or '0'
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
--#include version
local found = 0
if #ARGV.field > 0 then
    -- A first write that a full memory cannot refuse lets those after it pass.
    call('HDEL', KEYS.control, '')
    local all = call('HGETALL', KEYS.control)
    for i = 1, #all, 2 do
        local kind = string.match(all[i], '^%a+')
        local till = (kind == 'cool' or kind == 'pause') and tonumber(all[i + 1]) or 0
        till = kind == 'sent' and (tonumber(all[i + 1]) or 0) + SENT_KEPT_MS or till
        local over = till < now or (kind == 'cool' and till > now + 3600000)
        if till > 0 and over then
            call('HDEL', KEYS.control, all[i])
        end
    end
    for i = 1, #ARGV.field do
        local field, value = ARGV.field[i], ARGV.value[i]
        found = found + call('HEXISTS', KEYS.control, field)
        if value == '' then
            call('HDEL', KEYS.control, field)
        else
            local ms = string.match(value, '^%+(%d+)$')
            call('HSET', KEYS.control, field, ms and string.format('%.0f', now + ms) or value)
        end
    end
    version = call('HINCRBY', KEYS.control, 'v', 1)
end
if version == tonumber(ARGV.seen) then
    return {now, version, found}
end
local reply = {now, version, found}
for i, text in ipairs(call('HGETALL', KEYS.control)) do
    reply[#REPLY + i] = text
end
return reply
