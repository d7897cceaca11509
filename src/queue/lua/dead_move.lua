-- SPDX-License-Identifier: MIT
-- Takes letters out of the dead list: their jobs back to due, or dropped. A letter is known by its
-- bytes; where it stands now is looked for a little before the place where it was seen.
-- KEYS: due batch member count dead oversize
-- ARGV: digest job_max drop, position letter id at value ref … (drop: 0 or 1; letters: ≤ 8)
--   id, at, value: of the waiting batch; ref: key of its bytes in oversize, which follow value
-- REPLY: now, answer …
-- ANSWER.DONE = 1
-- ANSWER.GONE = 0: it is not there any more
-- ANSWER.BYTES_GONE = -1
-- ANSWER.TOO_LARGE = -2: its bytes are more than job_max
local job_max, drop = tonumber(ARGV.job_max), ARGV.drop == '1'
local call = redis.call

-- Reads fail on a wrong type while nothing is written yet.
local length = call('LLEN', KEYS.dead)
call('ZCARD', KEYS.due)
call('HLEN', KEYS.batch)
call('HLEN', KEYS.member)
call('HLEN', KEYS.count)
call('HLEN', KEYS.oversize)
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

--#include count_up

local taken, n, first, last = {}, 0, length, 0

local function find(letter, at)
    if not taken[at] and call('LINDEX', KEYS.dead, at) == letter then
        return at
    end
    local from = math.max(0, at - 64)
    local before = at > 0 and call('LRANGE', KEYS.dead, from, at - 1) or {}
    for i = #before, 1, -1 do
        if before[i] == letter and not taken[from + i - 1] then
            return from + i - 1
        end
    end
end

-- The member's value, or why there is none.
local function value_of(value, ref)
    if ref == '' or drop then
        return value
    end
    local size = call('HSTRLEN', KEYS.oversize, ref)
    if size == 0 or size > job_max then
        return nil, size == 0 and ANSWER.BYTES_GONE or ANSWER.TOO_LARGE
    end
    return value .. call('HGET', KEYS.oversize, ref)
end

local reply, moves = {now}, {}
for i = 1, #ARGV.letter do
    local value, ref = ARGV.value[i], ARGV.ref[i]
    local found, why = find(ARGV.letter[i], tonumber(ARGV.position[i])), ANSWER.GONE
    if found then
        value, why = value_of(value, ref)
    end
    if found and value then
        taken[found] = true
        n = n + 1
        first, last = math.min(first, found), math.max(last, found)
        moves[n] = {ARGV.id[i], ARGV.at[i], value, ref}
        why = ANSWER.DONE
    end
    reply[#reply + 1] = why
end
if n == 0 then
    return reply
end

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.batch, '')
for _, m in ipairs(moves) do
    local id, at, value, ref = unpack(m)
    if ref ~= '' then
        call('HDEL', KEYS.oversize, ref)
    end
    if not drop then
        local head = {'-', 'W', now, 0, '-', 1, 0, ARGV.digest}
        call('HSET', KEYS.batch, id, table.concat(head, ' '), id .. '#', 1)
        call('HSET', KEYS.member, id .. ':0', value)
        call('ZADD', KEYS.due, at, id)
    end
end

if math.min(last, length - first) <= 5000 then
    -- Near an end: the list is searched from there up to the last of them. Should empty elements
    -- stand there already, others of them stay: no difference.
    for found in pairs(taken) do
        call('LSET', KEYS.dead, found, '')
    end
    call('LREM', KEYS.dead, last < length - first and n or -n, '')
else
    -- A search would take long: the list's first letters, looked at before, fill the holes.
    local spare = {}
    for i = 0, n - 1 do
        local letter = call('LPOP', KEYS.dead)
        if not taken[i] then
            spare[#spare + 1] = letter
        end
    end
    for found in pairs(taken) do
        if found >= n then
            call('LSET', KEYS.dead, found - n, table.remove(spare))
        end
    end
end
if drop then
    count_up('dropped', n)
else
    count_up('replayed', n)
    count_up('delayed', n)
end
return reply
