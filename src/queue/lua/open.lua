-- SPDX-License-Identifier: MIT
-- Schema check and first heartbeat of a worker.
-- KEYS: version workers apps
-- ARGV: schema worker lease_ms
-- REPLY: schema now, app … (schema: that was found; apps ever parked)
-- An error where what stands there is no schema.
local call = redis.call
local found = call('GET', KEYS.version)
local schema = tonumber(string.match(found or ARGV.schema, '^%d?%d?%d?%d?%d$'))
local parked = call('SMEMBERS', KEYS.apps)
call('ZCARD', KEYS.workers)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if not schema or schema < 1 or schema > 999999 then
    return {err = 'UNREADABLE ' .. KEYS.version .. ' holds no schema version'}
end
if schema > tonumber(ARGV.schema) then
    return {schema, now}
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('ZREM', KEYS.workers, '')
if not found then
    call('SET', KEYS.version, ARGV.schema)
end
call('ZADD', KEYS.workers, now + ARGV.lease_ms, ARGV.worker)
local reply = {schema, now}
for i, app in ipairs(parked) do
    reply[#REPLY + i] = app
end
return reply
