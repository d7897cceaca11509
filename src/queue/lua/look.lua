-- SPDX-License-Identifier: MIT
-- A look at the queue's head and its living workers; writes nothing.
-- KEYS: ready workers
-- ARGV: most (bytes of a head worth showing)
-- REPLY: now workers length head
-- workers: alive; length: of the queue's first element (-1: none); head: its bytes unless too many.
local call = redis.call
local t = call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local head = call('LINDEX', KEYS.ready, 0)
local alive = call('ZCOUNT', KEYS.workers, now, '+inf')
if not head then
    return {now, alive, -1, ''}
end
if #head > tonumber(ARGV.most) then
    return {now, alive, #head, ''}
end
return {now, alive, #head, head}
