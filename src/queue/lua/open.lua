-- SPDX-License-Identifier: MIT
-- Schema check and first heartbeat of a worker.
-- KEYS v workers apps; ARGV schema worker lease_ms
-- Reply: schema found, now, apps ever parked …; an error where what stands there is no schema
local version, workers, apps = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local found = call('GET', version)
local schema = tonumber(string.match(found or ARGV[1], '^%d?%d?%d?%d?%d$'))
local parked = call('SMEMBERS', apps)
call('ZCARD', workers)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not schema or schema < 1 or schema > 999999 then
    return {err = 'UNREADABLE ' .. version .. ' holds no schema version'}
end
if schema > tonumber(ARGV[1]) then
    return {schema, now}
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', workers, '')
if not found then
    call('SET', version, ARGV[1])
end
call('ZADD', workers, now + ARGV[3], ARGV[2])
local reply = {schema, now}
for i, app in ipairs(parked) do
    reply[i + 2] = app
end
return reply
