-- SPDX-License-Identifier: MIT
-- A look at the queue's head and its living workers; writes nothing.
-- KEYS Q workers; ARGV most bytes of a head worth showing
-- Reply: now, workers alive, length of Q's first element (-1: none), and its bytes unless too many
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local head = call('LINDEX', KEYS[1], 0)
local alive = call('ZCOUNT', KEYS[2], now, '+inf')
if not head then
    return {now, alive, -1, ''}
end
if #head > tonumber(ARGV[1]) then
    return {now, alive, #head, ''}
end
return {now, alive, #head, head}
