-- SPDX-License-Identifier: MIT
-- Keeps the marks of a worker's configuration, for whoever takes over its batches under another one;
-- of too many configurations the one that was told of longest ago is forgotten.
-- KEYS config; ARGV digest marks most
-- Reply: how many are kept
local config = KEYS[1]
local call = redis.call
local order = {}
for digest in string.gmatch(call('HGET', config, 'order') or '', '%S+') do
    if digest ~= ARGV[1] then
        order[#order + 1] = digest
    end
end
order[#order + 1] = ARGV[1]
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', config, '')
while #order > tonumber(ARGV[3]) do
    call('HDEL', config, table.remove(order, 1))
end
call('HSET', config, ARGV[1], ARGV[2], 'order', table.concat(order, ' '))
return #order
