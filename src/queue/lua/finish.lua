-- SPDX-License-Identifier: MIT
-- Model steps: finish, mark, regroup. Ends members of leased batches, outcome and acknowledgement
-- in one.
-- KEYS Q due batch member count results dead oversize apps, parked lists
-- ARGV results_max, then per lease L batch fence, and per item (≤ 128) of it its kind with the
-- position behind it, and its arguments:
--   S, U, D  sent, duplicate, dead: a = outcome
--   R        to due: a = id of the waiting batch, b = at, c = member value
--   P        parked: a = index in KEYS, b = app, c = member value
--   B        back to the head of Q: a = bytes, or b = the key of bytes in oversize
--   M        records a grouping once: a = text
--   G        a call's members to due, all or none: instead of a position how many, a = id of the
--            waiting batch, b = at, c = its grouping; then for each: position crashes envelope
-- Reply: results trimmed, then per item 1, or 0 for one whose lease has moved on, or, for M, the
-- grouping that was there before when it is another.
local Q, due, batch, member, count, results, dead, oversize, apps = unpack(KEYS, 1, 9)
local call = redis.call

-- Reads fail on a wrong type while nothing is written yet.
call('LLEN', Q)
call('LLEN', results)
call('LLEN', dead)
call('ZCARD', due)
call('HLEN', batch)
call('HLEN', member)
call('HLEN', count)
call('HLEN', oversize)
call('SCARD', apps)
for i = 10, #KEYS do
    call('LLEN', KEYS[i])
end

local leases, reply = {}, {0}
local sent, died, back = {}, {}, {}
local counts = {sent = 0, duplicate = 0, dead = 0, delayed = 0, trimmed = 0}

local function lease_of(id, fence)
    local key = id .. fence
    if leases[key] == nil then
        local head = call('HGET', batch, id) or ''
        local f, t0, digest = string.match(head, '^(%S+) L (%d+) .* (%S+)$')
        leases[key] = f == fence and {id = id, gone = 0, t0 = t0, digest = digest}
    end
    return leases[key]
end

local function mark(id, text)
    local old = call('HGET', batch, id .. '!')
    if not old then
        -- A first write that a full memory cannot refuse lets the next one pass.
        call('HDEL', batch, '')
        call('HSET', batch, id .. '!', text)
    end
    return old and old ~= text and old or 1
end

local function wait(l, id, at, size)
    local head = {'-', 'W', l.t0, 0, '-', size, 0, l.digest}
    call('HSET', batch, id, table.concat(head, ' '), id .. '#', size)
    call('ZADD', due, at, id)
    counts.delayed = counts.delayed + size
end

-- The bytes stay; one that cannot be read is all bytes, as in a claim.
local function with_envelope(value, crashes, envelope)
    local len, from = string.match(value, '^%d+ (%d+) ()')
    if not len or from + len > #value + 1 then
        len, from = 0, 1
    end
    return crashes .. ' ' .. #envelope .. ' ' .. envelope .. string.sub(value, from + len)
end

local function regroup(l, first, n, id, at, text)
    local fields, put = {}, {}
    for k = 1, n do
        fields[k] = l.id .. ':' .. ARGV[first + 3 * k - 3]
    end
    local values = call('HMGET', member, unpack(fields))
    for k = 1, n do
        if not values[k] then
            return 0
        end
        put[2 * k - 1] = id .. ':' .. (k - 1)
        put[2 * k] = with_envelope(values[k], unpack(ARGV, first + 3 * k - 2, first + 3 * k - 1))
    end
    call('HDEL', member, unpack(fields))
    call('HSET', member, unpack(put))
    call('HSET', batch, id .. '!', text)
    wait(l, id, at, n)
    l.gone = l.gone + n
    return 1
end

local move = {}
function move.S(l, a)
    sent[#sent + 1] = a
    counts.sent = counts.sent + 1
end
function move.U(l, a)
    sent[#sent + 1] = a
    counts.duplicate = counts.duplicate + 1
end
function move.D(l, a)
    died[#died + 1] = a
end
function move.R(l, id, at, value)
    call('HSET', member, id .. ':0', value)
    wait(l, id, at, 1)
end
function move.P(l, key, app, value)
    call('RPUSH', KEYS[tonumber(key)], value)
    call('SADD', apps, app)
end
function move.B(l, bytes, ref)
    if ref ~= '' then
        bytes = call('HGET', oversize, ref) or bytes
        call('HDEL', oversize, ref)
    end
    table.insert(back, 1, bytes)
end

local arguments = {L = 2, S = 1, U = 1, D = 1, R = 3, P = 3, B = 2, M = 1, G = 3}

-- The answer to an item of the lease l, which is false when it has moved on.
local function item(l, kind, pos, i)
    local a, b, c = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    if not l then
        return 0
    elseif kind == 'G' then
        return regroup(l, i + 3, tonumber(pos), a, b, c)
    elseif kind == 'M' then
        return mark(l.id, a)
    elseif call('HDEL', member, l.id .. ':' .. pos) == 0 then
        return 0
    end
    l.gone = l.gone + 1
    move[kind](l, a, b, c)
    return 1
end

local l
local i = 2
while ARGV[i] do
    local kind, pos = string.sub(ARGV[i], 1, 1), string.sub(ARGV[i], 2)
    i = i + 1
    if kind == 'L' then
        l = lease_of(ARGV[i], ARGV[i + 1])
    else
        reply[#reply + 1] = item(l, kind, pos, i)
    end
    i = i + arguments[kind] + (kind == 'G' and 3 * pos or 0)
end

--#include count_up

if #sent > 0 then
    local over = call('RPUSH', results, unpack(sent)) - tonumber(ARGV[1])
    if over > 0 then
        -- Bounded: after the limit was lowered the list shrinks in steps.
        over = math.min(over, 1000)
        call('LTRIM', results, over, -1)
        counts.trimmed = over
        reply[1] = over
    end
end
if #died > 0 then
    call('RPUSH', dead, unpack(died))
    counts.dead = #died
end
if #back > 0 then
    call('LPUSH', Q, unpack(back))
end
for name, k in pairs(counts) do
    if k > 0 then
        count_up(name, k)
    end
end
for _, l in pairs(leases) do
    if l and l.gone > 0 then
        -- Where it is no number, or below what there is, a claim finds that nothing is left.
        local left = redis.pcall('HINCRBY', batch, l.id .. '#', -l.gone)
        if left == 0 then
            call('HDEL', batch, l.id, l.id .. '#', l.id .. '!')
            call('ZREM', due, l.id)
        end
    end
end
return reply
