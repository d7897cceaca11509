-- SPDX-License-Identifier: MIT
-- Keeps the marks of a worker's configuration, for whoever takes over its batches under another one;
-- of too many configurations the one that was told of longest ago is forgotten.
-- KEYS: config
-- ARGV: digest marks most
-- Reply: how many are kept
local call = redis.call
local order = {}
for digest in string.gmatch(call('HGET', KEYS.config, 'order') or '', '%S+') do
    if digest ~= ARGV.digest then
        order[#order + 1] = digest
    end
end
order[#order + 1] = ARGV.digest
-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.config, '')
while #order > tonumber(ARGV.most) do
    call('HDEL', KEYS.config, table.remove(order, 1))
end
call('HSET', KEYS.config, ARGV.digest, ARGV.marks, 'order', table.concat(order, ' '))
return #order
