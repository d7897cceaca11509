-- SPDX-License-Identifier: MIT
-- Model steps: claim, reap (an expired lease), promote (a waiting retry).
-- KEYS Q due batch member inbox count workers run oversize, parked lists: those to be drained
-- first, then all others known; config.
-- ARGV n (≤ 256) id fence lease_ms worker digest run_id job_max parked_max drained
-- lpop_has_count crash_limit alone may_forget, then per list to be drained the most jobs to take
-- A suspect is a single job, or a batch that is one call of several, that has outlived crash_limit
-- workers (I4): it is taken by a worker that holds nothing else (alone), and with nothing else, so
-- that nobody dies with it.
-- Reply: now, ready jobs taken (−2: held back, −4: Redis may have forgotten), 1 when suspects wait, then
-- per batch
-- {id, t0, digest, taken over, crashes, grouping ('': none), marks of digest (''), position, value, …}
local Q, due, batch, member, inbox, count, workers, run, oversize = unpack(KEYS, 1, 9)
local config = KEYS[#KEYS]
local n, id, fence, lease = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local worker, digest, run_id = ARGV[5], ARGV[6], ARGV[7]
local job_max, parked_max = tonumber(ARGV[8]), tonumber(ARGV[9])
local drained, lpop_has_count = tonumber(ARGV[10]), ARGV[11] == '1'
local crash_limit, alone = tonumber(ARGV[12]), ARGV[13] == '1'
local call = redis.call

-- Reads fail on a wrong type while nothing is written yet.
call('LLEN', Q)
call('LLEN', inbox)
call('ZCARD', due)
call('ZCARD', workers)
for _, k in ipairs({batch, member, count, oversize, config}) do
    call('HLEN', k)
end
local seen = call('GET', run) or ''
local held = false
for i = 10, #KEYS - 1 do
    held = call('LLEN', KEYS[i]) >= parked_max and i > 9 + drained or held
end

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', batch, '')
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local since = tonumber(string.match(seen, ' (%d+)$'))
if not since or string.sub(seen, 1, #run_id + 1) ~= run_id .. ' ' then
    -- Before a queue's very first claim there was nothing to forget.
    since = seen == '' and 0 or now
    call('SET', run, run_id .. ' ' .. since)
end
local guarded = now < since + lease
if guarded and ARGV[14] == '1' then
    -- Calls of forgotten claims may be under way until then.
    return {now, -4, 0}
end

local reply, taken, reclaimed, promoted = {now, 0, 0}, 0, 0, 0

local function forget(b)
    call('HDEL', batch, b, b .. '#', b .. '!')
    call('ZREM', due, b)
end

-- A grouping begins with the numbers of its calls and of their members.
local function is_suspect(k, crashes, value, grouping)
    return (k == 1 or string.match(grouping, '^1 (%d+) ') == tostring(k)) and
        crashes + (tonumber(string.match(value, '^%d+')) or 0) >= crash_limit
end

-- False for a batch that was left alone.
local function take(suspects, b, state, t0, owner, size, crashes, sum, grouping)
    local fields = {}
    for p = 1, size do
        fields[p] = b .. ':' .. (p - 1)
    end
    local values = call('HMGET', member, unpack(fields))
    if state == 'L' then
        local beat = call('ZSCORE', workers, owner)
        if not beat or tonumber(beat) < now then
            crashes = crashes + 1
        end
    end
    if state == 'W' and grouping == '' then
        sum = digest -- a waiting job is read anew; what may be out stands in its envelope
    end
    local marks = sum ~= digest and call('HGET', config, sum) or ''
    local out = {b, t0, sum, state == 'L' and 1 or 0, crashes, grouping, marks}
    for p = 1, size do
        if values[p] then
            out[#out + 1] = p - 1
            out[#out + 1] = values[p]
        end
    end
    local k = (#out - 7) / 2
    if k == 0 then
        return forget(b)
    end
    if is_suspect(k, crashes, out[9], grouping) ~= suspects then
        reply[3] = suspects and reply[3] or 1
        return false
    end
    local head = {fence, 'L', t0, now, worker, size, crashes, sum}
    call('HSET', batch, b, table.concat(head, ' '))
    call('ZADD', due, now + lease, b)
    if state == 'L' then
        reclaimed = reclaimed + k
    else
        promoted = promoted + k
    end
    taken = taken + k
    reply[#reply + 1] = out
    return true
end

local entries = {}
if n > 0 then
    entries = call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 128)
end
local function visit(b, suspects)
    local meta = call('HMGET', batch, b, b .. '#', b .. '!')
    local state, t0, owner, size, crashes, sum =
        string.match(meta[1] or '', '^%S+ (%S) (%d+) %d+ (%S+) (%d+) (%d+) (%S+)$')
    if not state then
        call('ZREM', due, b)
    elseif not (guarded and state == 'L') and
        (taken == 0 or tonumber(meta[2] or size) <= n - taken) then
        return take(suspects, b, state, t0, owner, tonumber(size), tonumber(crashes), sum,
            meta[3] or '')
    end
end

local solo = false
for k = 1, alone and #entries or 0 do
    solo = solo or visit(entries[k], true)
end
for k = 1, solo and 0 or #entries do
    if taken < n then
        visit(entries[k], false)
    end
end
if reclaimed > 0 then
    call('HINCRBY', count, 'reclaimed', reclaimed)
end
if promoted > 0 then
    call('HINCRBY', count, 'delayed', -promoted)
end

local size, out, values = 0, {id, tostring(now), digest, 0, 0, '', ''}, {}

local function add(v)
    values[2 * size + 1] = id .. ':' .. size
    values[2 * size + 2] = v
    out[2 * size + 8] = size
    out[2 * size + 9] = v
    size = size + 1
end

local function add_raw(v)
    if #v <= job_max then
        return add('0 0 ' .. v)
    end
    local uid = id .. '-' .. size
    local ref = '!' .. #v .. ' ' .. uid
    call('HSET', oversize, uid, v)
    add('0 ' .. #ref .. ' ' .. ref)
end

local function pop(key, k, put)
    local before = size
    if k > 0 and lpop_has_count then
        for _, v in ipairs(call('LPOP', key, k) or {}) do
            put(v)
        end
        return size - before
    end
    while size - before < k do
        local v = call('LPOP', key)
        if not v then
            break
        end
        put(v)
    end
    return size - before
end

local room = solo and 0 or n > 0 and n - taken or 256
for i = 10, 9 + drained do
    pop(KEYS[i], math.min(room - size, tonumber(ARGV[i + 5])), add)
end
if n > 0 and not held then
    local ready = pop(inbox, room - size, add_raw)
    reply[2] = ready + pop(Q, room - size, add_raw)
elseif n > 0 then
    reply[2] = -2
end

if size > 0 then
    local head = {fence, 'L', now, now, worker, size, 0, digest}
    call('HSET', batch, id, table.concat(head, ' '), id .. '#', size)
    call('HSET', member, unpack(values))
    call('ZADD', due, now + lease, id)
    reply[#reply + 1] = out
end
return reply
