-- SPDX-License-Identifier: MIT
-- One consistent picture of where all jobs are.
-- KEYS Q member count workers apps results dead, inboxes …, parked lists …; ARGV number of inboxes,
-- of workers whose inboxes were counted before, most inboxes that the client would name
-- Reply: now, 1, then ready, inbox, members, parked, results, dead letters, and the counters
-- delayed, sent, dead, duplicate. When workers or apps are others than those of the call: now, 0,
-- workers in all, those heard of last, apps, and the client calls again with these.
local Q, member, count, workers, apps, results, dead = unpack(KEYS, 1, 7)
local call = redis.call
local inboxes, before = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = call('ZCARD', workers)
if all ~= inboxes + before or call('SCARD', apps) ~= #KEYS - 7 - inboxes then
    return {now, 0, all, call('ZRANGE', workers, -ARGV[3], -1), call('SMEMBERS', apps)}
end
local inbox, parked = 0, 0
for i = 8, #KEYS do
    local k = call('LLEN', KEYS[i])
    if i <= 7 + inboxes then
        inbox = inbox + k
    else
        parked = parked + k
    end
end
local c = call('HMGET', count, 'delayed', 'sent', 'dead', 'duplicate')
for i = 1, 4 do
    local k = tonumber(c[i] or nil)
    c[i] = k and k > -2 ^ 53 and k < 2 ^ 53 and k or 0
end
return {
    now, 1, call('LLEN', Q), inbox, call('HLEN', member), parked, call('LLEN', results),
    call('LLEN', dead), unpack(c)
}
