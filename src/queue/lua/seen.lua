-- SPDX-License-Identifier: MIT
-- Duplicates by producers: who held each id first within the window? A marker's value is the
-- holder, so the same job coming back is not taken for another. An id is new where none of its
-- markers is another's, and then all of them are its holder's.
-- KEYS batch, then the markers of each id (ids × markers ≤ 256)
-- ARGV window_ms, markers of an id, then a holder per id
-- Reply: per id 1 for a duplicate, else 0
local call = redis.call
local each = tonumber(ARGV[2])
local by, odd = {}, {}
for i = 2, #KEYS do
    local holder = redis.pcall('GET', KEYS[i])
    if type(holder) == 'table' then
        if not string.find(holder.err, 'WRONGTYPE', 1, true) then
            return holder -- nothing is written yet
        end
        odd[KEYS[i]], holder = true, false -- no marker, and no reason to hold up other ids
    end
    by[i] = holder
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS[1], '')

local function put(key, holder)
    if not odd[key] then
        return call('SET', key, holder, 'NX', 'PX', ARGV[1])
    end
    odd[key] = nil
    return call('SET', key, holder, 'PX', ARGV[1])
end

local function is_held(first, holder)
    for i = first, first + each - 1 do
        if by[i] and by[i] ~= holder then
            return true
        end
    end
    -- The same id may stand before it in this very list.
    return not by[first] and not put(KEYS[first], holder) and call('GET', KEYS[first]) ~= holder
end

local reply = {}
for n = 3, #ARGV do
    local first = 2 + (n - 3) * each
    local held = is_held(first, ARGV[n])
    for i = first + 1, held and 0 or first + each - 1 do
        put(KEYS[i], ARGV[n])
    end
    reply[n - 2] = held and 1 or 0
end
return reply
