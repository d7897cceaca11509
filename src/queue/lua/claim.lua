-- SPDX-License-Identifier: MIT
-- Model steps: claim, reap (an expired lease), halve (one that outlives its workers), promote (a waiting retry).
-- KEYS: ready due batch member inbox count workers run oversize config, parked …
-- ARGV: n id fence lease_ms worker digest run_id job_max parked_all_max
-- ARGV: lpop_has_count crash_limit alone may_forget order turn from_end no_due most whole, limit …
-- n: ≤ 256; parked: lists to be taken from first, then all others known; limit: for each list to be
-- taken from the most jobs to take.
-- What is not due is taken in one of three orders. first: the lists give all that they may, ready
-- jobs what is left of n. turn: each list that has jobs, and ready, gives an equal part of n, what
-- one of them leaves is shared by the others, and the odd ones begin at that turn. beside: the
-- lists give what they may, and ready jobs n, as far as there is room for them among all parked ones.
-- A suspect is a single job, or a batch that is one call of several, that has outlived crash_limit
-- workers (I4): it is taken by a worker that holds nothing else (alone), and with nothing else, so
-- that nobody dies with it.
-- Halving: a batch that comes back from a second worker that died, or a later one, is handed out in part; the rest stays as the
-- dead worker left it, as a batch of its own, so that whatever is too much for a worker is alone in the end. The jobs of a call
-- stay together.
-- REPLY: now taken suspects left lengths, batch …
-- taken: ready jobs, or
-- TAKEN.HELD = -1: as all lists that are not taken from are full together
-- TAKEN.FORGOTTEN = -2: Redis may have forgotten claims
-- suspects: 1 when some wait; left: ready jobs; lengths: that the lists have now; a batch:
-- BATCH: id t0 digest over crashes grouping marks, position value …
-- over: 1 when it is taken over; grouping: '' none; marks: of digest, '' not known.
local n, id, fence, lease = tonumber(ARGV.n), ARGV.id, ARGV.fence, tonumber(ARGV.lease_ms)
local worker, digest, run_id = ARGV.worker, ARGV.digest, ARGV.run_id
local job_max, parked_all_max = tonumber(ARGV.job_max), tonumber(ARGV.parked_all_max)
local lists, lpop_has_count = #ARGV.limit, ARGV.lpop_has_count == '1'
local crash_limit, alone = tonumber(ARGV.crash_limit), ARGV.alone == '1'
local order, turn, no_due = ARGV.order, tonumber(ARGV.turn), ARGV.no_due == '1'
local pop_from = ARGV.from_end == '1' and 'RPOP' or 'LPOP'
local all_most, whole = tonumber(ARGV.most), tonumber(ARGV.whole)
local call, max, min = redis.call, math.max, math.min
local halved_from = 2 -- crashes

-- Reads fail on a wrong type while nothing is written yet.
local waiting = call('LLEN', KEYS.ready)
local here = call('LLEN', KEYS.inbox)
call('ZCARD', KEYS.due)
call('ZCARD', KEYS.workers)
call('HLEN', KEYS.batch)
call('HLEN', KEYS.member)
call('HLEN', KEYS.count)
call('HLEN', KEYS.oversize)
call('HLEN', KEYS.config)
local seen = call('GET', KEYS.run) or ''
if call('HEXISTS', KEYS.batch, id) == 1 then
    -- Whoever stands between may send a script twice: what the first one took would be written over.
    return {err = 'TWICE the claim ' .. id .. ' was made already'}
end
local lens, parked = {}, 0
for i = 1, #KEYS.parked do
    lens[i] = call('LLEN', KEYS.parked[i])
    parked = parked + ((i > lists or order == 'beside') and lens[i] or 0)
