-- SPDX-License-Identifier: MIT
-- When a job of each app was let through last, by whichever worker: sent:<app>, ms. It changes too
-- often to be a change of the version. A version before this one neither reads nor removes that.
-- KEYS: control
-- ARGV: , app last … (last: when the caller knows one to have been, 0: never)
-- REPLY: now version, last …
local call = redis.call
local function number(text)
    return text and #text < 16 and string.match(text, '^%d+$') and tonumber(text) or 0
end
local version = number(call('HGET', KEYS.control, 'v'))
local fields, mine = {}, {}
for i = 1, #ARGV.app do
    fields[i] = 'sent:' .. ARGV.app[i]
    mine[i] = number(ARGV.last[i])
end
local found = call('HMGET', KEYS.control, unpack(fields))
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local reply = {now, version}
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.control, '')
for i, field in ipairs(fields) do
    -- What is no number, or still to come, says nothing.
    local last = number(found[i])
    last = last <= now and last or 0
    if mine[i] > last then
        last = mine[i]
        call('HSET', KEYS.control, field, string.format('%.0f', last))
    end
    reply[#reply + 1] = last
end
return reply
