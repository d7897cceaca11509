-- SPDX-License-Identifier: MIT
-- One consistent picture of where all jobs are.
-- KEYS: ready member count workers apps results dead, list … (inboxes, then parked lists)
-- ARGV: inboxes before most
-- inboxes: how many of the lists are; before: workers whose inboxes were counted before; most:
-- inboxes that the client would name.
-- REPLY: now whole ready inbox members parked results letters delayed sent dead duplicate
-- OTHERS: now whole workers names apps
-- whole: 1, or 0 with OTHERS when workers or apps are others than those of the call: workers in all,
-- those heard of last, apps, and the client calls again with these.
local call = redis.call
local inboxes, before = tonumber(ARGV.inboxes), tonumber(ARGV.before)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = call('ZCARD', KEYS.workers)
if all ~= inboxes + before or call('SCARD', KEYS.apps) ~= #KEYS.list - inboxes then
    return {now, 0, all, call('ZRANGE', KEYS.workers, -ARGV.most, -1), call('SMEMBERS', KEYS.apps)}
end
local inbox, parked = 0, 0
for i = 1, #KEYS.list do
    local k = call('LLEN', KEYS.list[i])
    if i <= inboxes then
        inbox = inbox + k
    else
        parked = parked + k
    end
end
local c = call('HMGET', KEYS.count, 'delayed', 'sent', 'dead', 'duplicate')
for i = 1, 4 do
    local k = tonumber(c[i] or nil)
    c[i] = k and k > -2 ^ 53 and k < 2 ^ 53 and k or 0
end
return {
    now, 1, call('LLEN', KEYS.ready), inbox, call('HLEN', KEYS.member), parked,
    call('LLEN', KEYS.results), call('LLEN', KEYS.dead), unpack(c)
}