end
local held = n > 0 and parked >= parked_all_max

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.batch, '')
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local since = tonumber(string.match(seen, ' (%d+)$'))
if not since or since > now or string.sub(seen, 1, #run_id + 1) ~= run_id .. ' ' then
    -- Before a queue's very first claim there was nothing to forget.
    since = seen == '' and 0 or now
    call('SET', KEYS.run, run_id .. ' ' .. since)
end
local guarded = now < since + lease
if guarded and ARGV.may_forget == '1' then
    -- Calls of forgotten claims may be under way until then.
    return {now, TAKEN.FORGOTTEN, 0, waiting, lens}
end

local reply, taken, reclaimed, promoted = {now, 0, 0, 0, lens}, 0, 0, 0

local function forget(b)
    call('HDEL', KEYS.batch, b, b .. '#', b .. '!')
    call('ZREM', KEYS.due, b)
end

-- A grouping begins with the numbers of its calls and of their members.
local function is_suspect(k, crashes, value, grouping)
    return (k == 1 or string.match(grouping, '^1 (%d+) ') == tostring(k)) and
        crashes + (tonumber(string.match(value, '^%d+')) or 0) >= crash_limit
end

-- A member's uid is made of its first batch and position, unless its envelope has one.
local function with_uid(value, b, pos, t0)
    local uid = b .. '-' .. pos
    local new = '{"uid":"' .. uid .. '","origin":"' .. uid .. '","t0":' .. t0 .. '}'
    local crashes, len, from = string.match(value, '^(%d+) (%d+) ()')
    if not crashes or from + len > #value + 1 then
        crashes, len, from = 0, 0, 1 -- one that cannot be read is all bytes
    end
    local envelope = string.sub(value, from, from + len - 1)
    if envelope == '' then
        envelope = new
    elseif string.match(envelope, '^!%d+ [^ ]+$') then
        envelope = envelope .. ' ' .. new
    else
        return value
    end
    return crashes .. ' ' .. #envelope .. ' ' .. envelope .. string.sub(value, from + len)
end

-- The grouping of some of the calls.
local function group(list, from, to)
    local calls, n, texts = 0, 0, ''
    for i = from, to do
        if list[i].text then
            calls, n, texts = calls + 1, n + list[i].named, texts .. ' ' .. list[i].text
        end
    end
    return calls > 0 and calls .. ' ' .. n .. texts or ''
end

-- What goes out together: {places in out …}, with the text of its call where it is one of several. None
-- where the grouping is not understood: all may be one call.
local function calls_of(out, grouping)
    local by_pos, list, recorded = {}, {}, {}
    for text, members in string.gmatch(grouping, ' (%u:[^: ]+:([%d,/]+))') do
        local c = {text = text, named = 0}
        recorded[#recorded + 1] = c
        for pos in string.gmatch(members, '%d+') do
            by_pos[tonumber(pos)] = c
            c.named = c.named + 1
        end
    end
    if group(recorded, 1, #recorded) ~= grouping then
        return list
    end
    for at = BATCH.position[1], #out, 2 do
        local c = by_pos[out[at]] or {}
        if #c == 0 then
            list[#list + 1] = c
        end
        c[#c + 1] = at
    end
    return list
end

local function note(b, size, grouping)
    call('HSET', KEYS.batch, b .. '#', size)
    if grouping == '' then
        call('HDEL', KEYS.batch, b .. '!')
    else
        call('HSET', KEYS.batch, b .. '!', grouping)
    end
end

-- The latter half of the calls becomes a batch that nobody has reclaimed yet. Returns the former.
local function halve(out, list, head)
    local b, keep = out[BATCH.id], {unpack(out, 1, #BATCH)}
    local rest, k, gone, put = string.sub(redis.sha1hex(b .. fence), 1, #b), 0, {}, {}
    local kept = math.ceil(#list / 2)
    local leaves = {}
    for i = kept + 1, #list do
        for _, at in ipairs(list[i]) do
            leaves[at] = true
        end
    end
    for at = BATCH.position[1], #out, 2 do -- positions rise
        local pos, value = out[at], out[at + 1]
        if not leaves[at] then
            keep[#keep + 1] = pos
            keep[#keep + 1] = value
        else
            k = k + 1
            gone[k] = b .. ':' .. pos
            put[2 * k - 1] = rest .. ':' .. pos
            put[2 * k] = with_uid(value, b, pos, out[BATCH.t0])
        end
    end
    call('HDEL', KEYS.member, unpack(gone))
    call('HSET', KEYS.member, unpack(put))
    keep[BATCH.grouping] = group(list, 1, kept)
    note(b, (#keep - #BATCH) / 2, keep[BATCH.grouping])
    note(rest, k, group(list, kept + 1, #list))
    call('HSET', KEYS.batch, rest, head)
    call('ZADD', KEYS.due, now, rest)
    return keep
end

-- Together its jobs only come as far as the limit: then each is tried alone.
local function cap(out, before, crashes)
    local own = 0
    for at = BATCH.value[1], #out, 2 do
        own = max(own, tonumber(string.match(out[at], '^%d+')) or 0)
    end
    return min(crashes, max(before, crash_limit - own))
end

-- What is no number of jobs a batch may have is none: then all positions are looked at.
local function size_of(text)
    local k = tonumber(text) or 0
    return k >= 1 and k <= 256 and k or nil
end

-- False for a batch that was left alone.
local function take(suspects, b, state, t0, owner, size, crashes, sum, grouping)
    local fields = {}
    for p = 1, size do
        fields[p] = b .. ':' .. (p - 1)
    end
    local values = call('HMGET', KEYS.member, unpack(fields))
    local before = crashes
    if state == 'L' then
        local beat = call('ZSCORE', KEYS.workers, owner)
        if not beat or tonumber(beat) < now then
            crashes = crashes + 1
        end
    end
    if state == 'W' and grouping == '' then
        sum = digest -- a waiting job is read anew; what may be out stands in its envelope
    end
    local marks = sum ~= digest and call('HGET', KEYS.config, sum) or ''
    local out = {b, t0, sum, state == 'L' and 1 or 0, crashes, grouping, marks}
    for p = 1, size do
        if values[p] then
            out[#out + 1] = p - 1
            out[#out + 1] = values[p]
        end
    end
    local k = (#out - #BATCH) / 2
    if k == 0 then
        return forget(b)
    end
    local list = not suspects and state == 'L' and crashes >= halved_from and k > 1 and calls_of(out, grouping) or {}
    if #list > 1 then
        crashes = cap(out, before, crashes)
        out[BATCH.crashes] = crashes
        out = halve(out, list, table.concat({'-', 'L', t0, now, owner, size, before, sum}, ' '))
        k, grouping = (#out - #BATCH) / 2, out[BATCH.grouping]
    end
    if is_suspect(k, crashes, out[BATCH.value[1]], grouping) ~= suspects then
        reply[REPLY.suspects] = suspects and reply[REPLY.suspects] or 1
        return false
    end
    local head = {fence, 'L', t0, now, worker, size, crashes, sum}
    call('HSET', KEYS.batch, b, table.concat(head, ' '))
    call('ZADD', KEYS.due, now + lease, b)
    if state == 'L' then
        reclaimed = reclaimed + k
    else
        promoted = promoted + k
    end
    taken = taken + k
    reply[#reply + 1] = out
    return true
end

--#include count_up

local entries = {}
if n > 0 and not no_due then
    entries = call('ZRANGEBYSCORE', KEYS.due, '-inf', now, 'LIMIT', 0, 128)
end
local function visit(b, suspects)
    local meta = call('HMGET', KEYS.batch, b, b .. '#', b .. '!')
    local state, t0, owner, size, crashes, sum =
        string.match(meta[1] or '', '^%S+ (%S) (%d+) %d+ (%S+) (%d+) (%d+) (%S+)$')
    if not state then
        call('ZREM', KEYS.due, b)
        return
    elseif guarded and state == 'L' then
        return
    end
    size = size_of(size) or 256
    if (size_of(meta[2]) or size) > (taken == 0 and max(n, whole) or n - taken) then
        reply[REPLY.suspects] = taken == 0 and 1 or reply[REPLY.suspects]
    else
        return take(suspects, b, state, t0, owner, size,
            min(tonumber(crashes), 1000000), sum, meta[3] or '')
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
    count_up('reclaimed', reclaimed)
end
if promoted > 0 then
    count_up('delayed', -promoted)
end

local size, out, values = 0, {id, tostring(now), digest, 0, 0, '', ''}, {}

local function add(v)
    values[2 * size + 1] = id .. ':' .. size
    values[2 * size + 2] = v
    out[BATCH.position[size + 1]] = size
    out[BATCH.value[size + 1]] = v
    size = size + 1
end

local function add_raw(v)
    if #v <= job_max then
        return add('0 0 ' .. v)
    end
    local uid = id .. '-' .. size
    local ref = '!' .. #v .. ' ' .. uid
    call('HSET', KEYS.oversize, uid, v)
    add('0 ' .. #ref .. ' ' .. ref)
end

local function pop(how, key, k, put)
    local before = size
    if k > 0 and lpop_has_count then
        for _, v in ipairs(call(how, key, k) or {}) do
            put(v)
        end
        return size - before
    end
    while size - before < k do
        local v = call(how, key)
        if not v then
            break
        end
        put(v)
    end
    return size - before
end

-- How many each party may give: the lists, then ready.
local want, part = {}, {}
for i = 1, lists do
    want[i] = solo and 0 or min(lens[i], tonumber(ARGV.limit[i]))
end
want[lists + 1] = (solo or held) and 0 or here + waiting

local function share_in_turn(room)
    local hungry = {}
    for k = 0, lists do
        local i = (turn + k) % (lists + 1) + 1
        part[i] = 0
        hungry[#hungry + 1] = want[i] > 0 and i or nil
    end
    while room > 0 and #hungry > 0 do
        local most, still = max(1, math.floor(room / #hungry)), {}
        for _, i in ipairs(hungry) do
            local k = min(most, want[i] - part[i], room)
            part[i], room = part[i] + k, room - k
            still[#still + 1] = part[i] < want[i] and i or nil
        end
        hungry = still
    end
end

local room = max(0, n - taken)
if order == 'turn' then
    share_in_turn(room)
else
    local most = order == 'first' and room or max(0, all_most - taken - room)
    for i = 1, lists do
        part[i] = min(want[i], most)
        most = most - part[i]
    end
    if order == 'beside' then
        room = min(room, max(0, parked_all_max - parked)) -- they may be parked with the others
    end
    part[lists + 1] = min(want[lists + 1], order == 'first' and most or room)
end
for i = 1, lists do
    lens[i] = lens[i] - pop(pop_from, KEYS.parked[i], part[i], add)
end
local from_inbox = pop('LPOP', KEYS.inbox, min(here, part[lists + 1]), add_raw)
local from_queue = pop('LPOP', KEYS.ready, part[lists + 1] - from_inbox, add_raw)
reply[REPLY.taken] = held and TAKEN.HELD or from_inbox + from_queue
reply[REPLY.left] = waiting - from_queue

if size > 0 then
    local head = {fence, 'L', now, now, worker, size, 0, digest}
    call('HSET', KEYS.batch, id, table.concat(head, ' '), id .. '#', size)
    call('HSET', KEYS.member, unpack(values))
    call('ZADD', KEYS.due, now + lease, id)
    reply[#reply + 1] = out
end
return reply
