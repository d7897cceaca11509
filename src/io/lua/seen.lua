-- SPDX-License-Identifier: MIT
-- Duplicates by producers: who held each id first within the window? The marker's value is the
-- holder, so the same job coming back is not taken for another.
-- KEYS batch, then the markers (≤ 128); ARGV window_ms, then a holder per marker
-- Reply: per marker 1 for a duplicate, else 0
local call = redis.call
for i = 2, #KEYS do
    call('STRLEN', KEYS[i]) -- fails on a wrong type while nothing is written yet
end
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS[1], '')
local reply = {}
for i = 2, #KEYS do
    local first = call('SET', KEYS[i], ARGV[i], 'NX', 'PX', ARGV[1])
    reply[i - 1] = not first and call('GET', KEYS[i]) ~= ARGV[i] and 1 or 0
end
return reply
