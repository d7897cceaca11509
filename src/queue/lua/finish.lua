-- SPDX-License-Identifier: MIT
-- Model steps: finish, mark, regroup. Ends members of leased batches, outcome and acknowledgement
-- in one.
-- KEYS: ready due batch member count results dead oversize apps, parked …
-- ARGV: results_max, item … (a lease, then its items, the next lease …; items: ≤ 128)
-- An item is the letter of its kind with the position of its member behind it, and its arguments:
-- LEASE: kind batch fence
-- ENDED: kind outcome (SENT, DUPLICATE, DEAD)
-- RETRY: kind id at value (to due: id of the waiting batch, value of the member)
-- PARK: kind list app value (list: which of the parked ones)
-- RETURN: kind bytes ref (to the head of the queue; ref: key of the bytes in oversize, '': none)
-- MARK: kind grouping (recorded once)
-- REGROUP: kind id at grouping (a call's members to due, all or none; instead of a position how many)
-- MEMBER: position crashes envelope (of each of them, behind REGROUP)
-- KIND.LEASE = 'L'
-- KIND.SENT = 'S'
-- KIND.DUPLICATE = 'U'
-- KIND.DEAD = 'D'
-- KIND.RETRY = 'R'
-- KIND.PARK = 'P'
-- KIND.RETURN = 'B'
-- KIND.MARK = 'M'
-- KIND.REGROUP = 'G'
-- REPLY: trimmed, answer … (results trimmed; for MARK the grouping that was there, when it is another)
-- ANSWER.DONE = 1
-- ANSWER.STALE = 0: its lease has moved on
local call = redis.call

-- Reads fail on a wrong type while nothing is written yet.
call('LLEN', KEYS.ready)
call('LLEN', KEYS.results)
call('LLEN', KEYS.dead)
call('ZCARD', KEYS.due)
call('HLEN', KEYS.batch)
call('HLEN', KEYS.member)
call('HLEN', KEYS.count)
call('HLEN', KEYS.oversize)
call('SCARD', KEYS.apps)
for i = 1, #KEYS.parked do
    call('LLEN', KEYS.parked[i])
end

local leases, reply = {}, {0}
local sent, died, back = {}, {}, {}
local counts = {sent = 0, duplicate = 0, dead = 0, delayed = 0, trimmed = 0}

local function lease_of(id, fence)
    local key = id .. fence
    if leases[key] == nil then
        local head = call('HGET', KEYS.batch, id) or ''
        local f, t0, digest = string.match(head, '^(%S+) L (%d+) .* (%S+)$')
        leases[key] = f == fence and {id = id, gone = 0, t0 = t0, digest = digest}
    end
    return leases[key]
end

local function mark(id, text)
    local old = call('HGET', KEYS.batch, id .. '!')
    if not old then
        -- A first write that a full memory cannot refuse lets the next one pass.
        call('HDEL', KEYS.batch, '')
        call('HSET', KEYS.batch, id .. '!', text)
    end
    return old and old ~= text and old or ANSWER.DONE
end

local function wait(l, id, at, size)
    local head = {'-', 'W', l.t0, 0, '-', size, 0, l.digest}
    call('HSET', KEYS.batch, id, table.concat(head, ' '), id .. '#', size)
    call('ZADD', KEYS.due, at, id)
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

-- i: the place in ARGV before the item, here and below.
local function regroup(l, i, n)
    local id, members, fields, put = ARGV[i + REGROUP.id], i + #REGROUP, {}, {}
    for k = 1, n do
        fields[k] = l.id .. ':' .. ARGV[members + (k - 1) * #MEMBER + MEMBER.position]
    end
    local values = call('HMGET', KEYS.member, unpack(fields))
    for k = 1, n do
        if not values[k] then
            return ANSWER.STALE
        end
        local m = members + (k - 1) * #MEMBER
        put[2 * k - 1] = id .. ':' .. (k - 1)
        put[2 * k] = with_envelope(values[k], ARGV[m + MEMBER.crashes], ARGV[m + MEMBER.envelope])
    end
    call('HDEL', KEYS.member, unpack(fields))
    call('HSET', KEYS.member, unpack(put))
    call('HSET', KEYS.batch, id .. '!', ARGV[i + REGROUP.grouping])
    wait(l, id, ARGV[i + REGROUP.at], n)
    l.gone = l.gone + n
    return ANSWER.DONE
end

local move = {}
move[KIND.SENT] = function(l, i)
    sent[#sent + 1] = ARGV[i + ENDED.outcome]
    counts.sent = counts.sent + 1
end
move[KIND.DUPLICATE] = function(l, i)
    sent[#sent + 1] = ARGV[i + ENDED.outcome]
    counts.duplicate = counts.duplicate + 1
end
move[KIND.DEAD] = function(l, i)
    died[#died + 1] = ARGV[i + ENDED.outcome]
end
move[KIND.RETRY] = function(l, i)
    local id = ARGV[i + RETRY.id]
    call('HSET', KEYS.member, id .. ':0', ARGV[i + RETRY.value])
    wait(l, id, ARGV[i + RETRY.at], 1)
end
move[KIND.PARK] = function(l, i)
    local list = tonumber(ARGV[i + PARK.list])
    call('RPUSH', KEYS.parked[list], ARGV[i + PARK.value])
    call('SADD', KEYS.apps, ARGV[i + PARK.app])
end
move[KIND.RETURN] = function(l, i)
    local bytes, ref = ARGV[i + RETURN.bytes], ARGV[i + RETURN.ref]
    if ref ~= '' then
        bytes = call('HGET', KEYS.oversize, ref) or bytes
        call('HDEL', KEYS.oversize, ref)
    end
    table.insert(back, 1, bytes)
end

local length = {
    [KIND.LEASE] = #LEASE, [KIND.SENT] = #ENDED, [KIND.DUPLICATE] = #ENDED, [KIND.DEAD] = #ENDED,
    [KIND.RETRY] = #RETRY, [KIND.PARK] = #PARK, [KIND.RETURN] = #RETURN, [KIND.MARK] = #MARK,
    [KIND.REGROUP] = #REGROUP
}

-- The answer to an item of the lease l, which is false when it has moved on.
local function item(l, kind, pos, i)
    if not l then
        return ANSWER.STALE
    elseif kind == KIND.REGROUP then
        return regroup(l, i, tonumber(pos))
    elseif kind == KIND.MARK then
        return mark(l.id, ARGV[i + MARK.grouping])
    elseif call('HDEL', KEYS.member, l.id .. ':' .. pos) == 0 then
        return ANSWER.STALE
    end
    l.gone = l.gone + 1
    move[kind](l, i)
    return ANSWER.DONE
end

local l
local i = #ARGV - #ARGV.item
while ARGV[i + 1] do
    local kind, pos = string.sub(ARGV[i + 1], 1, 1), string.sub(ARGV[i + 1], 2)
    if kind == KIND.LEASE then
        l = lease_of(ARGV[i + LEASE.batch], ARGV[i + LEASE.fence])
    else
        reply[#reply + 1] = item(l, kind, pos, i)
    end
    i = i + length[kind] + (kind == KIND.REGROUP and #MEMBER * pos or 0)
end

--#include count_up

if #sent > 0 then
    local over = call('RPUSH', KEYS.results, unpack(sent)) - tonumber(ARGV.results_max)
    if over > 0 then
        -- Bounded: after the limit was lowered the list shrinks in steps.
        over = math.min(over, 1000)
        call('LTRIM', KEYS.results, over, -1)
        counts.trimmed = over
        reply[REPLY.trimmed] = over
    end
end
if #died > 0 then
    call('RPUSH', KEYS.dead, unpack(died))
    counts.dead = #died
end
if #back > 0 then
    call('LPUSH', KEYS.ready, unpack(back))
end
for name, k in pairs(counts) do
    if k > 0 then
        count_up(name, k)
    end
end
for _, l in pairs(leases) do
    if l and l.gone > 0 then
        -- Where it is no number, or below what there is, a claim finds that nothing is left.
        local left = redis.pcall('HINCRBY', KEYS.batch, l.id .. '#', -l.gone)
        if left == 0 then
            call('HDEL', KEYS.batch, l.id, l.id .. '#', l.id .. '!')
            call('ZREM', KEYS.due, l.id)
        end
    end
end
return reply
