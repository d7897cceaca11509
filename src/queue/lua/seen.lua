-- SPDX-License-Identifier: MIT
-- Duplicates by producers: who held each id first within the window? A marker's value is the
-- holder, so the same job coming back is not taken for another. An id is new where none of its
-- markers is another's, and then all of them are its holder's.
-- KEYS: batch, marker … (each of the first id, of the second …; ≤ 256)
-- ARGV: window_ms each, holder … (each: how many markers an id has; a holder per id)
-- Reply: per id 1 for a duplicate, else 0
local call = redis.call
local each = tonumber(ARGV.each)
local by, odd = {}, {}
for i = 1, #KEYS.marker do
    local holder = redis.pcall('GET', KEYS.marker[i])
    if type(holder) == 'table' then
        if not string.find(holder.err, 'WRONGTYPE', 1, true) then
            return holder -- nothing is written yet
        end
        odd[KEYS.marker[i]], holder = true, false -- no marker, and no reason to hold up other ids
    end
    by[i] = holder
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.batch, '')

local function put(key, holder)
    if not odd[key] then
        return call('SET', key, holder, 'NX', 'PX', ARGV.window_ms)
    end
    odd[key] = nil
    return call('SET', key, holder, 'PX', ARGV.window_ms)
end

local function is_held(first, holder)
    for i = first, first + each - 1 do
        if by[i] and by[i] ~= holder then
            return true
        end
    end
    -- The same id may stand before it in this very list.
    return not by[first] and not put(KEYS.marker[first], holder) and
        call('GET', KEYS.marker[first]) ~= holder
end

local reply = {}
for n = 1, #ARGV.holder do
    local first = 1 + (n - 1) * each
    local held = is_held(first, ARGV.holder[n])
    for i = first + 1, held and 0 or first + each - 1 do
        put(KEYS.marker[i], ARGV.holder[n])
    end
    reply[n] = held and 1 or 0
end
return reply
